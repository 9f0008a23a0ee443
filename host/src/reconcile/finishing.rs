//! Kits that take long to render are rendered beside everything else: they stand as they were until
//! then, and nobody waits for them but who depends on them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kit::KitPath;
use crate::manifest::{Finding, Severity};
use crate::pipeline::{Evaluation, Finished};

use super::kit::Task;
use super::outcome::{Outcome, Wait};
use super::repository::{Actor, Job};

/// What is being rendered.
#[derive(Default)]
pub(super) struct Finishing {
    running: BTreeSet<KitPath>,
    /// For the next evaluation.
    done: Done,
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

impl Finishing {
    pub(super) fn done(&self) -> Done {
        self.done.clone()
    }
}

impl Actor {
    /// Renders what the newest evaluation has left. One of a kit at a time: what it has become
    /// meanwhile is left again by the evaluation after that.
    pub(super) fn finish_late(&mut self) {
        for unfinished in &self.evaluation.late {
            let path = unfinished.kit.path.clone();
            if !self.finishing.running.insert(path.clone()) {
                continue;
            }
            let (shared, unfinished) = (self.shared.clone(), unfinished.clone());
            self.jobs.spawn(async move {
                let _turn = shared.finishes.acquire().await;
                let (plugins, own) = (shared.plugins.clone(), unfinished.clone());
                let finished = tokio::task::spawn_blocking(move || own.finish(&plugins));
                let finished = finished.await.unwrap_or_else(|error| {
                    tracing::error!(kit = %path, %error, "a render broke off");
                    unfinished.broken("it broke off")
                });
                Job::Finished {
                    path,
                    finished: Box::new(finished),
                }
            });
        }
    }

    pub(super) fn finished_rendering(&mut self, path: &KitPath, finished: Finished) {
        self.finishing.running.remove(path);
        self.finishing.done.put(finished);
        self.finishing.due = true;
        self.take_finished();
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
            Wait::Rendered => now.late.is_empty(),
            Wait::Kit(kit) => done.contains(&kit),
            _ => false,
        });
    }
}

impl Task {
    /// What a kit waits for that only rules over several kits refuse, while others are judged as they
    /// were: what clashes with it may be gone when they are rendered.
    pub(super) fn judged_too_early(&self, findings: &mut [Finding]) -> Option<Outcome> {
        let late = self.evaluation.late.first()?;
        let cross = &self.verdict.cross;
        let mut errors = findings.iter_mut().filter(|it| it.is_error()).peekable();
        errors.peek()?;
        let errors: Vec<&mut Finding> = errors.collect();
        if !errors.iter().all(|error| cross.contains(error)) {
            return None;
        }
        // They are no verdict yet.
        errors
            .into_iter()
            .for_each(|it| it.severity = Severity::Info);
        let more = match self.evaluation.late.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Some(Outcome::Waiting {
            reason: "WaitingForRendering",
            message: format!("is judged anew when {}{more} is rendered", late.kit.path),
            on: vec![Wait::Rendered],
        })
    }
}
