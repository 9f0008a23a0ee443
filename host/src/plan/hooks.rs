//! Jobs and Pods that are hooks: each runs once, and again when its manifest has changed, and what
//! comes after it waits until it is complete.

use std::sync::Arc;

use crate::health::Health;
use crate::kit::HookStatus;
use crate::manifest::{Finding, Manifest, ObjectKey, Origin, Severity, runs};

use super::planner::{Desired, manifest_digest};
use super::prune::prune;
use super::stage::{Stage, hook_of, stage_of};
use super::{Inventory, LiveObject, Plan, Prune, Step};

/// Jobs and Pods of one kit: a status keeps which of them have run.
const LIMIT: usize = 100;

/// What has become of the kit's hooks until now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks<'a> {
    /// The kit was live before.
    pub upgrade: bool,
    /// What has run, as the kit's status keeps it.
    pub ran: &'a [HookStatus],
}

/// A hook that has not run yet, and all that is held because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub stage: Stage,
    pub key: ObjectKey,
    pub origin: Origin,
    pub why: Held,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is the last of what is sent.
    Sent,
    Runs {
        uid: Arc<str>,
        words: String,
    },
    Failed {
        words: String,
    },
    /// It ran by another manifest, and cannot be changed: it is deleted, and made anew.
    Replaced(Prune),
    /// It, or something that comes before it, is being deleted, and nothing can be put there.
    Deleted,
}

/// How an object stands as a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is none that runs to an end.
    NoRun,
    /// It has run by this manifest; its object may be gone, for it may have had a time to live.
    /// `stale`: what is there is of another manifest.
    Ran { digest: Arc<str>, stale: bool },
    /// It is for an installation, or for an upgrade, and this is the other.
    Passed { digest: Arc<str> },
    /// It is there, and not complete.
    Held(Held),
    /// It has to be sent.
    Due,
}

pub(super) fn standing(
    desired: &Desired<'_>,
    manifest: &Manifest,
    live: Option<&LiveObject>,
    inventory: &Inventory,
) -> Standing {
    let key = manifest.key();
    let hook = hook_of(manifest).filter(|_| runs(&key.group_kind));
    let Some(hook) = hook else {
        return Standing::NoRun;
    };
    let digest = manifest_digest(&manifest.object);
    let own = live.filter(|live| live.owner == desired.owner);
    let applied = own.and_then(|live| live.digest.as_ref());
    let mut kept = desired.hooks.ran.iter();
    let name = key.to_string();
    let ends = |live: &LiveObject| live.applied && live.health.is_current();
    let ran = kept.any(|it| it.object == name && *it.digest == *digest)
        || inventory.has_run(&desired.owner, &key, &digest)
        || applied == Some(&digest) && own.is_some_and(ends);
    if ran {
        let stale = applied.is_some_and(|applied| *applied != digest);
        return Standing::Ran { digest, stale };
    }
    if !hook.is_meant_for(desired.hooks.upgrade) {
        return Standing::Passed { digest };
    }
    match own.filter(|_| applied == Some(&digest)) {
        Some(live) => Standing::Held(match &live.health {
            Health::Failed(words) => Held::Failed {
                words: words.clone(),
            },
            health => Held::Runs {
                uid: live.uid.clone(),
                words: health.message().to_owned(),
            },
        }),
        None => Standing::Due,
    }
}

/// The object of a hook that ran by another manifest. Nothing is deleted that a kit has not applied.
pub(super) fn replaced(
    desired: &Desired<'_>,
    key: &ObjectKey,
    live: Option<&LiveObject>,
) -> Option<Prune> {
    let live = live.filter(|it| it.owner == desired.owner && it.applied)?;
    live.digest.as_ref()?;
    Some(prune(key, live))
}

pub(super) fn hold(desired: &Desired<'_>, manifest: &Manifest, why: Held) -> Hold {
    Hold {
        stage: stage_of(manifest, desired.hooks.upgrade),
        key: manifest.key(),
        origin: manifest.origin.clone(),
        why,
    }
}

pub(super) fn too_many(manifests: &[Manifest]) -> Option<Finding> {
    let mut hooks = manifests
        .iter()
        .filter(|it| runs(&it.gvk().group_kind()) && hook_of(it).is_some());
    let first = hooks.nth(LIMIT)?;
    let message = format!("the kit has more than {LIMIT} hooks that are Jobs or Pods");
    let mut finding = Finding::host_error("too-many-hooks", message)
        .about(first.key())
        .at(first.origin.clone())
        .hint("let one Job do several things, or make several kits");
    finding.severity = Severity::Error;
    Some(finding)
}

impl Plan {
    /// The steps that are sent now: those up to the first hook that has not run.
    pub fn now(&self) -> &[Step] {
        let Some(hold) = &self.hold else {
            return &self.steps;
        };
        let with_it = matches!(hold.why, Held::Sent | Held::Deleted);
        let held = self
            .steps
            .partition_point(|step| step.stage < hold.stage || with_it && step.stage == hold.stage);
        &self.steps[..held]
    }
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
