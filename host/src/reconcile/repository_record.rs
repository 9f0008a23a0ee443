//! What is recorded of a Repository itself: what people ask of it, and what becomes of revisions.

use std::time::Instant;

use jiff::Timestamp;

use crate::history::{Cause, Entry, FindingsNote, Outcome as Recorded, Told};
use crate::kit::{Condition, RepositoryStatus, ready_condition};
use crate::manifest::Finding;
use crate::source::{Commit, Revision};

use super::recording::revision;
use super::repository::Actor;
use super::repository_status::summary;
use super::verifying::Refusal;

/// What the record has of the Repository, as far as it may be asked to tell it again.
#[derive(Default)]
pub(super) struct Recounted {
    /// The last revision whose end was told, and the reason of the condition.
    end: Option<(String, String)>,
    /// What a person asked for, until it is told what came of it.
    turned: Option<Cause>,
    /// How a host before this one left it.
    ready: Option<Condition>,
}

impl Recounted {
    /// What the status of a host before this one tells.
    pub(super) fn left(status: Option<&RepositoryStatus>) -> Self {
        let Some(status) = status else {
            return Self::default();
        };
        let ready = ready_condition(&status.conditions);
        let taken = status.held.as_ref().or(status.revision.as_ref());
        let end = ready.zip(taken);
        Self {
            end: end.map(|(ready, taken)| (taken.revision.clone(), ready.reason.clone())),
            turned: None,
            ready: ready.cloned(),
        }
    }
}

impl Actor {
    /// Records something of the Repository itself.
    pub(super) fn record(
        &self,
        cause: Cause,
        outcome: Recorded,
        commit: Option<&Commit>,
        findings: &[Finding],
        message: String,
    ) {
        let Some(recorder) = &self.shared.recorder else {
            return;
        };
        let (namespace, name) = (self.namespace(), self.name());
        let mut entry = Entry::new(Timestamp::now(), namespace, name, None, cause, outcome);
        if matches!(cause, Cause::Rollback | Cause::Suspend | Cause::Resume) {
            let spec = &self.repository.spec;
            entry.operator = spec.by.clone().map(Told::new);
            entry.reason = spec.reason.clone().map(Told::new);
        }
        entry.revision = commit.map(revision);
        entry.findings = FindingsNote::of(findings);
        entry.message = message;
        recorder.writer().record(entry);
    }

    /// Records what people want of the Repository now, if it is another thing than before; what
    /// comes of it is told as that of a new revision is.
    pub(super) fn wish_changed(&mut self, revision: Option<&str>, suspend: bool) {
        let now = self.repository.spec.clone();
        if now.suspend != suspend {
            let (cause, outcome) = match now.suspend {
                true => (Cause::Suspend, Recorded::Suspended),
                false => (Cause::Resume, Recorded::Resumed),
            };
            self.record(cause, outcome, None, &[], String::new());
        }
        if now.revision.as_deref() != revision {
            let (cause, message) = match &now.revision {
                Some(to) => (Cause::Rollback, format!("to be held at {to}")),
                None => (Cause::Resume, "follows the newest revision again".into()),
            };
            self.record(cause, Recorded::Noted, None, &[], message);
            self.recounted.turned = Some(cause);
            self.unsettled = Some((Instant::now(), self.shared.cluster.requests()));
            self.applied = false;
        }
    }

    /// Records what people have asked for while no host acted.
    pub(super) fn wished_before(&mut self) {
        self.expect_record();
        let spec = self.repository.spec.clone();
        let ready = self.recounted.ready.as_ref();
        let suspended = ready.is_some_and(|it| it.reason == "Suspended");
        let held = self.status.held.as_ref().map(|it| it.revision.clone());
        let same = match (&held, &spec.revision) {
            (Some(held), Some(now)) => Revision::new(held.as_str()).is_named_by(now),
            (None, None) => true,
            // What cannot be had says so, and so does what waits until it is no longer suspended.
            (None, Some(_)) => {
                let told = self
                    .status
                    .findings
                    .iter()
                    .any(|it| it.rule == "trimtab/pin");
                told || suspended && spec.suspend
            }
            (Some(_), None) => suspended && spec.suspend,
        };
        let held = if same { spec.revision } else { held };
        self.wish_changed(held.as_deref(), suspended);
    }

    /// Records what became of a revision, unless a host before this one, or this one, has told it.
    /// Gives whether it is news.
    pub(super) fn record_end(&mut self, taken: &Commit, reason: &str, outcome: Recorded) -> bool {
        let turned = self.recounted.turned.take();
        let end = (taken.revision.to_string(), reason.to_owned());
        if self.recounted.end.as_ref() == Some(&end) {
            return false;
        }
        self.recounted.end = Some(end);
        let held = self.repository.spec.revision.is_some();
        let cause = match (turned, held) {
            (Some(turned), _) => turned,
            (None, true) => Cause::Rollback,
            (None, false) => Cause::Commit,
        };
        // Who holds it and why can be erased elsewhere.
        let (text, findings) = (summary(&self.status.kits), &self.findings[..]);
        self.record(cause, outcome, Some(taken), findings, text);
        true
    }

    /// Whether a host before this one told of the same refusal last.
    pub(super) fn has_told(&mut self, refusal: &Refusal) -> bool {
        let ready = self.recounted.ready.take();
        ready.is_some_and(|ready| {
            ready.reason == refusal.reason && ready.message.starts_with(&refusal.message)
        })
    }
}
