//! Who set which field of an object: `metadata.managedFields` (server-side apply).

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::ClusterError;
use crate::plan::Writer;

const APPLY: &str = "Apply";
/// How often a change of managedFields is tried that others get ahead of.
const TRIES: usize = 5;

pub(super) type ObjectApi = Api<DynamicObject>;

/// Whether an entry is the apply entry of this manager.
pub(super) fn is_applied_by(entry: &ManagedFieldsEntry, manager: &str) -> bool {
    entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some(APPLY)
}

/// What the kits' field managers own of an object, as JSON text.
pub(super) fn kit_fields(metadata: &ObjectMeta) -> Option<Arc<str>> {
    let entries = metadata.managed_fields.iter().flatten();
    let ours = entries.filter(|entry| {
        entry.operation.as_deref() == Some(APPLY) && entry.manager.as_deref().is_some_and(is_kit)
    });
    let fields = ours.filter_map(|entry| entry.fields_v1.as_ref());
    let all = fields.fold(None, |all: Option<Value>, fields| match all {
        None => Some(fields.0.clone()),
        Some(mut all) => {
            union(&mut all, fields.0.clone());
            Some(all)
        }
    });
    all.map(|all| all.to_string().into())
}

/// Whether a field manager is a kit's.
pub(super) fn is_kit(manager: &str) -> bool {
    manager.starts_with("trimtab/")
}

/// Field managers of people's and other deployment tools, by how they begin. What they set on an
/// object before a kit takes it over becomes the kit's to keep or to drop; what controllers set
/// stays theirs.
const TOOLS: [&str; 12] = [
    "kubectl",
    "before-first-apply",
    "helm",
    "Helm",
    "argocd",
    "kustomize-controller",
    "helm-controller",
    "flux",
    "terraform",
    "HashiCorp",
    "pulumi",
    "kapp",
];

/// Whether an entry is of a person's or another deployment tool's.
pub(super) fn is_tool(entry: &ManagedFieldsEntry) -> bool {
    let manager = entry.manager.as_deref().unwrap_or_default();
    entry.subresource.is_none() && TOOLS.iter().any(|tool| manager.starts_with(tool))
}

/// Who else changed an object last, status aside.
pub(super) fn last_writer(metadata: &ObjectMeta) -> Option<Writer> {
    let entries = metadata.managed_fields.iter().flatten();
    let others = entries.filter(|entry| {
        entry.subresource.as_deref() != Some("status")
            && entry.manager.as_deref().is_some_and(|it| !is_kit(it))
    });
    let last = others.max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?;
    Some(Writer {
        manager: last.manager.as_deref().unwrap_or_default().into(),
        at: last
            .time
            .as_ref()
            .map(|time| time.0.to_string())
            .unwrap_or_default()
            .into(),
    })
}

/// Whether an object has the size that somebody gave it by its `scale` subresource: autoscalers
/// do, of whatever name, and people. Which of them it was, the autoscalers that there are tell.
pub(super) fn is_scaled(metadata: &ObjectMeta) -> bool {
    let mut entries = metadata.managed_fields.iter().flatten();
    entries.any(|entry| entry.subresource.as_deref() == Some("scale"))
}

/// The entries, with those that `from` picks made a part of `to`'s apply entry: what `to` does not
/// apply next goes from the object. Entries of another API version cannot be joined, and go.
pub(super) fn absorbed(
    entries: &[ManagedFieldsEntry],
    from: impl Fn(&ManagedFieldsEntry) -> bool,
    to: &str,
) -> Vec<ManagedFieldsEntry> {
    let (taken, kept) = entries.iter().cloned().partition(from);
    joined(taken, kept, to)
}

/// The entries that are kept, with those that are taken made a part of `to`'s apply entry.
pub(super) fn joined(
    taken: Vec<ManagedFieldsEntry>,
    mut kept: Vec<ManagedFieldsEntry>,
    to: &str,
) -> Vec<ManagedFieldsEntry> {
    for entry in taken {
        match kept.iter_mut().find(|own| is_applied_by(own, to)) {
            Some(own) if own.api_version == entry.api_version => {
                let more = entry.fields_v1.unwrap_or(FieldsV1(json!({})));
                let fields = own.fields_v1.get_or_insert(FieldsV1(json!({})));
                union(&mut fields.0, more.0);
            }
            Some(_) => {}
            None => kept.push(ManagedFieldsEntry {
                manager: Some(to.to_owned()),
                operation: Some(APPLY.to_owned()),
                subresource: None,
                ..entry
            }),
        }
    }
    kept
}

/// Sets of fields are trees of objects; `.` marks an entry itself.
fn union(into: &mut Value, more: Value) {
    let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) else {
        return;
    };
    for (name, below) in more {
        match into.get_mut(&name) {
            Some(there) => union(there, below),
            None => {
                into.insert(name, below);
            }
        }
    }
}

/// Changes an object's managedFields, and takes labels off, on exactly the version that was seen.
/// `change` gives the new entries, or nothing if there is nothing to do. False if the object is
/// not there.
pub(super) async fn rewrite(
    api: &ObjectApi,
    name: &str,
    labels_off: &[&str],
    change: impl Fn(&ObjectMeta) -> Option<Vec<ManagedFieldsEntry>>,
) -> Result<bool, ClusterError> {
    let mut last = None;
    for _ in 0..TRIES {
        let Some(found) = api.get_metadata_opt(name).await? else {
            return Ok(false);
        };
        let Some(entries) = change(&found.metadata) else {
            return Ok(true);
        };
        let mut operations = vec![
            json!({"op": "replace", "path": "/metadata/resourceVersion",
                "value": found.metadata.resource_version}),
            json!({"op": "replace", "path": "/metadata/managedFields", "value": entries}),
        ];
        let there = found.metadata.labels.unwrap_or_default();
        for label in labels_off
            .iter()
            .filter(|label| there.contains_key(**label))
        {
            let path = format!("/metadata/labels/{}", label.replace('/', "~1"));
            operations.push(json!({"op": "remove", "path": path}));
        }
        let patch = serde_json::from_value(Value::from(operations))
            .map_err(|error| ClusterError::Unreadable(error.to_string()))?;
        let patch: Patch<()> = Patch::Json(patch);
        let params = PatchParams {
            field_manager: Some("trimtab".into()),
            ..PatchParams::default()
        };
        match api.patch_metadata(name, &params, &patch).await {
            Ok(_) => return Ok(true),
            Err(error) => match ClusterError::from(error) {
                error if error.is_conflict() => last = Some(error),
                error if error.is_not_found() => return Ok(false),
                error => return Err(error),
            },
        }
    }
    Err(last.unwrap_or(ClusterError::TimedOut(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.into()),
            operation: Some(operation.into()),
            api_version: Some("v1".into()),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    #[test]
    fn fields_of_another_manager_become_part_of_ours() {
        let entries = [
            entry("old", "Apply", json!({"f:data": {".": {}, "f:a": {}}})),
            entry("trimtab/n/k", "Apply", json!({"f:data": {"f:b": {}}})),
            entry("kubectl", "Update", json!({"f:data": {"f:c": {}}})),
        ];
        let after = absorbed(&entries, |it| is_applied_by(it, "old"), "trimtab/n/k");
        let ours = after.iter().find(|it| is_applied_by(it, "trimtab/n/k"));
        let fields = ours.and_then(|it| it.fields_v1.clone()).map(|it| it.0);
        assert_eq!(
            fields,
            Some(json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}}))
        );
        assert_eq!(after.len(), 2);
    }

    #[test]
    fn an_update_of_another_tool_becomes_an_apply_of_ours() {
        let entries = [entry("helm", "Update", json!({"f:data": {"f:a": {}}}))];
        let after = absorbed(
            &entries,
            |it| it.manager.as_deref() == Some("helm"),
            "trimtab/n/k",
        );
        assert!(matches!(&after[..], [ours] if is_applied_by(ours, "trimtab/n/k")));
    }
}
