//! PodDisruptionBudgets: whom they select, and how many may be away.

use serde_json::Value;
use trimtab_plugin::{LabelSelector, Object};

use crate::workload::Workload;

pub struct Budget<'o> {
    pub object: &'o Object,
    selector: Option<LabelSelector>,
}

/// How a budget never lets a Pod go.
pub struct Block {
    pub field: &'static str,
    pub written: String,
    pub proposed: Option<u64>,
}

impl<'o> Budget<'o> {
    pub fn all(objects: &'o [Object]) -> Vec<Self> {
        let budgets = objects
            .iter()
            .filter(|it| it.group() == "policy" && it.kind() == "PodDisruptionBudget");
        budgets
            .map(|object| Self {
                object,
                selector: LabelSelector::read(object.at("/spec/selector")),
            })
            .collect()
    }

    pub fn selects(&self, workload: &Workload<'_>) -> bool {
        self.object.namespace() == workload.object.namespace()
            && self
                .selector
                .as_ref()
                .is_some_and(|it| it.matches(workload.pods.labels))
    }

    /// Why none of so many Pods may ever be evicted; `None` for the size is any size.
    pub fn blocks(&self, size: Option<u64>) -> Option<Block> {
        let (available, unavailable) = (
            self.object.at("/spec/minAvailable"),
            self.object.at("/spec/maxUnavailable"),
        );
        let text = |value: &Value| {
            let text = value.as_str().map(str::to_owned);
            text.unwrap_or_else(|| value.to_string())
        };
        match (Share::read(available), Share::read(unavailable)) {
            (Some(share), None) => {
                let blocked = match size {
                    Some(size) => size > 0 && share.of(size) >= size,
                    None => share.is_all(),
                };
                blocked.then(|| Block {
                    field: "minAvailable",
                    written: text(available),
                    proposed: size
                        .and_then(|size| size.checked_sub(1))
                        .filter(|it| *it > 0),
                })
            }
            (None, Some(share)) => share.is_none().then(|| Block {
                field: "maxUnavailable",
                written: text(unavailable),
                proposed: Some(1),
            }),
            _ => None,
        }
    }
}

/// A number of Pods, or a share of them in hundredths.
enum Share {
    Number(u64),
    Percent(u64),
}

impl Share {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Percent(text.strip_suffix('%')?.parse().ok()?)),
            value => Some(Self::Number(value.as_u64()?)),
        }
    }

    /// Shares are rounded up, as the disruption controller does it.
    fn of(&self, size: u64) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Percent(percent) => size.saturating_mul(*percent).div_ceil(100),
        }
    }

    fn is_all(&self) -> bool {
        matches!(self, Self::Percent(100..))
    }

    fn is_none(&self) -> bool {
        matches!(self, Self::Number(0) | Self::Percent(0))
    }
}
