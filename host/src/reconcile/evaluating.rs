//! When revisions are evaluated, and what becomes of one that may not be taken up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use crate::kit::{ready_condition, validate};
use crate::pipeline::Superseded;
use crate::source::{Commit, SourceError};

use super::pins::{Asked, Evaluated, NotEvaluated};
use super::repository::{Actor, Job};
use super::verifying::{Judged, Refusal};

impl Actor {
    /// Evaluates the head, if it may be taken up; one evaluation at a time, and the newest wins.
    pub(super) fn evaluate(&mut self) {
        self.evaluate_unless(None);
    }

    /// Judges a head anew that was refused: keys may have been exchanged.
    pub(super) fn judge_again(&mut self) {
        if self.refused.is_some() {
            self.evaluate_unless(self.refused.clone());
        }
    }

    /// `same`: the refusal that is no news, and has been acted upon.
    fn evaluate_unless(&mut self, same: Option<Refusal>) {
        let Some(head) = self.head.clone() else {
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
        let pins = self.pinned();
        // Who is held elsewhere meanwhile is news.
        let same = same.filter(|_| pins == self.pins);
        self.pins = pins;
        let evaluator = self.evaluator.clone();
        let spec = self.repository.spec.clone();
        let (live, pins) = (self.live(), self.pins.clone());
        let demand = self.demand(mirror.clone());
        let (looks, done) = (self.supplies.looks(), self.finished_until_now());
        self.jobs.spawn(async move {
            let Judged { commit, refusal } = match demand.judge(head.clone()).await {
                Ok(judged) => judged,
                Err(error) => {
                    return Job::Evaluated {
                        newest: head,
                        refusal: None,
                        result: Err(NotEvaluated::Source(error)),
                    };
                }
            };
            let (newest, refusal) = match (commit, refusal) {
                (_, Some(refusal)) if same.as_ref() == Some(&refusal) => {
                    return Job::Refused { refusal };
                }
                (None, Some(refusal)) => return Job::Refused { refusal },
                (commit, refusal) => (commit.unwrap_or(head), refusal),
            };
            let asked = Asked {
                supplied: looks.taken().await,
                mirror,
                newest: newest.clone(),
                spec,
                pins,
                live,
                done,
            };
            let evaluated = tokio::task::spawn_blocking(move || {
                let mut evaluator = evaluator.lock().unwrap_or_else(PoisonError::into_inner);
                asked.evaluate(&mut evaluator, &superseded)
            });
            let result = match evaluated.await {
                Ok(result) => result,
                Err(error) => Err(NotEvaluated::Source(SourceError::Damaged {
                    what: "evaluation".into(),
                    reason: error.to_string(),
                })),
            };
            Job::Evaluated {
                newest,
                refusal,
                result,
            }
        });
    }

    /// Whether a Repository is one that anything is done for.
    pub(super) fn may_evaluate(&self) -> bool {
        let spec = &self.repository.spec;
        !self.deleting && !spec.suspend && validate(spec).is_empty()
    }

    /// What the platform team's objects hold is another thing: kits that name it are made anew.
    pub(super) fn supplied_anew(&mut self) {
        if !self.may_evaluate() {
            return;
        }
        tracing::info!(repository = %self.name(), "values of the platform team changed");
        self.evaluate();
    }

    pub(super) async fn nothing_to_evaluate(&mut self, refusal: Refusal) {
        self.evaluating = None;
        if self.repository.spec.suspend {
            // Suspended while it was under way; what is resumed is evaluated anew.
            self.stale = false;
            return;
        }
        if std::mem::take(&mut self.stale) {
            self.evaluate();
            return;
        }
        self.refuse(Some(refusal)).await;
        self.settle().await;
        self.take_finished();
    }

    pub(super) async fn evaluated(
        &mut self,
        newest: Arc<Commit>,
        refusal: Option<Refusal>,
        result: Evaluated,
    ) {
        self.evaluating = None;
        if self.repository.spec.suspend {
            // Suspended while it was under way; what is resumed is evaluated anew.
            self.stale = false;
            return;
        }
        if std::mem::take(&mut self.stale) {
            self.evaluate();
            return;
        }
        match result {
            Ok(Ok(found)) => {
                self.refuse(refusal).await;
                self.take_up(newest, found).await;
            }
            Ok(Err(Superseded)) => self.evaluate(),
            Err(NotEvaluated::Held(finding)) => {
                self.refuse(refusal).await;
                self.findings = vec![*finding];
                self.settle().await;
            }
            Err(NotEvaluated::Source(error)) => {
                // The mirror is fetched anew at the next poll, unless the last one had the same: it
                // is the remote's then.
                let ready = ready_condition(&self.status.conditions);
                let again = ready.is_some_and(|it| {
                    it.reason == "MirrorDamaged" && it.message.starts_with(&error.to_string())
                });
                self.give_up_late();
                let damaged = self.mirror.take_if(|_| !again);
                if let Some(Err(error)) = damaged.map(|mirror| mirror.discard()) {
                    tracing::warn!(repository = %self.name(), %error, "the damaged mirror cannot be removed");
                }
                self.head = None;
                self.source_failed("MirrorDamaged", error.to_string(), true)
                    .await;
            }
        }
        self.take_finished();
    }
}
