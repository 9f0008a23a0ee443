//! A revision of a kit that is live and does not get healthy: back to the last one that was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use crate::cluster::Note;
use crate::kit::{KitPath, OnFailure, Quarantine, RepositorySpec, RevisionStatus};
use crate::manifest::{Finding, Severity};
use crate::pipeline::{Evaluation, Evaluator, Verdict};
use crate::signature::SignatureState;
use crate::source::{Commit, Mirror, Revision, Snapshot, SourceError};

use super::others::goes_live;
use super::outcome::Outcome;
use super::report::reference;
use super::repository::{Actor, Job};

/// What is to be gone back to, if the revision has the kit.
pub(super) struct Earlier {
    verdict: Option<Verdict>,
    /// What it would break together with what the other kits are now.
    clashes: Vec<Finding>,
}

/// The other kits, as they are live or are about to be.
struct Others {
    newest: Vec<Verdict>,
    /// Kits whose newest revision does not go live, by the one that is.
    live: BTreeMap<Revision, BTreeSet<KitPath>>,
}

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
        // Where a person holds it, a person lets it go.
        let held = state.verdict.pinned.is_some() || self.repository.spec.revision.is_some();
        if !wants
            || held
            || !state.stays.is_empty()
            || state.quarantine.is_some()
            || state.gone
            || !health.is_bad()
        {
            return;
        }
        let quarantine = Quarantine {
            revision: state.commit.revision.to_string(),
            inputs: state.verdict.kit.inputs.to_string(),
            message: health.to_string(),
        };
        let others = self.others(path);
        self.roll_back(path, quarantine, Some(others));
    }

    /// What a host before this one had rolled back stays so.
    pub(super) fn still_quarantined(&mut self, verdict: &Verdict) -> bool {
        let (namespace, path) = (self.namespace(), &verdict.kit.path);
        let kit = self.shared.kits.get(&namespace, &path.object_name());
        let known = kit.and_then(|kit| kit.status.as_ref()?.quarantine.clone());
        let inputs = verdict.kit.inputs.to_string();
        match known.filter(|known| known.inputs == inputs) {
            // It is live: the others came to it, and not it to them.
            Some(quarantine) => self.roll_back(path, quarantine, None),
            None => false,
        }
    }

    fn others(&self, path: &KitPath) -> Others {
        let mut others = Others {
            newest: Vec::new(),
            live: BTreeMap::new(),
        };
        let verdicts = self.evaluation.verdicts.iter();
        for verdict in verdicts.filter(|it| it.kit.path != *path) {
            let other = &verdict.kit.path;
            let kit = self
                .shared
                .kits
                .get(&self.namespace(), &other.object_name());
            let status = kit.as_ref().and_then(|kit| kit.status.as_ref());
            let quarantine = status.and_then(|status| status.quarantine.as_ref());
            let held = !goes_live(verdict, kit.as_deref())
                || kit.as_ref().is_some_and(|kit| kit.spec.suspend)
                || quarantine.is_some_and(|it| it.inputs == verdict.kit.inputs.to_string());
            if !held {
                others.newest.push(verdict.clone());
            } else if let Some(live) = status.and_then(|status| status.applied.as_ref()) {
                let revision = Revision::new(live.revision.as_str());
                let kits = others.live.entry(revision).or_default();
                kits.insert(other.clone());
            }
        }
        others
    }

    /// Rules over several kits are heard against the others, if there are any to be heard.
    fn roll_back(
        &mut self,
        path: &KitPath,
        quarantine: Quarantine,
        others: Option<Others>,
    ) -> bool {
        let kit = self.shared.kits.get(&self.namespace(), &path.object_name());
        let healthy = kit.and_then(|kit| kit.status.as_ref()?.healthy.clone());
        let Some(healthy) = healthy.filter(|it| it.revision != quarantine.revision) else {
            return false;
        };
        let (Some(mirror), Some(state), Some(head)) =
            (self.mirror.clone(), self.kits.get(path), self.head.clone())
        else {
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
                let evaluator = evaluator.lock().unwrap_or_else(PoisonError::into_inner);
                let revisions = Revisions {
                    evaluator: &evaluator,
                    mirror: &mirror,
                    head: &head.revision,
                    spec: &spec,
                    newest: &evaluation,
                };
                revisions.earlier(&kit, &revision, others)
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
    pub(super) async fn rolled_back(
        &mut self,
        path: &KitPath,
        attempt: u64,
        commit: Arc<Commit>,
        quarantine: Quarantine,
        result: Result<Earlier, SourceError>,
    ) {
        let Some(state) = self.kits.get_mut(path).filter(|it| it.attempt == attempt) else {
            return;
        };
        let stays = match result {
            Ok(Earlier {
                verdict: Some(verdict),
                clashes,
            }) => {
                let mut findings = verdict.findings().chain(&clashes);
                let error = findings.find(|finding| finding.is_error()).cloned();
                drop(findings);
                let Some(error) = error else {
                    state.verdict = verdict;
                    state.commit = commit;
                    state.quarantine = Some(quarantine);
                    self.start(path);
                    return;
                };
                not_rolled_back(&commit, Some(&error), &error.message)
            }
            Ok(_) => not_rolled_back(&commit, None, "that revision does not have the kit"),
            Err(error) => not_rolled_back(&commit, None, &error.to_string()),
        };
        tracing::warn!(kit = %path, finding = %stays, "stays as it is");
        let message = stays.message.clone();
        state.stays.push(stays);
        self.start(path);
        let kit = self.shared.kits.get(&self.namespace(), &path.object_name());
        if let Some(kit) = kit {
            let note = Note {
                warning: true,
                reason: "NotRolledBack",
                message,
            };
            self.shared.cluster.publish(&reference(&kit), &note).await;
        }
    }
}

/// What revisions are read with.
struct Revisions<'a> {
    evaluator: &'a Evaluator,
    mirror: &'a Mirror,
    head: &'a Revision,
    spec: &'a RepositorySpec,
    newest: &'a Evaluation,
}

impl Revisions<'_> {
    fn earlier(
        &self,
        kit: &KitPath,
        revision: &Revision,
        others: Option<Others>,
    ) -> Result<Earlier, SourceError> {
        let snapshot = self.mirror.snapshot(revision)?;
        let head = self.mirror.snapshot(self.head)?;
        let kits = [kit.clone()].into();
        let settings = (self.spec, &self.newest.supplied);
        let evaluate = |snapshot: &Snapshot, kits: &BTreeSet<KitPath>| {
            let defined = &self.newest.defined;
            self.evaluator
                .evaluate_kits(snapshot, &head, settings, kits, defined)
        };
        let mut found = evaluate(&snapshot, &kits)?;
        let mut earlier = Earlier {
            verdict: found.pop(),
            clashes: Vec::new(),
        };
        if let (Some(verdict), Some(others)) = (&earlier.verdict, others) {
            let mut all = others.newest;
            for (revision, kits) in &others.live {
                all.extend(evaluate(&self.mirror.snapshot(revision)?, kits)?);
            }
            let now = self.newest.verdict(kit);
            earlier.clashes = self.evaluator.clashes(&snapshot, verdict, now, &all);
        }
        Ok(earlier)
    }
}

/// Why a kit stays at a revision that is not healthy.
fn not_rolled_back(commit: &Commit, because: Option<&Finding>, why: &str) -> Finding {
    let message = format!("cannot go back to {}: {why}", commit.revision.short());
    let mut finding = Finding::host_error("not-rolled-back", message)
        .hint("commit a revision of the kit that is healthy");
    finding.severity = Severity::Warning;
    if let Some(because) = because {
        finding.object.clone_from(&because.object);
        finding.origin.clone_from(&because.origin);
        finding.notes.clone_from(&because.notes);
    }
    finding
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
        signature: SignatureState::recorded(status.signature.clone()),
    }
}
