//! What became of a kit at a revision.

use crate::kit::KitPath;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Live as the revision says.
    Applied {
        changed: usize,
        deleted: usize,
        left: usize,
    },
    /// Findings of error severity: nothing was sent.
    Refused,
    /// The API server did not take all of it; it will be tried again, more and more slowly.
    Failed,
    /// Something that others do must happen first. Nobody polls for it: whoever brings it about
    /// wakes the kit.
    Waiting {
        /// In CamelCase, for the condition.
        reason: &'static str,
        /// `waits for …`.
        message: String,
        on: Vec<Wait>,
    },
    /// Its `spec.suspend` is set.
    Suspended,
    /// The revision no longer has it, and nothing of it is left.
    Gone,
}

/// What a kit waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Another kit, to be as its revision says.
    Kit(KitPath),
    /// Another kit, to define a kind.
    Definer(KitPath),
    /// A namespace, to be gone.
    Namespace(String),
    /// Objects of its own, to be gone: the inventory's watch tells.
    Objects,
}

impl Outcome {
    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Applied { .. })
    }

    pub(super) fn waits(&self, on: impl Fn(&Wait) -> bool) -> bool {
        matches!(self, Self::Waiting { on: waits, .. } if waits.iter().any(on))
    }
}
