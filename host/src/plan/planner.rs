//! Desired objects and inventory in, plan out.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::kit::KitPath;
use crate::manifest::{
    Finding, GroupVersionKind, Manifest, ObjectKey, Origin, Severity, canonical_json,
};
use crate::source::Revision;

use super::{
    DIGEST_ANNOTATION, Inventory, LiveObject, ORIGIN_ANNOTATION, PART_OF_LABEL,
    REVISION_ANNOTATION, SetId,
};

/// What a kit is to be.
#[derive(Clone, Debug)]
pub struct Desired<'a> {
    pub kit: &'a KitPath,
    pub owner: SetId,
    pub revision: &'a Revision,
    /// With namespaces filled in.
    pub manifests: &'a [Manifest],
    /// The kit's own namespace, if the host is to make it where it is missing.
    pub namespace: Option<&'a str>,
}

/// Stages run one after the other; the steps of one stage, at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Namespaces and CustomResourceDefinitions; the next stage waits until they are established.
    Definitions,
    Objects,
    /// Webhooks, admission policies and API services: they call what stands in the stage before.
    Admission,
}

/// Why an object is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No object of this kit's has the key. One made by other tools may be there: it is taken over.
    NotInInventory,
    /// The manifest is another than the one that was last applied.
    ManifestChanged { from: Arc<str> },
    /// What was last applied is not known for sure: an answer was lost.
    Unsure,
    /// Objects of the kit go there, and it is missing.
    NamespaceMissing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Create,
    Update,
}

/// One object to send by server-side apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub stage: Stage,
    pub action: Action,
    pub reason: Reason,
    pub key: ObjectKey,
    pub gvk: GroupVersionKind,
    pub origin: Origin,
    /// The body, with the label and annotations of the kit. A Secret's has its values.
    pub body: Value,
    /// `None` for the kit's namespace: it is shared, and no kit's member.
    pub owner: Option<SetId>,
    pub digest: Arc<str>,
}

/// A live object of the kit that its manifests no longer have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prune {
    pub key: ObjectKey,
    /// Preconditions of the delete.
    pub uid: Arc<str>,
    pub resource_version: Arc<str>,
    pub origin: Option<Origin>,
}

/// All that will be done for a kit, decided.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By stage, then by key.
    pub steps: Vec<Step>,
    /// Objects that are as planned: nothing is sent.
    pub left: Vec<ObjectKey>,
    pub prune: Vec<Prune>,
    /// Objects that the kit may not have. Any of them keeps the whole kit from the cluster.
    pub refused: Vec<Finding>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.prune.is_empty()
    }
}

/// Decides. `kit_of` names the kit behind a set's id, for messages.
pub fn plan(
    desired: &Desired<'_>,
    inventory: &Inventory,
    kit_of: impl Fn(&SetId) -> Option<KitPath>,
) -> Plan {
    let mut plan = Plan::default();
    plan.steps.extend(missing_namespace(desired, inventory));
    let mut keys = BTreeSet::new();
    for manifest in desired.manifests {
        let key = manifest.key();
        match inventory.get(&key) {
            Some(live) if live.owner != desired.owner => {
                plan.refused
                    .push(owned_by_another(&key, manifest, live, kit_of(&live.owner)));
            }
            live => match step(desired, manifest, key.clone(), live) {
                Some(step) => plan.steps.push(step),
                None => plan.left.push(key.clone()),
            },
        }
        keys.insert(key);
    }
    plan.prune = inventory
        .owned_by(&desired.owner)
        .filter(|(key, _)| !keys.contains(key))
        .map(|(key, live)| Prune {
            key: key.clone(),
            uid: live.uid.clone(),
            resource_version: live.resource_version.clone(),
            origin: live.origin.clone(),
        })
        .collect();
    plan.steps
        .sort_by(|a, b| (a.stage, &a.key).cmp(&(b.stage, &b.key)));
    plan.left.sort();
    plan
}

fn step(
    desired: &Desired<'_>,
    manifest: &Manifest,
    key: ObjectKey,
    live: Option<&LiveObject>,
) -> Option<Step> {
    let digest = manifest_digest(&manifest.object);
    let (action, reason) = match live {
        None => (Action::Create, Reason::NotInInventory),
        Some(live) => match &live.digest {
            None => (Action::Update, Reason::Unsure),
            Some(applied) if **applied == *digest => return None,
            Some(applied) => (
                Action::Update,
                Reason::ManifestChanged {
                    from: applied.clone(),
                },
            ),
        },
    };
    let mut body = manifest.object.clone();
    put(&mut body, "labels", PART_OF_LABEL, desired.owner.as_str());
    put(
        &mut body,
        "annotations",
        ORIGIN_ANNOTATION,
        &manifest.origin.to_string(),
    );
    put(
        &mut body,
        "annotations",
        REVISION_ANNOTATION,
        desired.revision.as_str(),
    );
    put(&mut body, "annotations", DIGEST_ANNOTATION, &digest);
    let gvk = manifest.gvk();
    Some(Step {
        stage: stage_of(&gvk),
        action,
        reason,
        key,
        gvk,
        origin: manifest.origin.clone(),
        body,
        owner: Some(desired.owner.clone()),
        digest,
    })
}

fn missing_namespace(desired: &Desired<'_>, inventory: &Inventory) -> Option<Step> {
    let name = desired.namespace?;
    let gvk = GroupVersionKind::new("v1", "Namespace");
    let key = ObjectKey {
        group_kind: gvk.group_kind(),
        namespace: None,
        name: name.into(),
    };
    let in_kit = desired
        .manifests
        .iter()
        .any(|manifest| manifest.key() == key);
    if in_kit || inventory.has_namespace(name) {
        return None;
    }
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    Some(Step {
        stage: Stage::Definitions,
        action: Action::Create,
        reason: Reason::NamespaceMissing,
        key,
        gvk,
        origin: Origin::new(desired.kit.as_str(), 0),
        digest: manifest_digest(&body),
        body,
        owner: None,
    })
}

/// `sha256:` and the digest of an object as JSON with sorted keys.
fn manifest_digest(object: &Value) -> Arc<str> {
    let hash = Sha256::digest(canonical_json(object));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}").into()
}

fn put(object: &mut Value, map: &str, name: &str, value: &str) {
    let metadata = entry(object, "metadata");
    entry(metadata, map)[name] = Value::from(value);
}

/// The object at `name`, made where it is missing or null.
fn entry<'a>(object: &'a mut Value, name: &str) -> &'a mut Value {
    let slot = &mut object[name];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot
}

fn stage_of(gvk: &GroupVersionKind) -> Stage {
    match (&*gvk.group, &*gvk.kind) {
        ("", "Namespace") | ("apiextensions.k8s.io", _) => Stage::Definitions,
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => Stage::Admission,
        _ => Stage::Objects,
    }
}

fn owned_by_another(
    key: &ObjectKey,
    manifest: &Manifest,
    live: &LiveObject,
    kit: Option<KitPath>,
) -> Finding {
    let owner = match &kit {
        Some(kit) => format!("kit {kit}"),
        None => format!("another set ({})", live.owner),
    };
    let mut finding =
        Finding::host_error("owned-by-another-kit", format!("{key} belongs to {owner}"))
            .about(key.clone())
            .at(manifest.origin.clone())
            .hint("remove it from one of the two, or give it another name");
    finding.severity = Severity::Error;
    finding.note(format!("{owner} has it from here"), live.origin.clone())
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
