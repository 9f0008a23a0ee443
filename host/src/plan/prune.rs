//! Which of a kit's live objects go, in which order, and which may not.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::kit::{KitPath, PrunePolicy};
use crate::manifest::{Finding, GroupKind, ObjectKey, Origin, Scopes, Severity};

use super::planner::{Desired, is_namespace, namespace_key};
use super::{Inventory, LiveObject, Neighbours};

/// How many objects a message names.
const NAMED: usize = 10;

/// A live object of the kit that its manifests no longer have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prune {
    pub stage: DeletionStage,
    pub key: ObjectKey,
    /// Preconditions of the delete.
    pub uid: Arc<str>,
    pub resource_version: Arc<str>,
    pub origin: Option<Origin>,
}

/// Deletion goes from what uses others to what is used. A stage begins when all objects of the
/// stage before are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeletionStage {
    /// Their controllers, which may be part of the kit, take their finalizers off.
    CustomResources,
    /// Webhooks and API services call what goes in the next stages.
    Admission,
    Workloads,
    /// ConfigMaps, Secrets, Services, accounts, roles, claims: what workloads use.
    Used,
    Definitions,
    Namespaces,
}

/// What becomes of live objects that the manifests no longer have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruning {
    /// To be deleted now: all of one stage.
    pub now: Vec<Prune>,
    /// Their deletion was asked for; they are not gone yet.
    pub going: Vec<ObjectKey>,
    /// To be deleted when the others are gone.
    pub later: Vec<ObjectKey>,
    /// Kept, and no longer the kit's: the label comes off.
    pub released: Vec<Prune>,
    /// Namespaces that the host made, and in which something is kept: they stay, and lose the
    /// mark that lets the host delete them.
    pub spared: Vec<Arc<str>>,
    /// Another kit of the revision has them, and takes them over.
    pub handed_over: Vec<(ObjectKey, KitPath)>,
    /// They bear the kit's label, and no kit has ever applied them.
    pub foreign: Vec<ObjectKey>,
}

impl Pruning {
    pub fn is_empty(&self) -> bool {
        self.now.is_empty()
            && self.going.is_empty()
            && self.later.is_empty()
            && self.released.is_empty()
            && self.spared.is_empty()
    }

    /// How many objects are not gone yet.
    pub fn left(&self) -> usize {
        self.now.len() + self.going.len() + self.later.len()
    }
}

/// Decides. An error is the reason why nothing may be deleted, and why the revision stops.
pub(super) fn pruning<'i>(
    desired: &Desired<'_>,
    inventory: &'i Inventory,
    gone: impl Iterator<Item = (&'i ObjectKey, &'i LiveObject)>,
    neighbours: &dyn Neighbours,
) -> Result<Pruning, Box<Finding>> {
    let mut pruning = Pruning::default();
    let mut doomed = Vec::new();
    for (key, live) in gone {
        if let Some(kit) = neighbours.wanted_by(key) {
            pruning.handed_over.push((key.clone(), kit));
        } else if !live.applied {
            pruning.foreign.push(key.clone());
        } else if stays(key, live, desired.prune) {
            pruning.released.push(prune(key, live));
        } else {
            doomed.push((key, live));
        }
    }
    // What is kept must not go with its namespace.
    let holds: BTreeSet<Arc<str>> = pruning
        .released
        .iter()
        .filter_map(|prune| prune.key.namespace.clone())
        .collect();
    let (held, doomed): (Vec<_>, Vec<_>) =
        doomed
            .into_iter()
            .partition(|(key, _): &(&ObjectKey, &LiveObject)| {
                is_namespace(key) && holds.contains(&key.name)
            });
    pruning
        .released
        .extend(held.iter().map(|(key, live)| prune(key, live)));
    pruning.spared = inventory
        .made_for(&desired.owner)
        .filter(|(name, _)| holds.contains(*name))
        .map(|(name, _)| name.clone())
        .collect();
    if let Some(finding) = stopped(desired, inventory, &doomed) {
        return Err(Box::new(finding));
    }
    let made = inventory.made_for(&desired.owner).filter(|_| {
        let leaves = desired.manifests.is_empty() && desired.namespace.is_none();
        leaves && desired.prune.delete_namespaces
    });
    let made = made.filter(|(name, _)| !holds.contains(*name));
    let first = doomed
        .iter()
        .map(|(key, _)| stage_of(&key.group_kind))
        .min()
        .unwrap_or(DeletionStage::Namespaces);
    for (key, live) in doomed {
        match stage_of(&key.group_kind) {
            _ if live.terminating => pruning.going.push(key.clone()),
            stage if stage == first => pruning.now.push(prune(key, live)),
            _ => pruning.later.push(key.clone()),
        }
    }
    for (name, namespace) in made {
        let key = namespace_key(name.clone());
        let shared = inventory
            .keys()
            .any(|other| other.namespace.as_ref() == Some(name));
        match (namespace.terminating, shared) {
            (true, _) => pruning.going.push(key),
            (false, false) if first == DeletionStage::Namespaces => pruning.now.push(Prune {
                stage: DeletionStage::Namespaces,
                key,
                uid: namespace.uid.clone(),
                resource_version: namespace.resource_version.clone(),
                origin: None,
            }),
            // Another kit has objects in it, or the kit's own are not gone yet.
            (false, _) => {}
        }
    }
    Ok(pruning)
}

pub(super) fn prune(key: &ObjectKey, live: &LiveObject) -> Prune {
    Prune {
        stage: stage_of(&key.group_kind),
        key: key.clone(),
        uid: live.uid.clone(),
        resource_version: live.resource_version.clone(),
        origin: live.origin.clone(),
    }
}

/// What is in a claim or a namespace is lost with it, and no commit brings it back.
fn stays(key: &ObjectKey, live: &LiveObject, policy: &PrunePolicy) -> bool {
    let kind = (&*key.group_kind.group, &*key.group_kind.kind);
    live.keep
        || match kind {
            ("", "PersistentVolumeClaim") => !policy.delete_volume_claims,
            ("", "Namespace") => !(policy.delete_namespaces && live.created),
            _ => false,
        }
}

fn stage_of(kind: &GroupKind) -> DeletionStage {
    match (&*kind.group, &*kind.kind) {
        ("", "Namespace") => DeletionStage::Namespaces,
        ("apiextensions.k8s.io", _) => DeletionStage::Definitions,
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => DeletionStage::Admission,
        ("apps" | "batch" | "autoscaling", _) => DeletionStage::Workloads,
        ("", "Pod" | "ReplicationController") | ("networking.k8s.io", "Ingress") => {
            DeletionStage::Workloads
        }
        _ if Scopes::default().of(kind).is_none() => DeletionStage::CustomResources,
        _ => DeletionStage::Used,
    }
}

/// Why a revision that would delete these stops.
fn stopped(
    desired: &Desired<'_>,
    inventory: &Inventory,
    doomed: &[(&ObjectKey, &LiveObject)],
) -> Option<Finding> {
    let asked = doomed.iter().filter(|(_, live)| !live.terminating).count();
    if desired.deletions_allowed || asked == 0 {
        return None;
    }
    let owned = inventory.owned_by(&desired.owner).count();
    let (rule, why) = if desired.emptied {
        let why = "the kit has no objects any more, and had some";
        ("empty-kit", why.to_owned())
    } else if !desired.budget.allows(asked, owned) {
        let why = format!("the deletion budget is {}", desired.budget);
        ("deletion-budget", why)
    } else {
        return None;
    };
    let mut names: Vec<String> = doomed
        .iter()
        .take(NAMED)
        .map(|(key, _)| key.to_string())
        .collect();
    if doomed.len() > NAMED {
        names.push(format!("{} more", doomed.len() - NAMED));
    }
    let message = format!(
        "this revision would delete {asked} of {owned} objects ({why}): {}",
        names.join(", ")
    );
    let hint = format!(
        "put them back, or say that it is meant: trimtab reconcile {} --allow-deletions {}",
        desired.kit,
        desired.revision.short()
    );
    let mut finding = Finding::host_error(rule, message).hint(hint);
    finding.severity = Severity::Error;
    Some(finding)
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
