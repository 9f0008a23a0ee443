//! What others changed on a live object, and what of it is theirs to change.

use crate::kit::{DriftPolicy, IgnoreRule};
use crate::manifest::{Manifest, ObjectKey, Origin};

use super::fields::{matches, missing};
use super::planner::Desired;
use super::{LiveObject, Writer};

/// A live object that differs from its manifest in fields that the kit owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    pub key: ObjectKey,
    pub origin: Origin,
    /// RFC 6901 pointers into the manifest.
    pub fields: Vec<String>,
    /// Who changed the object last, apart from the kit and from controllers' status.
    pub by: Option<Writer>,
}

/// What a live object's fields say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// To be put right, or told.
    pub fields: Vec<String>,
    /// Others own them now, and the kit lets them: they are left out of what is sent.
    pub left: Vec<String>,
    /// It is not known whether the API server ever let the kit own them.
    pub doubtful: bool,
}

/// The size of a workload, which an autoscaler changes.
const REPLICAS: &str = "/spec/replicas";

pub(super) fn changed(desired: &Desired<'_>, manifest: &Manifest, live: &LiveObject) -> Changed {
    let owned = live.fields.as_deref().unwrap_or_default();
    let mut lost = missing(&manifest.object, owned);
    if let Some(never) = &live.never {
        lost.retain(|field| !never.contains(field));
    }
    let (left, fields): (Vec<_>, Vec<_>) = lost.into_iter().partition(|field| {
        live.scaled && field == REPLICAS || ignored(desired.ignore, manifest, field)
    });
    Changed {
        doubtful: live.never.is_none() && live.by.is_none(),
        fields: match desired.drift {
            DriftPolicy::Ignore => Vec::new(),
            DriftPolicy::Correct | DriftPolicy::Report => fields,
        },
        left,
    }
}

fn ignored(rules: &[IgnoreRule], manifest: &Manifest, field: &str) -> bool {
    let key = manifest.key();
    rules.iter().any(|rule| {
        rule.kind
            .as_ref()
            .is_none_or(|kind| *kind == key.group_kind.to_string())
            && rule.name.as_ref().is_none_or(|name| **name == *key.name)
            && rule.fields.iter().any(|pattern| matches(pattern, field))
    })
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
