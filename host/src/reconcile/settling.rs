//! What the Repository's status says, and when it is written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cluster::Note;
use crate::history::Outcome as Recorded;
use crate::kit::{KitCounts, RevisionStatus};
use crate::manifest::Finding;
use crate::source::{Commit, Revision};
use kube::Resource as _;

use super::host::Settled;
use super::outcome::Outcome;
use super::repository::{Actor, Job};
use super::repository_status::{RepositoryState, repository_conditions, summary};
use super::status::{bounded, held, remembered};

/// Between two reports of how many kits are on their way.
const PROGRESS: Duration = Duration::from_secs(1);

impl Actor {
    pub(super) fn counts(&self) -> KitCounts {
        let mut counts = KitCounts::default();
        for state in self.kits.values() {
            counts.held += u32::from(state.verdict.pinned.is_some());
            match &state.outcome {
                Some(Outcome::Gone) => continue,
                Some(Outcome::Applied { health, .. }) if health.is_bad() => counts.unhealthy += 1,
                Some(Outcome::Applied { health, .. }) if !health.objects.is_empty() => {
                    counts.progressing += 1;
                }
                Some(Outcome::Applied { .. }) => counts.ready += 1,
                Some(Outcome::Refused) => counts.refused += 1,
                Some(Outcome::Failed | Outcome::HookFailed { .. }) => counts.failed += 1,
                _ => {}
            }
            counts.total += 1;
        }
        counts
    }

    /// Writes the status once nothing is under way.
    pub(super) async fn settle(&mut self) {
        self.tell_applied();
        let busy = self.evaluating.is_some() || self.kits.values().any(|kit| kit.running.is_some());
        if busy || self.deleting {
            return;
        }
        if let Some((reason, message)) = self.source_error.clone() {
            return self.settle_without_source(&reason, &message).await;
        }
        self.tell_revision();
        let counts = self.counts();
        if self.is_on_its_way(&counts) && self.told_lately() {
            return;
        }
        let all = self.all_is_well(&counts);
        let taken = self.taken.clone().or_else(|| self.head.clone());
        let revision = taken.as_ref().map(|it| it.revision.short().to_owned());
        let revision = revision.unwrap_or_default();
        let text = self.in_short(&counts);
        let (reason, message) = self.standing_words(all, &counts, &revision, &text);
        self.status.kits = counts;
        self.status.summary = text;
        let refused = self.refused.iter().flat_map(|it| &it.findings);
        let findings: Vec<Finding> = refused.chain(&self.findings).cloned().collect();
        self.status.findings = bounded(&findings);
        let busy = self.is_on_its_way(&counts);
        if all && counts.held == 0 {
            self.remember();
        }
        // A head that is refused has had its Event.
        let end = taken.filter(|_| self.unsettled.is_some() && !busy && self.refused.is_none());
        // Recorded before the status says it: a host that starts anew goes by that.
        let note = end.and_then(|taken| self.end(&taken, all, reason));
        self.write_status(all, reason, message, busy).await;
        if busy {
            self.progress_told = Some(Instant::now());
            return;
        }
        if let Some((since, requests)) = self.unsettled.take() {
            self.keep_what_is_live();
            tracing::info!(
                repository = %self.name(), %revision, milliseconds = since.elapsed().as_millis() as u64,
                requests = self.shared.cluster.requests() - requests, summary = %self.status.summary, "settled"
            );
            if let Some(note) = note {
                self.publish(note).await;
            }
        }
        self.tell_settled(all, true);
    }

    fn all_is_well(&self, counts: &KitCounts) -> bool {
        let wrong = self.findings.iter().any(Finding::is_error);
        let late = !self.evaluation.late.is_empty();
        counts.ready == counts.total && !wrong && !late && self.refused.is_none()
    }

    fn is_on_its_way(&self, counts: &KitCounts) -> bool {
        counts.progressing > 0 || !self.evaluation.late.is_empty()
    }

    /// What a person asked for is done, and told, also while Git is away.
    async fn settle_without_source(&mut self, reason: &str, message: &str) {
        let stopped = matches!(reason, "Suspended" | "InvalidSpec");
        let Some(taken) = self.taken.clone().filter(|_| !stopped) else {
            return;
        };
        let counts = self.counts();
        let on_its_way = self.is_on_its_way(&counts);
        if self.unsettled.is_none() || on_its_way && self.told_lately() {
            return;
        }
        let all = self.all_is_well(&counts);
        self.status.kits = counts;
        self.status.summary = self.in_short(&counts);
        let live = taken.revision.short();
        let message = format!("{message}; live: {live}: {}", self.status.summary);
        if on_its_way {
            self.write_status(false, reason, message, true).await;
            self.progress_told = Some(Instant::now());
            return;
        }
        self.unsettled = None;
        // It is at its end for now: what comes next is Git's to say.
        let end = match self.repository.spec.revision {
            Some(_) if all => "Held",
            None if all => "Applied",
            _ => "KitsNotReady",
        };
        let note = self.end(&taken, all, end);
        self.write_status(false, reason, message, false).await;
        if let Some(note) = note {
            self.publish(note).await;
        }
    }

    /// How many kits are what, and whether a person holds the platform.
    fn in_short(&self, counts: &KitCounts) -> String {
        let spec = &self.repository.spec;
        let late = match self.evaluation.late.len() {
            0 => String::new(),
            count => format!(", {count} being rendered"),
        };
        match (&spec.revision, &self.head) {
            (Some(_), Some(head)) => {
                let held = held(spec.by.as_deref(), spec.reason.as_deref());
                let newest = head.revision.short();
                format!("{}{late}, {held} (newest is {newest})", summary(counts))
            }
            _ => summary(counts) + &late,
        }
    }

    /// The reason and the message of the conditions.
    fn standing_words(
        &self,
        all: bool,
        counts: &KitCounts,
        revision: &str,
        text: &str,
    ) -> (&'static str, String) {
        if let Some(refusal) = &self.refused {
            let message = self.with_what_is_live(&refusal.message, text);
            return (refusal.reason, message);
        }
        let error = self.findings.iter().find(|finding| finding.is_error());
        let reason = match (all, error) {
            (true, _) if self.repository.spec.revision.is_some() => "Held",
            (true, _) => "Applied",
            (false, Some(first)) => {
                return ("InvalidRepository", format!("{revision}: {first}; {text}"));
            }
            (false, None) if self.is_on_its_way(counts) => "Progressing",
            (false, None) => "KitsNotReady",
        };
        (reason, format!("{revision}: {text}"))
    }

    /// Records what became of a revision, and gives what is to be told of it, if it is news.
    fn end(&mut self, taken: &Commit, all: bool, reason: &'static str) -> Option<Note> {
        let counts = &self.status.kits;
        let message = format!(
            "{} by {} ({}): {}",
            taken.revision.short(),
            taken.author,
            taken.subject,
            self.status.summary
        );
        let note = Note {
            warning: !all,
            reason,
            message,
        };
        let outcome = match (all, counts.unhealthy, counts.refused) {
            (true, ..) => Recorded::Healthy,
            (_, 1.., _) => Recorded::Unhealthy,
            (_, _, 1..) => Recorded::Refused,
            _ => Recorded::Failed,
        };
        self.record_end(taken, reason, outcome).then_some(note)
    }

    /// A revision of which all is healthy is one to go back to.
    fn remember(&mut self) {
        let now = jiff::Timestamp::now().to_string();
        let Some(taken) = &self.taken else { return };
        let healthy = RevisionStatus::new(taken, Some(now));
        let held = self.repository.spec.revision.is_some();
        let history = &mut self.status.history;
        remembered(history, healthy, held, |it| it, |_| false);
    }

    fn with_what_is_live(&self, message: &str, summary: &str) -> String {
        match &self.status.revision {
            Some(revision) => format!("{message}; live: {}: {summary}", revision.short),
            None => format!("{message}; nothing is live yet"),
        }
    }

    /// Tells once that all of a revision is sent; its objects may still be on their way.
    fn tell_applied(&mut self) {
        let Some((since, requests)) = self.unsettled.filter(|_| self.refused.is_none()) else {
            return;
        };
        let begun = self.kits.values().all(|kit| kit.outcome.is_some());
        if self.evaluating.is_some() || !begun || !self.evaluation.late.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.applied, true) {
            return;
        }
        let revision = self.head.as_ref().map(|head| head.revision.short());
        tracing::info!(
            repository = %self.name(), revision = revision.unwrap_or_default(),
            milliseconds = since.elapsed().as_millis() as u64,
            requests = self.shared.cluster.requests() - requests, "applied"
        );
    }

    /// Whether kits on their way were told of a moment ago; if so, they are told of in a moment.
    fn told_lately(&mut self) -> bool {
        let lately = self
            .progress_told
            .is_some_and(|told| told.elapsed() < PROGRESS);
        if lately && !std::mem::replace(&mut self.settle_due, true) {
            self.jobs.spawn(async {
                tokio::time::sleep(PROGRESS).await;
                Job::SettleDue
            });
        }
        lately
    }

    /// What is live stays in the mirror, whatever becomes of it at the remote.
    fn keep_what_is_live(&self) {
        let Some(mirror) = self.mirror.clone() else {
            return;
        };
        let live = self
            .shared
            .kits
            .of_repository(&self.namespace(), &self.name());
        let live = live
            .iter()
            .filter_map(|kit| kit.status.as_ref())
            .flat_map(|status| {
                let earlier = status.history.iter().map(|it| &it.revision);
                let live = status.applied.iter().chain(&status.healthy);
                live.chain(earlier)
            })
            .chain(&self.status.history)
            .chain(&self.status.held);
        let mut revisions: Vec<Revision> =
            live.map(|it| Revision::new(it.revision.as_str())).collect();
        revisions.extend(self.head.as_ref().map(|head| head.revision.clone()));
        // What comes next is compared with it.
        let taken = self.status.revision.as_ref();
        revisions.extend(taken.map(|it| Revision::new(it.revision.as_str())));
        revisions.sort();
        revisions.dedup();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = mirror.keep(&revisions) {
                tracing::warn!(%error, "the revisions that are live cannot be marked in the mirror");
            }
        });
    }

    pub(super) fn tell_settled(&self, ready: bool, fetched: bool) {
        // The receiver is there as long as the host.
        let _ = self.report.send(Settled {
            namespace: self.namespace(),
            repository: self.name(),
            ready,
            fetched,
        });
    }

    pub(super) async fn source_failed(
        &mut self,
        reason: &'static str,
        message: String,
        passing: bool,
    ) {
        let error = (reason.to_owned(), message.clone());
        let heard = self.status.observed_generation == self.repository.metadata.generation;
        if self.source_error.as_ref() != Some(&error) || !heard {
            self.source_error = Some(error);
            let live = match &self.status.revision {
                Some(revision) => format!("{message}; live: {}", revision.short),
                None => message.clone(),
            };
            let warning = reason != "Suspended";
            self.write_status(false, reason, live.clone(), passing)
                .await;
            self.publish(Note {
                warning,
                reason,
                message: live,
            })
            .await;
        }
        self.tell_source(reason, &message, passing).await;
        self.tell_settled(false, false);
    }

    pub(super) async fn write_status(
        &mut self,
        ready: bool,
        reason: &str,
        message: String,
        busy: bool,
    ) {
        let state = RepositoryState {
            ready,
            reason,
            message,
            busy,
            generation: self.repository.metadata.generation,
        };
        repository_conditions(
            &mut self.status,
            &state,
            &jiff::Timestamp::now().to_string(),
        );
        self.put_status().await;
    }

    pub(super) async fn put_status(&mut self) {
        if self.repository.status.as_ref() == Some(&self.status) {
            return;
        }
        // Never written for its own sake: a record more is no news of the Repository.
        self.note_record().await;
        match self
            .shared
            .cluster
            .put_repository_status(&self.namespace(), &self.name(), &self.status)
            .await
        {
            Ok(()) => {
                let mut repository = (*self.repository).clone();
                repository.status = Some(self.status.clone());
                self.repository = Arc::new(repository);
            }
            Err(error) => {
                tracing::warn!(repository = %self.name(), %error, "the status was not taken")
            }
        }
    }

    pub(super) async fn publish(&self, note: Note) {
        self.shared
            .cluster
            .publish(&self.repository.object_ref(&()), &note)
            .await;
    }
}
