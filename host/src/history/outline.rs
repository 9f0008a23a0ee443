//! What rules said and what was planned, in outline: names and pointers, never values.

use serde::{Deserialize, Serialize};

use crate::manifest::{Finding, Severity};

/// What rules said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingsNote {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warnings: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub infos: u32,
    /// Errors first; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<FindingNote>,
}

/// One finding, without its proposal and its notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingNote {
    pub rule: String,
    pub severity: Severity,
    pub message: String,
    /// `Service acme/shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// RFC 6901.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// `kits/acme/shop/service.yaml:14`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl FindingsNote {
    /// Findings that the pipeline has masked already.
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| {
            let all = findings.iter().filter(|it| it.severity == severity);
            u32::try_from(all.count()).unwrap_or(u32::MAX)
        };
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        sorted.sort_by_key(|it| it.severity);
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            list: sorted
                .into_iter()
                .take(super::bounds::FINDINGS)
                .map(FindingNote::of)
                .collect(),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl FindingNote {
    fn of(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.clone(),
            severity: finding.severity,
            message: finding.message.clone(),
            object: finding.object.as_ref().map(ToString::to_string),
            field: finding.field.clone(),
            origin: finding.origin.as_ref().map(ToString::to_string),
        }
    }
}

/// What a plan did, objects as `Service acme/shop`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanNote {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Change>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
    /// How many objects were as planned already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left: u32,
    /// How many more there were than the lists have.
    #[serde(default, skip_serializing_if = "Omitted::is_none")]
    pub omitted: Omitted,
}

/// An object that was changed, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub object: String,
    /// RFC 6901 pointers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The field manager whose change was put right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Omitted {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub created: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deleted: u32,
    /// Of all objects in `changed` together.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fields: u32,
}

impl PlanNote {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Omitted {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) fn is_zero(count: &u32) -> bool {
    *count == 0
}
