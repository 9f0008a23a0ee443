//! A kit as its Repository's actor has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::kit::Quarantine;
use crate::manifest::Finding;
use crate::pipeline::{Rendered, Verdict};
use crate::source::Commit;

use super::fights::Fights;
use super::outcome::Outcome;

/// A kit between revisions.
pub(super) struct KitState {
    pub(super) verdict: Verdict,
    pub(super) commit: Arc<Commit>,
    /// The revision no longer has it.
    pub(super) gone: bool,
    /// Counts attempts, so that the end of one that was given up is not taken for the newest's.
    pub(super) attempt: u64,
    pub(super) running: Option<AbortHandle>,
    /// It was touched while it ran.
    pub(super) again: bool,
    pub(super) outcome: Option<Outcome>,
    pub(super) retries: u32,
    /// The revision that was rolled back, while it would be tried again: `verdict` and `commit`
    /// are those of the last healthy one.
    pub(super) quarantine: Option<Quarantine>,
    /// Another kit has yet to take some of its objects over.
    pub(super) handing_over: bool,
    /// A newer revision was taken up while it ran: whom it hands over to may have changed its mind.
    pub(super) overtaken: bool,
    /// The revision that took it out has no kit that was known before.
    pub(super) emptied: bool,
    /// Why it could not be rolled back, if that was tried: it is not tried again.
    pub(super) stays: Vec<Finding>,
    pub(super) fights: Fights,
    /// Changes that no status tells of yet.
    pub(super) unreported: usize,
    /// What this host had of it before, for the record.
    pub(super) were: Option<Arc<Rendered>>,
    /// How long the evaluation took that it comes from, until the first attempt.
    pub(super) evaluated: Option<Duration>,
    /// When the kit is looked at again, if nothing happens.
    pub(super) look: Option<AbortHandle>,
}

impl KitState {
    /// The revision no longer has it, and neither has the cluster.
    pub(super) fn has_left(&self) -> bool {
        self.gone && self.outcome == Some(Outcome::Gone)
    }
}
