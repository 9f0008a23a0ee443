//! Kits that take long to render are rendered beside everything else: they stand as they were until
//! then, and nobody waits for them but who depends on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::kit::{InputDigest, KitPath};
use crate::manifest::{Finding, Severity};
use crate::pipeline::{Evaluation, Finished};
use crate::plan::Plan;

use super::kit::Task;
use super::outcome::{Outcome, Wait};
use super::repository::{Actor, Job, KitState};

/// What is being rendered.
#[derive(Default)]
pub(super) struct Finishing {
    running: BTreeSet<KitPath>,
    /// For the next evaluation.
    done: Done,
    asked: Asked,
    /// There is news for it, and another one is under way, which is not held up.
    due: bool,
}

/// What came of renders that took long.
#[derive(Clone, Default)]
pub(super) struct Done(Arc<Mutex<Vec<Finished>>>);

impl Done {
    pub(super) fn take(&self) -> Vec<Finished> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, finished: Finished) {
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        done.push(finished);
    }
}

/// Kits that are late by the newest evaluation, and with which inputs.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<BTreeMap<KitPath, InputDigest>>>);

impl Asked {
    fn put(&self, kits: BTreeMap<KitPath, InputDigest>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kits;
    }

    fn has(&self, kit: &KitPath, inputs: InputDigest) -> bool {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(kit) == Some(&inputs)
    }
}

impl Finishing {
    pub(super) fn done(&self) -> Done {
        self.done.clone()
    }
}

impl Actor {
    /// Renders what the newest evaluation has left. One of a kit at a time: what it has become
    /// meanwhile comes after that.
    pub(super) fn finish_late(&mut self) {
        let late = self.evaluation.late.iter();
        let asked = late.map(|it| (it.kit.path.clone(), it.kit.inputs));
        self.finishing.asked.put(asked.collect());
        for unfinished in &self.evaluation.late {
            let path = unfinished.kit.path.clone();
            if !self.finishing.running.insert(path.clone()) {
                continue;
            }
            let (shared, unfinished) = (self.shared.clone(), unfinished.clone());
            let asked = self.finishing.asked.clone();
            self.jobs.spawn(async move {
                let _turn = shared.finishes.acquire().await;
                // Its turn may come when nobody asks any more.
                if !asked.has(&path, unfinished.kit.inputs) {
                    return Job::Finished {
                        path,
                        finished: None,
                    };
                }
                let (plugins, own) = (shared.plugins.clone(), unfinished.clone());
                let finished = tokio::task::spawn_blocking(move || own.finish(&plugins));
                let finished = finished.await.unwrap_or_else(|error| {
                    tracing::error!(kit = %path, %error, "a render broke off");
                    unfinished.broken("it broke off")
                });
                Job::Finished {
                    path,
                    finished: Some(Box::new(finished)),
                }
            });
        }
    }

    pub(super) fn finished_rendering(&mut self, path: &KitPath, finished: Option<Finished>) {
        self.finishing.running.remove(path);
        match finished {
            Some(finished) => {
                self.finishing.done.put(finished);
                self.finishing.due = true;
                self.take_finished();
            }
            // It may be asked for as something else by now.
            None => self.finish_late(),
        }
    }

    /// Evaluates what is finished, once no evaluation is under way.
    pub(super) fn take_finished(&mut self) {
        if self.evaluating.is_none() && self.finishing.due && self.may_evaluate() {
            self.evaluate();
        }
    }

    /// All that is finished goes into the evaluation that begins.
    pub(super) fn finished_until_now(&mut self) -> Done {
        self.finishing.due = false;
        self.finishing.done()
    }

    /// Kits that waited for others which were late, and are not any more.
    pub(super) fn wake_those_behind(&mut self, before: &Evaluation) {
        let now = self.evaluation.clone();
        let were = before.late.iter().map(|it| &it.kit.path);
        let done: Vec<&KitPath> = were.filter(|kit| !now.is_late(kit)).collect();
        if done.is_empty() {
            return;
        }
        // As they were after all.
        for kit in &done {
            let waits = |state: &KitState| {
                let outcome = state.outcome.as_ref();
                state.running.is_none()
                    && outcome.is_some_and(|it| it.waits(|on| matches!(on, Wait::Rendered)))
            };
            if self.kits.get(kit).is_some_and(waits) {
                self.start(kit);
            }
        }
        self.wake(|wait| match wait {
            Wait::Rendered => now.late.is_empty(),
            Wait::Kit(kit) => done.contains(&kit),
            _ => false,
        });
    }
}

impl Task {
    /// A wait for what is being rendered, if anything is.
    pub(super) fn behind(&self, message: impl FnOnce(&str) -> String) -> Option<Outcome> {
        let (first, others) = self.evaluation.late.split_first()?;
        let late = match others.len() {
            0 => first.kit.path.to_string(),
            count => format!("{} and {count} more", first.kit.path),
        };
        Some(Outcome::Waiting {
            reason: "WaitingForRendering",
            message: message(&late),
            on: vec![Wait::Rendered],
        })
    }

    /// A kit that is late sends nothing that was not live: it was judged by what held before.
    pub(super) fn stands_still(&self, live: bool) -> Option<Outcome> {
        let path = &self.verdict.kit.path;
        let goes_on = live || self.quarantine.is_some() || !self.evaluation.is_late(path);
        let wait = || self.behind(|_| "is being rendered, which takes long".into());
        (!goes_on).then(wait)?
    }

    /// What a kit waits for that only rules over several kits refuse, while others are judged as they
    /// were: what clashes with it may be gone when they are rendered.
    pub(super) fn judged_too_early(&self, findings: &mut [Finding]) -> Option<Outcome> {
        let waiting = self.behind(|late| format!("is judged anew when {late} is rendered"))?;
        let cross = &self.verdict.cross;
        let errors = findings.iter_mut().filter(|it| it.is_error());
        let errors: Vec<&mut Finding> = errors.collect();
        if errors.is_empty() || !errors.iter().all(|error| cross.contains(error)) {
            return None;
        }
        // They are no verdict yet.
        errors
            .into_iter()
            .for_each(|it| it.severity = Severity::Info);
        Some(waiting)
    }

    /// What a kit waits for that gives up what one that is not rendered yet may have: nothing of it is
    /// sent, for its budget of deletions is not known yet.
    pub(super) fn gives_up_too_early(&self, plan: &Plan) -> Option<Outcome> {
        let mut given = plan.pruning.handed_over.iter();
        let to_whom_it_may_be = given.any(|(key, kit)| {
            let verdict = self.evaluation.verdict(kit);
            self.evaluation.is_late(kit) && !verdict.is_some_and(|it| it.has(key))
        });
        let wait = || self.behind(|late| format!("gives up what {late} may have"));
        to_whom_it_may_be.then(wait)?
    }
}
