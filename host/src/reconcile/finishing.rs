//! Kits that take long to render are rendered beside everything else: whoever has one waits for it,
//! and nobody else does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kit::KitPath;
use crate::manifest::Finding;
use crate::pipeline::{Finished, Verdict};
use crate::render::RENDER_AWAITED;

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
    /// Renders what the newest evaluation has left. One of a kit at a time: what is asked for of it
    /// meanwhile is asked for again by the evaluation after that.
    pub(super) fn finish_unfinished(&mut self) {
        for unfinished in &self.evaluation.unfinished {
            let path = unfinished.kit.path.clone();
            if !self.finishing.running.insert(path.clone()) {
                continue;
            }
            let (shared, unfinished) = (self.shared.clone(), unfinished.clone());
            self.jobs.spawn(async move {
                let _turn = shared.finishes.acquire().await;
                let plugins = shared.plugins.clone();
                let finished = tokio::task::spawn_blocking(move || unfinished.finish(&plugins));
                let finished = finished.await.map_err(|error| error.to_string());
                Job::Finished { path, finished }
            });
        }
        if std::mem::take(&mut self.finishing.due) {
            self.evaluate();
        }
    }

    pub(super) fn finished_rendering(
        &mut self,
        path: &KitPath,
        finished: Result<Finished, String>,
    ) {
        self.finishing.running.remove(path);
        match finished {
            Ok(finished) => self.finishing.done.put(finished),
            Err(error) => {
                tracing::error!(repository = %self.name(), kit = %path, error, "a render broke off");
                return;
            }
        }
        if self.evaluating.is_some() {
            self.finishing.due = true;
        } else if self.may_evaluate() {
            self.evaluate();
        }
    }
}

/// What a kit waits for that is being rendered. Its error is no verdict.
pub(super) fn awaited(verdict: &Verdict, findings: &[Finding]) -> Option<Outcome> {
    let mut errors = findings.iter().filter(|it| it.is_error());
    let awaited = verdict.rendered.is_unfinished() && errors.all(|it| it.rule == RENDER_AWAITED);
    awaited.then(|| Outcome::Waiting {
        reason: "Rendering",
        message: "takes long to render".into(),
        on: vec![Wait::Source],
    })
}
