//! Kits that take long to render are rendered beside everything else: they stand as they were until
//! then, and nobody waits for them but who depends on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::kit::{InputDigest, KitPath, KitSource};
use crate::manifest::{Finding, ObjectKey, Severity};
use crate::pipeline::{Evaluation, Finished};
use crate::plan::Plan;

use super::kit::Task;
use super::outcome::{Outcome, Wait};
use super::repository::{Actor, Job};

/// What is being rendered.
#[derive(Default)]
pub(super) struct Finishing {
    running: BTreeSet<KitPath>,
    /// For the next evaluation.
    done: Done,
    asked: Asked,
    /// There is news for it, and another one is under way, which is not held up.
    due: bool,
    /// Mirrors that were given up: what is rendered from one of them is no news.
    given_up: u64,
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

    fn names(&self, kit: &KitPath) -> bool {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.contains_key(kit)
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
            let given_up = self.finishing.given_up;
            self.jobs.spawn(async move {
                let _turn = shared.finishes.acquire().await;
                // Its turn may come when nobody asks any more.
                if !asked.has(&path, unfinished.kit.inputs) {
                    return Job::Finished {
                        path,
                        given_up,
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
                    given_up,
                    finished: Some(Box::new(finished)),
                }
            });
        }
    }

    /// The mirror is made anew.
    pub(super) fn give_up_late(&mut self) {
        self.finishing.given_up += 1;
        self.finishing.asked.put(BTreeMap::new());
        drop(self.finishing.done.take());
    }

    pub(super) fn finished_rendering(
        &mut self,
        path: &KitPath,
        given_up: u64,
        finished: Option<Finished>,
    ) {
        self.finishing.running.remove(path);
        match finished.filter(|_| given_up == self.finishing.given_up) {
            Some(finished) => {
                self.finishing.done.put(finished);
                self.finishing.due = true;
                self.take_finished();
            }
            // It may be asked for as something else by now.
            None if self.finishing.asked.names(path) => self.finish_late(),
            None => {}
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
        self.wake(|wait| match wait {
            Wait::Rendered(kit) | Wait::Kit(kit) => done.contains(&kit),
            _ => false,
        });
    }
}

impl Task {
    /// A wait for kits that are being rendered, and matter to this one; `None` if there are none.
    pub(super) fn behind(
        &self,
        matters: impl Fn(&KitSource) -> bool,
        message: impl FnOnce(&str) -> String,
    ) -> Option<Outcome> {
        let late = self.evaluation.late.iter().map(|it| &it.kit);
        let late = late.filter(|kit| matters(kit)).map(|kit| kit.path.clone());
        let late: Vec<KitPath> = late.collect();
        let (first, others) = late.split_first()?;
        let named = match others.len() {
            0 => first.to_string(),
            count => format!("{first} and {count} more"),
        };
        Some(Outcome::Waiting {
            reason: "WaitingForRendering",
            message: message(&named),
            on: late.into_iter().map(Wait::Rendered).collect(),
        })
    }

    /// A kit that is late sends nothing that was not live: it was judged by what held before.
    pub(super) fn stands_still(&self, live: bool) -> Option<Outcome> {
        if live || self.quarantine.is_some() {
            return None;
        }
        let own = &self.verdict.kit.path;
        let is_own = |kit: &KitSource| kit.path == *own;
        self.behind(is_own, |_| "is being rendered, which takes long".into())
    }

    /// What a kit waits for that only rules over several kits refuse, while others are judged as they
    /// were: what clashes with it may be gone when they are rendered.
    pub(super) fn judged_too_early(&self, findings: &mut [Finding]) -> Option<Outcome> {
        let waiting = self.behind(
            |_| true,
            |late| format!("is judged anew when {late} is rendered"),
        )?;
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
        let given = plan.pruning.handed_over.iter();
        let given: Vec<&ObjectKey> = given
            .filter(|(key, kit)| {
                let verdict = self.evaluation.verdict(kit);
                self.evaluation.is_late(kit) && !verdict.is_some_and(|it| it.has(key))
            })
            .map(|(key, _)| key)
            .collect();
        self.behind(
            |kit| given.iter().any(|key| kit.grants.allow(key)),
            |late| format!("gives up what {late} may have"),
        )
    }
}
