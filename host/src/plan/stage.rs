//! What is sent before what.

use crate::manifest::{GroupVersionKind, Hook, Manifest, ObjectKey, Side, runs};

/// Stages run one after the other; the steps of one stage, at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Namespaces and CustomResourceDefinitions; the next stage waits until they are established.
    Definitions,
    /// Hooks of Helm's that are meant to be there before the others.
    Before(Turn),
    Objects,
    /// Webhooks, admission policies and API services: they call what stands in the stage before.
    Admission,
    /// Hooks of Helm's that want all others to be there.
    After(Turn),
}

/// When a hook has its turn among those of its stage: by weight; within a weight, what does not run
/// to an end first and at once, and then each Job and Pod when the one before is complete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    pub weight: i64,
    /// The Job or Pod that runs.
    pub run: Option<ObjectKey>,
}

/// `upgrade`: the kit was live before.
pub(super) fn stage_of(manifest: &Manifest, upgrade: bool) -> Stage {
    let plain = by_kind(&manifest.gvk());
    let Some(hook) = hook_of(manifest).filter(|_| plain != Stage::Definitions) else {
        return plain;
    };
    let key = manifest.key();
    let turn = Turn {
        weight: hook.weight,
        run: runs(&key.group_kind).then_some(key),
    };
    match hook.side(upgrade) {
        Side::Before => Stage::Before(turn),
        Side::After => Stage::After(turn),
    }
}

pub(super) fn hook_of(manifest: &Manifest) -> Option<Hook> {
    let annotations = manifest.object.pointer("/metadata/annotations")?;
    Hook::of(|name| annotations.get(name)?.as_str())
}

fn by_kind(gvk: &GroupVersionKind) -> Stage {
    match (&*gvk.group, &*gvk.kind) {
        ("", "Namespace") | ("apiextensions.k8s.io", _) => Stage::Definitions,
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => Stage::Admission,
        _ => Stage::Objects,
    }
}
