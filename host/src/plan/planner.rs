//! Desired objects and inventory in, plan out.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::kit::{DeletionBudget, DriftPolicy, IgnoreRule, KitPath, PrunePolicy};
use crate::manifest::{
    Finding, GroupVersionKind, Manifest, ObjectKey, Origin, Severity, canonical_json,
};
use crate::source::Revision;

use super::drift::{Drift, changed};
use super::fields::take_out;
use super::hooks::{Standing, hold, replaced, standing, too_many};
use super::prune::{Prune, Pruning, pruning};
use super::stage::{Stage, stage_of};
use super::{
    DIGEST_ANNOTATION, Held, Hold, Hooks, Inventory, LiveObject, MADE_FOR_ANNOTATION, Neighbours,
    ORIGIN_ANNOTATION, PART_OF_LABEL, REVISION_ANNOTATION, SetId,
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
    pub prune: &'a PrunePolicy,
    pub drift: DriftPolicy,
    pub ignore: &'a [IgnoreRule],
    /// Objects whose drift is told and not corrected for now.
    pub held: &'a BTreeSet<ObjectKey>,
    pub budget: DeletionBudget,
    /// A person has said that what this revision deletes is meant.
    pub deletions_allowed: bool,
    /// No objects are wanted, though nobody took the kit out of the repository.
    pub emptied: bool,
    pub hooks: Hooks<'a>,
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
    /// Others have changed these fields, which the kit owns.
    Drifted { fields: Vec<String> },
    /// Another kit had it until this revision.
    HandedOver { from: SetId },
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
    /// The field manager whose fields become the kit's, so that what the kit does not have goes.
    pub takes_from: Option<String>,
    /// A hook that ran by another manifest, and goes first: Jobs and Pods cannot be changed.
    pub replaces: Option<Prune>,
}

/// All that will be done for a kit, decided.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By stage, then by key. Those that a hook holds are among them: [`Plan::now`].
    pub steps: Vec<Step>,
    /// The first hook that has not run yet.
    pub hold: Option<Hold>,
    /// Hooks that have run, and the digests of their manifests.
    pub ran: Vec<(ObjectKey, Arc<str>)>,
    /// Hooks that are not meant for what this is, an installation or an upgrade.
    pub passed: Vec<(ObjectKey, Arc<str>)>,
    /// Objects that are as planned: nothing is sent.
    pub left: Vec<ObjectKey>,
    /// Fields that others have changed; those of a kit that only reports are in no step.
    pub drift: Vec<Drift>,
    /// What a person would want to know of how it came about.
    pub warnings: Vec<Finding>,
    /// After all steps.
    pub pruning: Pruning,
    /// Objects, and namespaces of objects, that are being deleted: nothing can be put there
    /// until they are gone.
    pub awaited: Vec<ObjectKey>,
    /// Why the whole kit stays away from the cluster.
    pub refused: Vec<Finding>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.pruning.is_empty()
    }
}

/// Decides.
pub fn plan(desired: &Desired<'_>, inventory: &Inventory, neighbours: &dyn Neighbours) -> Plan {
    let mut plan = Plan::default();
    plan.steps.extend(missing_namespace(desired, inventory));
    plan.refused.extend(too_many(desired.manifests));
    let mut keys = BTreeSet::new();
    let (mut holds, mut due) = (Vec::new(), false);
    for manifest in desired.manifests {
        let key = manifest.key();
        let live = inventory.get(&key);
        let standing = standing(desired, manifest, live, inventory);
        due |= matches!(standing, Standing::Due | Standing::Held(_));
        let held = |why| hold(desired, manifest, why);
        match (live, standing) {
            (Some(live), _)
                if live.owner != desired.owner && !neighbours.gives_up(&live.owner, &key) =>
            {
                let owner = neighbours.kit_of(&live.owner);
                plan.refused
                    .push(owned_by_another(&key, manifest, live, owner));
            }
            (_, Standing::Ran { digest, stale }) if is_ours(desired, live) => {
                plan.left.push(key.clone());
                plan.ran.push((key.clone(), digest));
                if stale {
                    // What did not run to its end, or ran since, goes as what left the kit does.
                    continue;
                }
            }
            (_, Standing::Passed { digest }) if is_ours(desired, live) => {
                plan.left.push(key.clone());
                plan.passed.push((key.clone(), digest.clone()));
                // One that failed when it was meant, by another manifest, goes.
                let other = |it: &LiveObject| it.digest.as_ref().is_some_and(|it| *it != digest);
                if live.is_some_and(|it| other(it) && !it.health.is_current()) {
                    continue;
                }
            }
            (Some(live), _) if live.terminating => {
                plan.awaited.push(key.clone());
                holds.push(held(Held::Deleted));
            }
            _ if terminating_namespace(&key, inventory).is_some() => {
                plan.awaited.extend(terminating_namespace(&key, inventory));
                holds.push(held(Held::Deleted));
            }
            (_, Standing::Held(why)) => {
                plan.left.push(key.clone());
                holds.push(held(why));
            }
            (live, standing) => match step(desired, manifest, live, inventory, &mut plan) {
                Some(mut step) => {
                    if let Reason::HandedOver { from } = &step.reason {
                        step.takes_from = neighbours.field_manager(from);
                    }
                    if standing == Standing::Due {
                        step.replaces = replaced(desired, &key, live);
                        let replaced = step.replaces.clone().map(Held::Replaced);
                        holds.push(held(replaced.unwrap_or(Held::Sent)));
                    }
                    plan.steps.push(step);
                }
                None => plan.left.push(key.clone()),
            },
        }
        keys.insert(key);
    }
    if due {
        plan.hold = holds.into_iter().min_by(|a, b| a.stage.cmp(&b.stage));
    }
    let gone = inventory
        .owned_by(&desired.owner)
        .filter(|(key, _)| !keys.contains(key));
    match pruning(desired, inventory, gone, neighbours) {
        Ok(pruning) => plan.pruning = pruning,
        Err(finding) => plan.refused.push(*finding),
    }
    plan.awaited.sort();
    plan.awaited.dedup();
    plan.steps
        .sort_by(|a, b| (&a.stage, &a.key).cmp(&(&b.stage, &b.key)));
    plan.left.sort();
    plan
}

fn step(
    desired: &Desired<'_>,
    manifest: &Manifest,
    live: Option<&LiveObject>,
    inventory: &Inventory,
    plan: &mut Plan,
) -> Option<Step> {
    let key = manifest.key();
    let digest = manifest_digest(&manifest.object);
    let own = live.filter(|live| live.owner == desired.owner);
    let mut changed = own
        .map(|live| changed(desired, manifest, live, inventory))
        .unwrap_or_default();
    plan.warnings.append(&mut changed.faults);
    let (action, reason) = match live {
        None => (Action::Create, Reason::NotInInventory),
        Some(live) if live.owner != desired.owner => (
            Action::Update,
            Reason::HandedOver {
                from: live.owner.clone(),
            },
        ),
        Some(live) => match &live.digest {
            None => (Action::Update, Reason::Unsure),
            Some(applied) if **applied == *digest => {
                if changed.fields.is_empty() {
                    return None;
                }
                if !changed.doubtful {
                    plan.drift.push(Drift {
                        key: key.clone(),
                        origin: manifest.origin.clone(),
                        fields: changed.fields.clone(),
                        by: live.by.clone(),
                    });
                }
                if desired.drift == DriftPolicy::Report || desired.held.contains(&key) {
                    return None;
                }
                let reason = match changed.doubtful {
                    true => Reason::Unsure,
                    false => Reason::Drifted {
                        fields: changed.fields,
                    },
                };
                (Action::Update, reason)
            }
            Some(applied) => (
                Action::Update,
                Reason::ManifestChanged {
                    from: applied.clone(),
                },
            ),
        },
    };
    let mut body = manifest.object.clone();
    for field in &changed.left {
        take_out(&mut body, field);
    }
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
    let made = match live {
        Some(live) => live.created,
        None => is_namespace(&key) && inventory.namespace(&key.name).is_none(),
    };
    if made {
        let owner = desired.owner.as_str();
        put(&mut body, "annotations", MADE_FOR_ANNOTATION, owner);
    }
    Some(Step {
        stage: stage_of(manifest, desired.hooks.upgrade),
        action,
        reason,
        key,
        gvk,
        origin: manifest.origin.clone(),
        body,
        owner: Some(desired.owner.clone()),
        digest,
        takes_from: None,
        replaces: None,
    })
}

/// What another kit hands over is taken, whatever it is.
fn is_ours(desired: &Desired<'_>, live: Option<&LiveObject>) -> bool {
    live.is_none_or(|it| it.owner == desired.owner)
}

pub(super) fn is_namespace(key: &ObjectKey) -> bool {
    key.group_kind.group.is_empty() && &*key.group_kind.kind == "Namespace"
}

/// The namespace of an object, if it is on its way out and takes nothing in.
fn terminating_namespace(key: &ObjectKey, inventory: &Inventory) -> Option<ObjectKey> {
    let name = key.namespace.clone()?;
    let terminating = inventory.namespace(&name)?.terminating;
    terminating.then(|| namespace_key(name))
}

pub(super) fn namespace_key(name: Arc<str>) -> ObjectKey {
    ObjectKey {
        group_kind: GroupVersionKind::new("v1", "Namespace").group_kind(),
        namespace: None,
        name,
    }
}

fn missing_namespace(desired: &Desired<'_>, inventory: &Inventory) -> Option<Step> {
    let name = desired.namespace?;
    let gvk = GroupVersionKind::new("v1", "Namespace");
    let key = namespace_key(name.into());
    let in_kit = desired
        .manifests
        .iter()
        .any(|manifest| manifest.key() == key);
    if in_kit || inventory.namespace(name).is_some() {
        return None;
    }
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "annotations": {MADE_FOR_ANNOTATION: desired.owner.as_str()},
    }});
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
        takes_from: None,
        replaces: None,
    })
}

/// `sha256:` and the digest of an object as JSON with sorted keys.
pub fn manifest_digest(object: &Value) -> Arc<str> {
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
pub(super) mod tests;
