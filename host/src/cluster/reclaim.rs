//! Items of lists that others have put where the kit's own go. Server-side apply tells items apart
//! by their keys: whoever changes the port of a Service takes the kit's item away and adds one of
//! their own, and the kit's next apply adds its item beside that one. Where both cannot be, as with
//! two ports without a name, the API server refuses the object, and the drift would stay.

use std::sync::{Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value};

use super::managed_fields::{is_kit, joined, rewrite};
use super::{Cluster, ClusterError};
use crate::plan::{Step, names_item};

/// `metadata.managedFields` with items of others taken.
#[derive(Debug, PartialEq)]
pub(super) struct Reclaimed {
    pub before: Vec<ManagedFieldsEntry>,
    pub after: Vec<ManagedFieldsEntry>,
    /// The field managers that items were taken from.
    pub from: Vec<String>,
}

impl Cluster {
    /// Makes items of lists that others added the kit's, where with them its own would not be
    /// valid: what the manifest does not have goes with the next apply. Nothing if there are none.
    pub(super) async fn clear_the_way(
        &self,
        step: &Step,
        manager: &str,
        error: &ClusterError,
    ) -> Result<Option<Reclaimed>, ClusterError> {
        let (Some(_), Some(api)) = (&step.owner, self.object_api(&step.key)) else {
            return Ok(None);
        };
        let taken = Mutex::new(None);
        let cleared = |metadata: &ObjectMeta| {
            let entries = metadata.managed_fields.as_deref().unwrap_or_default();
            let reclaimed = reclaimed(entries, &step.body, error.fields(), manager);
            let after = reclaimed.as_ref().map(|reclaimed| reclaimed.after.clone());
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = reclaimed;
            after
        };
        rewrite(&api, &step.key.name, &[], cleared).await?;
        Ok(taken.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The items were not what was wrong: they are whose they were, unless something has happened
    /// to the object since.
    pub(super) async fn give_back(
        &self,
        step: &Step,
        reclaimed: &Reclaimed,
    ) -> Result<(), ClusterError> {
        let Some(api) = self.object_api(&step.key) else {
            return Ok(());
        };
        let wanted = owners(&reclaimed.after);
        let back = |metadata: &ObjectMeta| {
            let now = metadata.managed_fields.as_deref().unwrap_or_default();
            (owners(now) == wanted).then(|| reclaimed.before.clone())
        };
        rewrite(&api, &step.key.name, &[], back).await?;
        Ok(())
    }
}

/// Whose which fields are, whenever they became so.
fn owners(entries: &[ManagedFieldsEntry]) -> Vec<String> {
    let owner = |entry: &ManagedFieldsEntry| {
        let mut entry = entry.clone();
        entry.time = None;
        format!("{entry:?}")
    };
    let mut owners: Vec<String> = entries.iter().map(owner).collect();
    owners.sort();
    owners
}

/// Makes `manager`'s the items that others have and the manifest has not, in lists of the manifest
/// that one of `faults` (`spec.ports[1].name`) is about: the innermost that it lies in. Nothing if
/// there are none.
pub(super) fn reclaimed<'f>(
    entries: &[ManagedFieldsEntry],
    manifest: &Value,
    faults: impl Iterator<Item = &'f str>,
    manager: &str,
) -> Option<Reclaimed> {
    let faults: Vec<String> = faults.map(list_of).collect();
    let version = manifest["apiVersion"].as_str();
    let mut kept = Vec::new();
    let mut taken = Vec::new();
    let mut from = Vec::new();
    for mut entry in entries.iter().cloned() {
        let name = entry.manager.clone().unwrap_or_default();
        // Sets of another version have other names for the same fields.
        let theirs = !is_kit(&name)
            && entry.subresource.is_none()
            && entry.api_version.as_deref() == version;
        if let (true, Some(fields)) = (theirs, &mut entry.fields_v1)
            && let Some(items) = take_items(&mut fields.0, manifest, "", &faults)
        {
            taken.push(ManagedFieldsEntry {
                fields_v1: Some(FieldsV1(items)),
                ..entry.clone()
            });
            from.push(name);
        }
        let emptied = |fields: &FieldsV1| fields.0.as_object().is_some_and(Map::is_empty);
        if !entry.fields_v1.as_ref().is_some_and(emptied) {
            kept.push(entry);
        }
    }
    if taken.is_empty() {
        return None;
    }
    Some(Reclaimed {
        before: entries.to_vec(),
        after: joined(taken, kept, manager),
        from,
    })
}

/// Takes the items out of a set, and gives the set of them. `path` is without indexes.
fn take_items(set: &mut Value, manifest: &Value, path: &str, faults: &[String]) -> Option<Value> {
    let set = set.as_object_mut()?;
    let mut taken = Map::new();
    for (name, mut below) in std::mem::take(set) {
        match part(&name, manifest, path, faults) {
            Part::Taken => {
                taken.insert(name, below);
                continue;
            }
            Part::Inside(value, path) => {
                let items = take_items(&mut below, value, &path, faults);
                let emptied = items.is_some() && below.as_object().is_some_and(Map::is_empty);
                taken.extend(items.map(|items| (name.clone(), items)));
                // A set with nothing in it would own the whole list.
                if emptied {
                    continue;
                }
            }
            Part::Left => {}
        }
        set.insert(name, below);
    }
    (!taken.is_empty()).then_some(Value::Object(taken))
}

enum Part<'m> {
    Taken,
    /// With what the manifest has there, and its path.
    Inside(&'m Value, String),
    Left,
}

fn part<'m>(name: &str, manifest: &'m Value, path: &str, faults: &[String]) -> Part<'m> {
    match (manifest, name.strip_prefix("f:")) {
        (Value::Object(map), Some(field)) => match map.get(field) {
            Some(value) if path.is_empty() => Part::Inside(value, field.to_owned()),
            Some(value) => Part::Inside(value, format!("{path}.{field}")),
            None => Part::Left,
        },
        (Value::Array(items), None) if name.starts_with("k:") => {
            match items.iter().find(|item| names_item(name, item)) {
                Some(item) => Part::Inside(item, path.to_owned()),
                None if faults.iter().any(|list| list == path) => Part::Taken,
                None => Part::Left,
            }
        }
        _ => Part::Left,
    }
}

/// Of `spec.containers[0].ports[1].name`, `spec.containers.ports`: which of the containers it was
/// is not asked, for the server counts them in an order of its own.
fn list_of(fault: &str) -> String {
    let list = fault.rsplit_once('[').map_or(fault, |(list, _)| list);
    let mut inside = false;
    list.chars()
        .filter(|char| {
            inside |= *char == '[';
            let keep = !inside;
            inside &= *char != ']';
            keep
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KIT: &str = "trimtab/trimtab/shop";

    fn entry(manager: &str, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.into()),
            operation: Some(if is_kit(manager) { "Apply" } else { "Update" }.into()),
            api_version: Some("v1".into()),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    fn manifest() -> Value {
        json!({"apiVersion": "v1", "kind": "Service",
            "spec": {"ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]}})
    }

    const OTHER: &str = "k:{\"port\":8080,\"protocol\":\"TCP\"}";

    fn changed_by_hand() -> Vec<ManagedFieldsEntry> {
        let theirs = json!({
            "f:metadata": {"f:labels": {"f:mine": {}}},
            "f:spec": {"f:ports": {OTHER: {".": {}, "f:port": {}}}},
        });
        vec![
            entry(KIT, json!({"f:spec": {"f:externalIPs": {}}})),
            entry("kubectl-edit", theirs),
        ]
    }

    #[test]
    fn an_item_in_the_way_becomes_the_kit_s_and_all_else_stays_whose_it_was() {
        let faults = ["spec.ports[1].name"];
        let after = reclaimed(&changed_by_hand(), &manifest(), faults.iter().copied(), KIT)
            .expect("an item");
        assert_eq!(after.from, ["kubectl-edit"]);
        let ours = json!({"f:spec": {
            "f:externalIPs": {},
            "f:ports": {OTHER: {".": {}, "f:port": {}}},
        }});
        let theirs = json!({"f:metadata": {"f:labels": {"f:mine": {}}}});
        assert_eq!(
            after.after,
            [entry(KIT, ours), entry("kubectl-edit", theirs)]
        );
    }

    #[test]
    fn a_list_that_is_not_refused_is_left_alone() {
        for fault in [
            "spec.portsOfCall[0]",
            "spec.externalIPs[0]",
            "metadata.labels",
            "",
        ] {
            let faults = [fault];
            let after = reclaimed(&changed_by_hand(), &manifest(), faults.iter().copied(), KIT);
            assert_eq!(after, None, "{fault}");
        }
    }

    #[test]
    fn a_list_within_a_list_is_refused_without_the_list_that_it_is_in() {
        let port = "k:{\"containerPort\":8080,\"protocol\":\"TCP\"}";
        let (web, sidecar) = ("k:{\"name\":\"web\"}", "k:{\"name\":\"sidecar\"}");
        let of_web = json!({"f:ports": {port: {".": {}, "f:containerPort": {}}}});
        let containers = json!({web: of_web, sidecar: {".": {}, "f:name": {}}});
        let entries = [entry(
            "kubectl-edit",
            json!({"f:spec": {"f:containers": containers}}),
        )];
        let manifest = json!({"apiVersion": "v1", "kind": "Pod", "spec": {
            "containers": [{"name": "web", "ports": [{"containerPort": 80}]}]}});
        let faults = ["spec.containers[0].ports[1].name"];
        let after = reclaimed(&entries, &manifest, faults.iter().copied(), KIT).expect("a port");
        let theirs = json!({"f:spec": {"f:containers": {sidecar: {".": {}, "f:name": {}}}}});
        assert!(
            after.after.contains(&entry("kubectl-edit", theirs)),
            "{after:?}"
        );
    }

    #[test]
    fn items_of_another_version_of_a_kit_and_of_the_manifest_are_left_alone() {
        let set = |port: u32| {
            let item = format!("k:{{\"port\":{port},\"protocol\":\"TCP\"}}");
            json!({"f:spec": {"f:ports": {item: {".": {}, "f:port": {}}}}})
        };
        let mut of_another_version = entry("kubectl-edit", set(8080));
        of_another_version.api_version = Some("v2".into());
        let left = [
            of_another_version,
            entry("trimtab/trimtab/other", set(8080)),
            entry("kubectl-edit", set(80)),
        ];
        let faults = ["spec.ports"];
        assert_eq!(
            reclaimed(&left, &manifest(), faults.iter().copied(), KIT),
            None
        );
    }
}
