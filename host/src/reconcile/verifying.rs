//! Whether the head may be taken up: keys are read, its signatures are judged, and what is refused
//! is told.

use std::sync::Arc;

use crate::cluster::Note;
use crate::history::{Cause, Outcome as Recorded};
use crate::kit::{KeySource, KeySourceKind, RepositorySpec};
use crate::manifest::Finding;
use crate::signature::SignatureState;
use crate::source::{Commit, Mirror, Revision, SourceError};
use crate::verification::{Fault, Policy, Question, verify};

use super::host::Shared;
use super::repository::Actor;

/// Faults that a condition tells in full.
const TOLD: usize = 3;

/// Why the newest revision is not taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The revision that is not taken up.
    pub head: Revision,
    /// A condition's reason.
    pub reason: &'static str,
    pub message: String,
    pub findings: Vec<Finding>,
}

/// What is asked of the head before it is evaluated.
pub(super) struct Demand {
    shared: Arc<Shared>,
    mirror: Arc<Mirror>,
    spec: RepositorySpec,
    namespace: String,
    /// The revision that was taken up last, as the status tells it.
    taken: Option<(Revision, SignatureState)>,
    /// It was found by the URL and the ref that are followed now.
    same: bool,
}

/// What is to be evaluated, and why it is not the head.
pub(super) struct Judged {
    pub commit: Option<Arc<Commit>>,
    pub refusal: Option<Refusal>,
}

impl Actor {
    pub(super) fn demand(&self, mirror: Arc<Mirror>) -> Demand {
        let spec = self.repository.spec.clone();
        let followed = spec.followed();
        let before = self.status.followed.as_ref();
        let taken = self.status.revision.as_ref().map(|it| {
            let signature = SignatureState::recorded(it.signature.clone());
            (Revision::new(it.revision.as_str()), signature)
        });
        Demand {
            shared: self.shared.clone(),
            namespace: self.namespace(),
            same: before.is_none_or(|it| *it == followed),
            mirror,
            spec,
            taken,
        }
    }

    /// Keeps why the head is not taken up, if it is not, and tells it if that is news.
    pub(super) async fn refuse(&mut self, refusal: Option<Refusal>) {
        if self.refused == refusal {
            return;
        }
        self.refused = refusal;
        let Some(refusal) = self.refused.clone() else {
            tracing::info!(repository = %self.name(), "the newest revision is verified");
            return;
        };
        let news = !self.has_told(&refusal);
        let revision = refusal.head.short();
        tracing::warn!(repository = %self.name(), revision, reason = refusal.reason, message = refusal.message, "not taken up; what is live stays");
        let note = Note {
            warning: true,
            reason: refusal.reason,
            message: refusal.message.clone(),
        };
        self.tell_refused(refusal.head.as_str(), &refusal.message)
            .await;
        if !news {
            return;
        }
        self.publish(note).await;
        let head = self.head.clone().filter(|it| it.revision == refusal.head);
        let outcome = Recorded::Refused;
        // The words for people name the author, who is in the record by the revision.
        let (message, findings) = (refusal.reason.to_owned(), &refusal.findings[..]);
        self.record(Cause::Commit, outcome, head.as_deref(), findings, message);
    }
}

impl Demand {
    /// Judges the head. What is refused gives way to the revision that was taken up last, so that
    /// what is live is kept right, also by a host that starts anew.
    pub(super) async fn judge(self, head: Arc<Commit>) -> Result<Judged, SourceError> {
        let Some(demands) = &self.spec.verify else {
            return Ok(Judged {
                commit: Some(head),
                refusal: None,
            });
        };
        let mut entries = Vec::new();
        for source in &demands.keys_from {
            match self.entries(source).await {
                Ok(found) => entries.extend(found),
                Err(message) => {
                    return self
                        .refused(&head, "KeysNotRead", message, Vec::new())
                        .await;
                }
            }
        }
        let shown = entries.iter();
        let shown = shown.map(|(place, name, bytes)| (place.as_str(), name.as_str(), &bytes[..]));
        let policy = match Policy::new(demands, shown) {
            Ok(policy) => policy,
            Err(message) => {
                return self
                    .refused(&head, "KeysNotRead", message, Vec::new())
                    .await;
            }
        };
        let mirror = self.mirror.clone();
        let taken = self.taken.as_ref().filter(|_| self.same);
        let taken = taken.map(|(revision, _)| revision.clone());
        let commit = head.clone();
        let verdict = blocking(move || {
            let question = Question {
                head: &commit,
                taken: taken.as_ref(),
                now: jiff::Timestamp::now().as_second(),
            };
            verify(&mirror.history()?, &policy, &question)
        })
        .await?;
        if verdict.faults.is_empty() {
            let mut commit = (*head).clone();
            commit.signature = verdict.signature;
            return Ok(Judged {
                commit: Some(Arc::new(commit)),
                refusal: None,
            });
        }
        let findings = verdict.faults.iter().map(Fault::finding).collect();
        self.refused(&head, "Unverified", told(&verdict.faults), findings)
            .await
    }

    async fn entries(&self, source: &KeySource) -> Result<Vec<(String, String, Vec<u8>)>, String> {
        let place = source.shown();
        let cluster = &self.shared.cluster;
        let found = match source.kind {
            KeySourceKind::Secret => cluster.secret(&self.namespace, &source.name).await,
            KeySourceKind::ConfigMap => cluster.config_map(&self.namespace, &source.name).await,
        };
        let found = found.map_err(|error| {
            format!(
                "the keys of the {place} in the namespace {} cannot be read: {error}",
                self.namespace
            )
        })?;
        let entries = found.into_iter();
        Ok(entries
            .map(|(name, bytes)| (place.clone(), name, bytes))
            .collect())
    }

    async fn refused(
        &self,
        head: &Commit,
        reason: &'static str,
        message: String,
        findings: Vec<Finding>,
    ) -> Result<Judged, SourceError> {
        let refusal = Refusal {
            head: head.revision.clone(),
            reason,
            message,
            findings,
        };
        Ok(Judged {
            commit: self.taken().await?.map(Arc::new),
            refusal: Some(refusal),
        })
    }

    /// The revision that was taken up last, if it is still to be had.
    async fn taken(&self) -> Result<Option<Commit>, SourceError> {
        let Some((revision, signature)) = self.taken.clone() else {
            return Ok(None);
        };
        let mirror = self.mirror.clone();
        blocking(move || {
            let history = mirror.history()?;
            if !history.has(&revision) {
                return Ok(None);
            }
            let mut commit = history.commit(&revision)?.commit;
            commit.signature = signature;
            Ok(Some(commit))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(SourceError::Damaged {
            what: "verification".into(),
            reason: error.to_string(),
        })
    })
}

fn told(faults: &[Fault]) -> String {
    let mut lines: Vec<String> = faults.iter().take(TOLD).map(Fault::to_string).collect();
    if faults.len() > TOLD {
        lines.push(format!("and {} more", faults.len() - TOLD));
    }
    lines.join("; ")
}
