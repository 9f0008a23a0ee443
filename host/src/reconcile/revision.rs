//! Evaluating revisions, and starting kits on what came of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::cluster::ClusterError;
use crate::kit::{Grants, InputDigest, KitPath, KitSource, RevisionStatus};
use crate::pipeline::{Evaluation, Rendered, Superseded, Verdict};
use crate::source::{Commit, SourceError};

use super::kit::{Done, Task};
use super::repository::{Actor, Defined, Job, KitState};
use super::status::Outcome;

/// First pause before a kit whose objects were not taken is tried again; doubled each time.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_LIMIT: Duration = Duration::from_secs(300);

impl Actor {
    /// Evaluates the head; one evaluation at a time, and the newest wins.
    pub(super) fn evaluate(&mut self) {
        let Some(commit) = self.head.clone() else {
            return;
        };
        if let Some(superseded) = &self.evaluating {
            superseded.store(true, Ordering::Relaxed);
            self.stale = true;
            return;
        }
        let Some(mirror) = self.mirror.clone() else {
            return;
        };
        let superseded = Arc::new(AtomicBool::new(false));
        self.evaluating = Some(superseded.clone());
        self.stale = false;
        let evaluator = self.evaluator.clone();
        let spec = self.repository.spec.clone();
        self.jobs.spawn(async move {
            let revision = commit.revision.clone();
            let evaluated = tokio::task::spawn_blocking(move || {
                let snapshot = mirror.snapshot(&revision)?;
                let mut evaluator = evaluator.lock().unwrap_or_else(PoisonError::into_inner);
                evaluator.evaluate(&snapshot, &spec, &superseded)
            });
            let result = match evaluated.await {
                Ok(result) => result,
                Err(error) => Err(SourceError::Damaged {
                    what: "evaluation".into(),
                    reason: error.to_string(),
                }),
            };
            Job::Evaluated { commit, result }
        });
    }

    pub(super) async fn evaluated(
        &mut self,
        commit: Arc<Commit>,
        result: Result<Result<Evaluation, Superseded>, SourceError>,
    ) {
        self.evaluating = None;
        if std::mem::take(&mut self.stale) {
            self.evaluate();
            return;
        }
        match result {
            Ok(Ok(evaluation)) => self.take_up(commit, evaluation).await,
            Ok(Err(Superseded)) => self.evaluate(),
            Err(error) => {
                // The mirror is fetched anew at the next poll.
                if let Some(Err(error)) = self.mirror.take().map(|mirror| mirror.discard()) {
                    tracing::warn!(repository = %self.name(), %error, "the damaged mirror cannot be removed");
                }
                self.head = None;
                self.source_failed("MirrorDamaged", error.to_string(), true)
                    .await;
            }
        }
    }

    pub(super) async fn take_up(&mut self, commit: Arc<Commit>, evaluation: Evaluation) {
        let defined = Arc::new(evaluation.defined);
        self.findings = evaluation.findings;
        self.status.revision = Some(RevisionStatus::new(
            &commit,
            Some(jiff::Timestamp::now().to_string()),
        ));
        let mut present = BTreeSet::new();
        let mut started = 0;
        let total = evaluation.verdicts.len();
        for verdict in evaluation.verdicts {
            let path = verdict.kit.path.clone();
            present.insert(path.clone());
            if self.wants(&verdict) {
                started += 1;
                self.put(verdict, &commit, &defined);
                self.start(&path);
            }
        }
        let gone = self.gone(&present);
        tracing::info!(
            repository = %self.name(), revision = commit.revision.short(), kits = total,
            looked_at = evaluation.looked_at, started, gone = gone.len(), "evaluated"
        );
        for path in gone {
            self.remove(&path, &commit, &defined);
        }
        self.settle().await;
    }

    /// Whether there is something to do: a kit that is live with the same rendering is not
    /// touched, whatever else the revision has.
    pub(super) fn wants(&self, verdict: &Verdict) -> bool {
        let Some(state) = self.kits.get(&verdict.kit.path) else {
            return true;
        };
        let same = !state.gone
            && state.verdict.kit.inputs == verdict.kit.inputs
            && Arc::ptr_eq(&state.verdict.rendered, &verdict.rendered);
        let live = matches!(state.outcome, Some(Outcome::Applied { .. })) && !state.gone;
        !(same && (live || state.verdict.cross == verdict.cross))
    }

    pub(super) fn put(&mut self, verdict: Verdict, commit: &Arc<Commit>, defined: &Arc<Defined>) {
        let path = verdict.kit.path.clone();
        let attempt = self.kits.get(&path).map_or(0, |state| state.attempt);
        if let Some(running) = self
            .kits
            .get_mut(&path)
            .and_then(|state| state.running.take())
        {
            running.abort();
        }
        let state = KitState {
            verdict,
            commit: commit.clone(),
            defined: defined.clone(),
            gone: false,
            attempt,
            running: None,
            outcome: None,
            retries: 0,
        };
        self.kits.insert(path, state);
    }

    /// Kits that the revision no longer has: those known, and those that a host before this one left.
    pub(super) fn gone(&self, present: &BTreeSet<KitPath>) -> Vec<KitPath> {
        let objects = self
            .shared
            .kits
            .of_repository(&self.namespace(), &self.name());
        let known = self
            .kits
            .iter()
            .filter(|(_, state)| !state.gone)
            .map(|(path, _)| path.clone());
        let left = objects
            .iter()
            .filter_map(|kit| kit.status.as_ref())
            .map(|status| KitPath::new(status.path.as_str()))
            .filter(|path| !self.kits.contains_key(path));
        let all: BTreeSet<KitPath> = known
            .chain(left)
            .filter(|path| !present.contains(path))
            .collect();
        all.into_iter().collect()
    }

    pub(super) fn remove(&mut self, path: &KitPath, commit: &Arc<Commit>, defined: &Arc<Defined>) {
        let kit = KitSource {
            path: path.clone(),
            grants: Grants::default(),
            plugins: Vec::new(),
            ignore: Vec::new(),
            depends_on: Vec::new(),
            inputs: InputDigest::none(),
            findings: Vec::new(),
        };
        let verdict = Verdict {
            kit: Arc::new(kit),
            rendered: Arc::new(Rendered::empty()),
            cross: Vec::new(),
            looked_at: false,
        };
        self.put(verdict, commit, defined);
        if let Some(state) = self.kits.get_mut(path) {
            state.gone = true;
        }
        self.start(path);
    }

    pub(super) fn start(&mut self, path: &KitPath) {
        let Some(state) = self.kits.get_mut(path) else {
            return;
        };
        if let Some(running) = state.running.take() {
            running.abort();
        }
        state.attempt += 1;
        let attempt = state.attempt;
        let task = Task {
            shared: self.shared.clone(),
            repository: self.repository.clone(),
            commit: state.commit.clone(),
            verdict: state.verdict.clone(),
            defined: state.defined.clone(),
            gone: state.gone,
        };
        self.shared.sets.put(task.set(), path.clone());
        let path = path.clone();
        let turns = self.shared.turns.clone();
        state.running = Some(self.jobs.spawn(async move {
            let result = turns.take(task.run()).await;
            Job::Kit {
                path,
                attempt,
                result,
            }
        }));
    }

    pub(super) async fn kit_done(
        &mut self,
        path: &KitPath,
        attempt: u64,
        result: Result<Done, ClusterError>,
    ) {
        let Some(state) = self
            .kits
            .get_mut(path)
            .filter(|state| state.attempt == attempt)
        else {
            return;
        };
        state.running = None;
        let mut defines = false;
        let retry = match result {
            Ok(done) => {
                defines = done.defines;
                let revision = state.commit.revision.short();
                tracing::info!(kit = %path, revision, changed = done.changed, outcome = ?done.outcome, "kit");
                let retry = matches!(done.outcome, Outcome::Failed);
                state.outcome = Some(done.outcome);
                retry
            }
            Err(error) => {
                tracing::warn!(kit = %path, %error, "the cluster did not answer as it should; will be tried again");
                state.outcome = Some(Outcome::Failed);
                true
            }
        };
        if retry || self.missed_its_kind(path) {
            self.retry_later(path, attempt);
        } else if let Some(state) = self.kits.get_mut(path) {
            state.retries = 0;
        }
        if defines {
            self.wake_waiting();
        }
        self.settle().await;
    }

    /// Whether a kit waits for one that was done before the waiting was known here.
    fn missed_its_kind(&self, path: &KitPath) -> bool {
        let Some(Outcome::Waiting { definer, .. }) =
            self.kits.get(path).and_then(|kit| kit.outcome.as_ref())
        else {
            return false;
        };
        let definer = self.kits.get(&KitPath::new(definer.as_str()));
        definer.is_some_and(|kit| {
            matches!(kit.outcome, Some(Outcome::Applied { .. })) && kit.running.is_none()
        })
    }

    /// The first time at once where nothing failed, later ever more slowly.
    fn retry_later(&mut self, path: &KitPath, attempt: u64) {
        let Some(state) = self.kits.get_mut(path) else {
            return;
        };
        let waits = matches!(state.outcome, Some(Outcome::Waiting { .. }));
        let delay = match (waits, state.retries) {
            (true, 0) => Duration::ZERO,
            (_, retries) => RETRY.saturating_mul(1 << retries.min(16)).min(RETRY_LIMIT),
        };
        state.retries += 1;
        let path = path.clone();
        self.jobs.spawn(async move {
            tokio::time::sleep(delay).await;
            Job::RetryDue { path, attempt }
        });
    }

    /// Kinds are newly served: whoever waits for one looks again.
    pub(super) fn wake_waiting(&mut self) {
        let waiting: Vec<KitPath> = self
            .kits
            .iter()
            .filter(|(_, state)| {
                matches!(state.outcome, Some(Outcome::Waiting { .. })) && state.running.is_none()
            })
            .map(|(path, _)| path.clone())
            .collect();
        for path in waiting {
            self.start(&path);
        }
    }
}
