//! Polling: when the remote is asked, and what follows from its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cluster::Note;
use crate::kit::validate;
use crate::pipeline::Verdict;
use crate::source::{Auth, Backoff, FETCH_LIMIT, Mirror, Poll, RemoteError, RemoteSpec};
use futures::future::BoxFuture;

use super::credentials::auth_of;
use super::repository::{Actor, Job};

/// The interval where the spec's cannot be read; such a spec is refused before anything is polled.
pub(super) const FALLBACK_INTERVAL: Duration = Duration::from_secs(30);

impl Actor {
    /// Begins a poll. False if the spec does not let it: nothing is to be done by such a spec.
    pub(super) fn poll(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(self.poll_once())
    }

    async fn poll_once(&mut self) -> bool {
        if let Some(pause) = self.pause.take() {
            pause.abort();
        }
        if self.deleting {
            return false;
        }
        if self.repository.spec.suspend {
            self.tell_suspended();
            self.source_failed(
                "Suspended",
                "suspended by its spec; what is live stays".into(),
                false,
            )
            .await;
            return false;
        }
        let wrong = validate(&self.repository.spec);
        if let Some(first) = wrong.first() {
            let message = first.to_string();
            self.findings = wrong;
            self.source_failed("InvalidSpec", message, false).await;
            return false;
        }
        if self.polling {
            self.poll_again = true;
            return true;
        }
        let remote = match self.remote().await {
            Ok(remote) => remote,
            Err((reason, message)) => {
                self.failures += 1;
                self.source_failed(reason, message, true).await;
                self.poll_later();
                return true;
            }
        };
        let folder = self
            .shared
            .options
            .cache
            .join("mirrors")
            .join(self.namespace())
            .join(self.name());
        let worker = self.shared.options.worker.clone();
        let mirror = self.mirror.clone();
        let known = self.head.as_ref().map(|head| head.revision.clone());
        self.polling = true;
        let asked = (Instant::now(), self.shared.cluster.requests());
        self.jobs.spawn_blocking(move || {
            let opened = match mirror {
                Some(mirror) => Ok(mirror),
                None => Mirror::open(&folder, worker).map(Arc::new),
            };
            match opened {
                Ok(mirror) => {
                    let result = mirror.poll(&remote, known.as_ref());
                    Job::Polled {
                        mirror: Some(mirror),
                        result,
                        asked,
                    }
                }
                Err(error) => Job::Polled {
                    mirror: None,
                    result: Err(error),
                    asked,
                },
            }
        });
        true
    }

    pub(super) async fn remote(&mut self) -> Result<RemoteSpec, (&'static str, String)> {
        let spec = self.repository.spec.clone();
        let follow = spec
            .follow()
            .map_err(|error| ("InvalidSpec", error.to_string()))?;
        let deadline = spec
            .timeout()
            .map_err(|error| ("InvalidSpec", error.to_string()))?;
        let auth = match (&self.auth, &spec.secret_ref) {
            (Some(auth), _) => auth.clone(),
            (None, None) => Auth::default(),
            (None, Some(secret)) => {
                let data = self
                    .shared
                    .cluster
                    .secret(&self.namespace(), &secret.name)
                    .await
                    .map_err(|error| {
                        (
                            "SecretNotRead",
                            format!(
                                "the Secret {}/{} cannot be read: {error}",
                                self.namespace(),
                                secret.name
                            ),
                        )
                    })?;
                auth_of(data).map_err(|error| ("SecretNotRead", error))?
            }
        };
        self.auth = Some(auth.clone());
        Ok(RemoteSpec {
            url: spec.url,
            follow,
            auth,
            deadline,
            limit: FETCH_LIMIT,
        })
    }

    pub(super) fn poll_later(&mut self) {
        let interval = self.repository.spec.interval().unwrap_or(FALLBACK_INTERVAL);
        let delay = Backoff::new(interval).delay(self.failures, rand::random::<f64>());
        self.pause = Some(self.jobs.spawn(async move {
            tokio::time::sleep(delay).await;
            Job::PollDue
        }));
    }

    pub(super) async fn polled(
        &mut self,
        mirror: Option<Arc<Mirror>>,
        result: Result<Poll, RemoteError>,
        asked: (Instant, u64),
    ) {
        self.polling = false;
        self.mirror = mirror;
        if self.repository.spec.suspend {
            // Suspended while it was under way: nothing is taken up by it.
            return;
        }
        if std::mem::take(&mut self.poll_again) {
            // What was asked is no longer what is wanted.
            self.poll().await;
            return;
        }
        match result {
            Ok(poll) => {
                self.failures = 0;
                self.reachable(poll, asked).await;
            }
            Err(error) => {
                self.failures += 1;
                // A token may have been replaced.
                self.auth = None;
                tracing::warn!(repository = %self.name(), reason = error.reason(), %error, failures = self.failures, "poll failed; what is live stays");
                self.source_failed(error.reason(), error.to_string(), true)
                    .await;
            }
        }
        self.poll_later();
    }

    pub(super) async fn reachable(&mut self, poll: Poll, asked: (Instant, u64)) {
        let recovered = self.source_error.take().is_some();
        self.tell_source_recovered().await;
        match poll {
            Poll::Unchanged(revision) => {
                let (since, requests) = asked;
                tracing::debug!(
                    repository = %self.name(), %revision, microseconds = since.elapsed().as_micros() as u64,
                    requests = self.shared.cluster.requests() - requests,
                    all_requests = self.shared.cluster.requests(), "nothing new"
                );
                if recovered {
                    self.settle().await;
                }
                self.judge_again();
                let mut verdicts = self.evaluation.verdicts.iter();
                if verdicts.any(Verdict::lacks_renderer) {
                    self.evaluate();
                }
            }
            Poll::Moved { commit, forced } => {
                tracing::info!(repository = %self.name(), revision = commit.revision.short(), author = %commit.author, subject = %commit.subject, forced, "new revision");
                let mut rewritten = None;
                if forced {
                    let message = format!(
                        "history was rewritten: {} does not follow what was live before",
                        commit.revision.short()
                    );
                    self.publish(Note {
                        warning: true,
                        reason: "HistoryRewritten",
                        message: message.clone(),
                    })
                    .await;
                    rewritten = Some(message);
                }
                self.head = Some(Arc::new(commit));
                self.tell_found();
                if let Some(message) = rewritten {
                    self.tell_rewritten(&message).await;
                }
                self.unsettled = Some((Instant::now(), self.shared.cluster.requests()));
                self.applied = false;
                self.evaluate();
            }
        }
    }
}
