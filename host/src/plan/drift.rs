//! What others changed on a live object, and what of it is theirs to change.

use serde_json::Value;

use crate::kit::{DriftPolicy, IgnoreRule};
use crate::manifest::{Finding, Manifest, ObjectKey, Origin, Severity};

use super::autoscalers::is_autoscaled;
use super::fields::{matches, missing};
use super::planner::Desired;
use super::{Inventory, LiveObject, Writer};

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
    /// Rules that could not be heard.
    pub faults: Vec<Finding>,
    /// It is not known whether the API server ever let the kit own them.
    pub doubtful: bool,
}

/// The size of a workload, which an autoscaler changes.
const REPLICAS: &str = "/spec/replicas";

pub(super) fn changed(
    desired: &Desired<'_>,
    manifest: &Manifest,
    live: &LiveObject,
    inventory: &Inventory,
) -> Changed {
    let owned = live.fields.as_deref().unwrap_or_default();
    let mut lost = missing(&manifest.object, owned);
    if let Some(never) = &live.never {
        lost.retain(|field| !never.contains(field));
    }
    let mut faults = Vec::new();
    let by = live.by.as_ref().map_or("", |by| &*by.manager);
    let (left, fields): (Vec<_>, Vec<_>) = lost.into_iter().partition(|field| {
        field == REPLICAS && is_autoscaled(&manifest.key(), desired.manifests, inventory)
            || ignored(desired.ignore, manifest, field, by, &mut faults)
    });
    Changed {
        doubtful: live.never.is_none() && live.by.is_none(),
        fields: match desired.drift {
            DriftPolicy::Ignore => Vec::new(),
            DriftPolicy::Correct | DriftPolicy::Report => fields,
        },
        left,
        faults,
    }
}

fn ignored(
    rules: &[IgnoreRule],
    manifest: &Manifest,
    field: &str,
    by: &str,
    faults: &mut Vec<Finding>,
) -> bool {
    let key = manifest.key();
    let mut for_it = rules.iter().filter(|rule| {
        rule.kind
            .as_ref()
            .is_none_or(|kind| *kind == key.group_kind.to_string())
            && rule.name.as_ref().is_none_or(|name| **name == *key.name)
            && (rule.fields.is_empty() || rule.fields.iter().any(|pattern| matches(pattern, field)))
    });
    for_it.any(|rule| {
        let Some(when) = &rule.when else {
            return true;
        };
        let meant = when.holds(
            &variables(manifest, field, by)
                .each_ref()
                .map(|(name, value)| (*name, value)),
        );
        // What cannot be told is not ignored: the manifest is what somebody has reviewed.
        meant.unwrap_or_else(|fault| {
            faults.push(unheard(rule, &key, field, &fault));
            false
        })
    })
}

/// As [`crate::kit::IGNORE_VARIABLES`] has them.
fn variables(manifest: &Manifest, field: &str, by: &str) -> [(&'static str, Value); 5] {
    let object = &manifest.object;
    let ends = field
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([field.len()]);
    let within = ends.filter_map(|end| {
        let (list, _) = field[..end].rsplit_once('/')?;
        object.pointer(list).filter(|list| list.is_array())?;
        object.pointer(&field[..end])
    });
    [
        ("object", object.clone()),
        ("field", field.into()),
        ("value", object.pointer(field).cloned().unwrap_or_default()),
        ("within", within.cloned().collect()),
        ("manager", by.into()),
    ]
}

fn unheard(rule: &IgnoreRule, key: &ObjectKey, field: &str, fault: &str) -> Finding {
    let message = format!("whether {field} is to be ignored cannot be told: {fault}");
    let mut finding = Finding::host_error("ignore-rule", message)
        .about(key.clone())
        .at(rule.origin.clone())
        .hint("the field is kept as the manifest has it");
    finding.severity = Severity::Warning;
    finding
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
