//! What became of a kit at a revision.

use std::fmt;
use std::time::Duration;

use crate::health::Health;
use crate::kit::KitPath;
use crate::manifest::ObjectKey;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Live as the revision says.
    Applied {
        changed: usize,
        deleted: usize,
        left: usize,
        health: KitHealth,
    },
    /// Findings of error severity: nothing was sent.
    Refused,
    /// The API server did not take all of it; it will be tried again, more and more slowly.
    Failed,
    /// A hook has failed, or takes too long, and what comes after it was not sent. When something
    /// becomes of it, the watch tells.
    HookFailed { message: String },
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

/// One line, for the log.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied {
                changed,
                deleted,
                left,
                health,
            } => write!(
                f,
                "live: {changed} changed, {deleted} deleted, {left} as they were; {health}"
            ),
            Self::Refused => f.write_str("refused"),
            Self::Failed => f.write_str("not wholly live"),
            Self::HookFailed { message } | Self::Waiting { message, .. } => f.write_str(message),
            Self::Suspended => f.write_str("suspended"),
            Self::Gone => f.write_str("gone"),
        }
    }
}

/// Objects of a live kit that are not as they should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct KitHealth {
    /// Failed ones first.
    pub objects: Vec<(ObjectKey, Health)>,
    /// They had their time.
    pub overdue: Option<Duration>,
}

impl KitHealth {
    /// Whether a person had better look.
    pub(super) fn is_bad(&self) -> bool {
        let failed = |(_, health): &(ObjectKey, Health)| matches!(health, Health::Failed(_));
        self.overdue.is_some() || self.objects.iter().any(failed)
    }
}

/// `Deployment.apps acme/shop: 2 of 3 pods updated, and 2 more`.
impl fmt::Display for KitHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(((key, health), others)) = self.objects.split_first() else {
            return f.write_str("all healthy");
        };
        write!(f, "{key}: {}", health.message())?;
        match others.len() {
            0 => Ok(()),
            count => write!(f, ", and {count} more"),
        }
    }
}

/// What a kit waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Another kit, to be as its revision says.
    Kit(KitPath),
    /// Another kit, to define a kind.
    Definer(KitPath),
    /// An object that no kit has, to be healthy.
    Object(ObjectKey),
    /// A namespace, to be gone.
    Namespace(String),
    /// Objects of its own, to be gone: the inventory's watch tells.
    Objects,
    /// What it has of other places, to be fetched: the evaluation after that tells.
    Source,
    /// A kit of the revision, to be rendered: it takes long.
    Rendered(KitPath),
}

impl Outcome {
    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Applied { .. })
    }

    /// Live, and healthy.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Self::Applied { health, .. } if health.objects.is_empty())
    }

    pub(super) fn waits(&self, on: impl Fn(&Wait) -> bool) -> bool {
        matches!(self, Self::Waiting { on: waits, .. } if waits.iter().any(on))
    }
}
