//! A revision of a kit that is live and does not get healthy: back to the last one that was.

use std::sync::{Arc, PoisonError};

use crate::kit::{KitPath, OnFailure, Quarantine, RevisionStatus};
use crate::pipeline::Verdict;
use crate::source::{Commit, Revision, SourceError};

use super::outcome::Outcome;
use super::repository::{Actor, Job};

impl Actor {
    /// Begins to roll a kit back, if it wants that, is not healthy, and was healthy once.
    pub(super) fn maybe_roll_back(&mut self, path: &KitPath) {
        let Some(state) = self.kits.get(path) else {
            return;
        };
        let wants = state.verdict.kit.policy.on_failure == OnFailure::Rollback;
        let Some(Outcome::Applied { health, .. }) = &state.outcome else {
            return;
        };
        if !wants || state.stays || state.quarantine.is_some() || state.gone || !health.is_bad() {
            return;
        }
        let quarantine = Quarantine {
            revision: state.commit.revision.to_string(),
            inputs: state.verdict.kit.inputs.to_string(),
            message: health.to_string(),
        };
        self.roll_back(path, quarantine);
    }

    /// What a host before this one had rolled back stays so.
    pub(super) fn still_quarantined(&mut self, verdict: &Verdict) -> bool {
        let (namespace, path) = (self.namespace(), &verdict.kit.path);
        let kit = self.shared.kits.get(&namespace, &path.object_name());
        let known = kit.and_then(|kit| kit.status.as_ref()?.quarantine.clone());
        let inputs = verdict.kit.inputs.to_string();
        match known.filter(|known| known.inputs == inputs) {
            Some(quarantine) => self.roll_back(path, quarantine),
            None => false,
        }
    }

    fn roll_back(&mut self, path: &KitPath, quarantine: Quarantine) -> bool {
        let kit = self.shared.kits.get(&self.namespace(), &path.object_name());
        let healthy = kit.and_then(|kit| kit.status.as_ref()?.healthy.clone());
        let Some(healthy) = healthy.filter(|it| it.revision != quarantine.revision) else {
            return false;
        };
        let (Some(mirror), Some(state)) = (self.mirror.clone(), self.kits.get(path)) else {
            return false;
        };
        tracing::warn!(kit = %path, bad = %quarantine.revision, good = healthy.short, reason = %quarantine.message, "rolling back");
        let (path, attempt) = (path.clone(), state.attempt);
        let (evaluator, evaluation) = (self.evaluator.clone(), self.evaluation.clone());
        let spec = self.repository.spec.clone();
        self.jobs.spawn(async move {
            let kit = path.clone();
            let commit = commit_of(&healthy);
            let revision = commit.revision.clone();
            let evaluated = tokio::task::spawn_blocking(move || {
                let snapshot = mirror.snapshot(&revision)?;
                let evaluator = evaluator.lock().unwrap_or_else(PoisonError::into_inner);
                evaluator.evaluate_kit(&snapshot, &spec, &kit, &evaluation.defined)
            });
            let result = match evaluated.await {
                Ok(result) => result,
                Err(error) => Err(SourceError::Damaged {
                    what: "evaluation".into(),
                    reason: error.to_string(),
                }),
            };
            Job::RollBack {
                path,
                attempt,
                commit: Arc::new(commit),
                quarantine,
                result,
            }
        });
        true
    }

    /// Takes up what was evaluated, unless something newer has happened to the kit.
    pub(super) fn rolled_back(
        &mut self,
        path: &KitPath,
        attempt: u64,
        commit: Arc<Commit>,
        quarantine: Quarantine,
        result: Result<Option<Verdict>, SourceError>,
    ) {
        let Some(state) = self.kits.get_mut(path).filter(|it| it.attempt == attempt) else {
            return;
        };
        match result {
            Ok(Some(verdict)) if !verdict.has_errors() => {
                state.verdict = verdict;
                state.commit = commit;
                state.quarantine = Some(quarantine);
                self.start(path);
            }
            Ok(_) => {
                state.stays = true;
                tracing::warn!(kit = %path, revision = commit.revision.short(), "cannot be rolled back: the revision does not have the kit, or its rules refuse it now");
                self.start(path);
            }
            Err(error) => {
                state.stays = true;
                tracing::warn!(kit = %path, %error, "cannot be rolled back");
                self.start(path);
            }
        }
    }
}

fn commit_of(status: &RevisionStatus) -> Commit {
    let time: Option<jiff::Timestamp> = status.committed_at.parse().ok();
    Commit {
        revision: Revision::new(status.revision.as_str()),
        author: status.author.clone(),
        committer: status.author.clone(),
        time: time.map(jiff::Timestamp::as_second).unwrap_or_default(),
        subject: status.subject.clone(),
        tag: None,
    }
}
