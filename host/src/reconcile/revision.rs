//! Taking up a revision that was evaluated, and starting kits on what came of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::ClusterError;
use crate::kit::{InputDigest, KitPath, KitSource, RevisionStatus};
use crate::manifest::Finding;
use crate::pipeline::Verdict;
use crate::plan::SetId;
use crate::source::Commit;

use super::fights::Fights;
use super::kit::{Done, Task};
use super::outcome::{Outcome, Wait};
use super::pins::Found;
use super::repository::{Actor, Job, KitState};
use super::sent::Sent;

impl Actor {
    /// `newest` is told of as such.
    pub(super) async fn take_up(
        &mut self,
        newest: Arc<Commit>,
        Found {
            commit,
            evaluation,
            took,
        }: Found,
    ) {
        if self.deleting {
            return;
        }
        if self.outdated(&evaluation) {
            self.evaluate();
            return;
        }
        let evaluation = Arc::new(evaluation);
        let before = std::mem::replace(&mut self.evaluation, evaluation.clone());
        for state in self.kits.values_mut() {
            state.overtaken = state.running.is_some();
        }
        self.fetch_wanted();
        self.finish_late();
        self.teach_the_door();
        self.findings.clone_from(&evaluation.findings);
        self.taken_up(&newest);
        let held = self.repository.spec.revision.is_some();
        let now = jiff::Timestamp::now().to_string();
        self.status.held = held.then(|| RevisionStatus::new(&commit, Some(now)));
        self.taken = Some(commit.clone());
        let verdicts = evaluation.verdicts.iter();
        let kits = verdicts.map(|verdict| &verdict.kit);
        let all = kits.chain(evaluation.late.iter().map(|it| &it.kit));
        let present: BTreeSet<KitPath> = all.map(|kit| kit.path.clone()).collect();
        // What is wrong with the repository itself may be why a kit is not found.
        let gone = match self.findings.iter().any(Finding::is_error) {
            true => Vec::new(),
            false => self.gone(&present),
        };
        // A revision without any kit that was there before is taken for a mistake.
        let namespace = self.namespace();
        let known = present.iter().any(|path| {
            let known = |state: &KitState| !state.gone;
            self.kits.get(path).is_some_and(known)
                || self
                    .shared
                    .kits
                    .get(&namespace, &path.object_name())
                    .is_some()
        });
        // Kits whose objects others may take over must be known before any is planned.
        for path in present.iter().chain(&gone) {
            if !self.kits.contains_key(path) {
                self.shared.sets.put(self.member(path));
            }
        }
        // A kit without any says so when it is looked at.
        let kits = evaluation.verdicts.iter().map(|verdict| &verdict.kit);
        let ruled = kits.filter(|kit| !kit.policy.health_rules.is_empty());
        self.shared.cluster.judge_by(ruled.map(|kit| {
            let set = SetId::of_kit(&kit.path.object_name(), &namespace);
            (set, &kit.policy.health_rules[..])
        }));
        let mut started = 0;
        let total = evaluation.verdicts.len();
        for verdict in &evaluation.verdicts {
            if self.wants(verdict) {
                started += 1;
                let pinned = verdict.pinned.as_ref();
                let own = pinned.and_then(|pinned| pinned.commit.as_ref());
                let own = own.or(verdict.late.as_ref());
                self.put(verdict.clone(), own.unwrap_or(&commit));
                if let Some(state) = self.kits.get_mut(&verdict.kit.path) {
                    state.evaluated = Some(took);
                }
                if pinned.is_some() || !self.still_quarantined(verdict) {
                    self.start(&verdict.kit.path);
                }
            }
        }
        tracing::info!(
            repository = %self.name(), revision = commit.revision.short(), kits = total,
            looked_at = evaluation.looked_at, late = evaluation.late.len(), started, gone = gone.len(), "evaluated"
        );
        // What they delete may be back.
        for late in evaluation.late.iter().map(|it| &it.kit.path) {
            let runs = |state: &KitState| state.running.is_some();
            if self.kits.get(late).is_some_and(runs) {
                self.start(late);
            }
        }
        let emptied = !gone.is_empty() && !known;
        for path in gone {
            self.remove(&path, &commit, emptied);
        }
        // Who was to take over may have changed its mind.
        let handing: Vec<KitPath> = self
            .kits
            .iter()
            .filter(|(_, state)| state.handing_over && state.running.is_none())
            .map(|(path, _)| path.clone())
            .collect();
        for path in handing {
            self.start(&path);
        }
        self.wake_those_behind(&before);
        self.settle().await;
    }

    /// The status tells when a revision was taken up first.
    fn taken_up(&mut self, commit: &Commit) {
        let known = self.status.revision.as_ref();
        let at = known.filter(|it| it.revision == commit.revision.as_str());
        let at = at.and_then(|it| it.at.clone());
        let at = at.unwrap_or_else(|| jiff::Timestamp::now().to_string());
        self.status.revision = Some(RevisionStatus::new(commit, Some(at)));
        // What is evaluated instead of a head that is refused may have been found elsewhere.
        if self.refused.is_none() {
            self.status.followed = Some(self.repository.spec.followed());
        }
    }

    /// Whether there is something to do: a kit that is live with the same rendering is not
    /// touched, whatever else the revision has.
    pub(super) fn wants(&self, verdict: &Verdict) -> bool {
        let Some(state) = self.kits.get(&verdict.kit.path) else {
            return true;
        };
        if state.verdict.pinned != verdict.pinned {
            return true;
        }
        if verdict.late.is_some() && state.verdict.kit.inputs != verdict.kit.inputs {
            // An evaluation that was given up left it so: it was never taken up.
            return false;
        }
        if let Some(quarantine) = &state.quarantine {
            return quarantine.inputs != verdict.kit.inputs.to_string();
        }
        let same = !state.gone
            && state.verdict.kit.inputs == verdict.kit.inputs
            && Arc::ptr_eq(&state.verdict.rendered, &verdict.rendered);
        let live = matches!(state.outcome, Some(Outcome::Applied { .. })) && !state.gone;
        let told = state.verdict.cross == verdict.cross && state.verdict.changes == verdict.changes;
        !(same && (live || told))
    }

    pub(super) fn put(&mut self, verdict: Verdict, commit: &Arc<Commit>) {
        let path = verdict.kit.path.clone();
        let attempt = self.kits.get(&path).map_or(0, |state| state.attempt);
        if let Some(running) = self
            .kits
            .get_mut(&path)
            .and_then(|state| state.running.take())
        {
            running.abort();
        }
        // What was sent, and not what came in between and was not.
        let were = self.kits.get(&path).and_then(|state| match state.outcome {
            Some(Outcome::Applied { .. }) => Some(state.verdict.rendered.clone()),
            _ => state.were.clone(),
        });
        let state = KitState {
            were,
            verdict,
            commit: commit.clone(),
            gone: false,
            attempt,
            running: None,
            again: false,
            outcome: None,
            retries: 0,
            quarantine: None,
            stays: Vec::new(),
            handing_over: false,
            overtaken: false,
            emptied: false,
            fights: Fights::default(),
            unreported: 0,
            evaluated: None,
            look: None,
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
            .filter_map(|kit| kit.path())
            .filter(|path| !self.kits.contains_key(path));
        let all: BTreeSet<KitPath> = known
            .chain(left)
            .filter(|path| !present.contains(path))
            .collect();
        all.into_iter().collect()
    }

    pub(super) fn remove(&mut self, path: &KitPath, commit: &Arc<Commit>, emptied: bool) {
        // It has nothing that grants or rules would be for, but a budget.
        let kit = KitSource {
            budget: KitSource::left_out(path, &self.repository.spec).budget,
            ..KitSource::without_files(path.clone())
        };
        let verdict = Verdict::nothing_of(kit);
        // Neither does a host that starts anew forget it.
        let kit = self.shared.kits.get(&self.namespace(), &path.object_name());
        let stopped_before = kit
            .as_ref()
            .and_then(|kit| kit.status.as_ref())
            .is_some_and(|status| {
                status.inputs == Some(InputDigest::none().to_string())
                    && status
                        .findings
                        .iter()
                        .any(|it| it.rule == "trimtab/empty-kit")
            });
        self.put(verdict, commit);
        if let Some(state) = self.kits.get_mut(path) {
            state.gone = true;
            state.emptied = emptied || stopped_before;
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
        state.running = None;
        let unmet = self.unmet(path);
        let Some(state) = self.kits.get_mut(path) else {
            return;
        };
        state.again = false;
        state.overtaken = false;
        state.attempt += 1;
        let attempt = state.attempt;
        let task = Task {
            shared: self.shared.clone(),
            repository: self.repository.clone(),
            commit: state.commit.clone(),
            verdict: state.verdict.clone(),
            evaluation: self.evaluation.clone(),
            quarantine: state.quarantine.clone(),
            stays: state.stays.clone(),
            were: state.were.clone(),
            carried: state.unreported,
            held: state.fights.held(tokio::time::Instant::now()),
            unmet,
            gone: state.gone,
            emptied: state.emptied,
            deleting: self.deleting,
            evaluated: state.evaluated,
            sent: Sent::default(),
        };
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
        state.evaluated = None;
        let mut live = false;
        let mut arrived = false;
        let now = tokio::time::Instant::now();
        let mut pause = None;
        let mut look = None;
        let retry = match result {
            Ok(done) => {
                live = done.outcome.is_live();
                state.fights.corrected(&done.corrected, now);
                pause = state.fights.due(now);
                let revision = state.commit.revision.short();
                tracing::info!(kit = %path, revision, changed = done.changed, outcome = %done.outcome, "kit");
                let retry = done.retry || matches!(done.outcome, Outcome::Failed);
                state.handing_over = done.handing_over;
                state.again |= done.handing_over && state.overtaken;
                arrived = done.outcome.is_ready() || done.outcome == Outcome::Gone;
                state.unreported = done.unreported;
                look = done.look_in;
                state.outcome = Some(done.outcome);
                retry
            }
            Err(error) => {
                tracing::warn!(kit = %path, %error, "the cluster did not answer as it should; will be tried again");
                state.outcome = Some(Outcome::Failed);
                true
            }
        };
        if retry || self.missed_its_turn(path) {
            self.retry_later(path, attempt);
        } else if let Some(state) = self.kits.get_mut(path) {
            state.retries = 0;
        }
        // The sooner of the two; the one leads to the other.
        if let Some(pause) = [pause, look].into_iter().flatten().min() {
            self.look_later(path, pause);
        }
        if self.kits.get(path).is_some_and(KitState::has_left) {
            // Nothing of it is left to guard.
            self.teach_the_door();
        }
        if live {
            self.wake(|wait| matches!(wait, Wait::Definer(waited) if waited == path));
        }
        if arrived {
            self.wake(|wait| matches!(wait, Wait::Kit(waited) if waited == path));
        }
        self.tell_kit(path);
        self.tell_failure(path);
        self.maybe_roll_back(path);
        if self.kits.get(path).is_some_and(|state| state.again) {
            self.start(path);
        }
        self.settle().await;
        self.all_deleted().await;
    }
}
