//! What kits have of other places is fetched beside everything else: whoever needs it waits for it,
//! and nobody else does.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::AbortHandle;

use crate::kit::{RepositorySpec, Sources};
use crate::manifest::Finding;
use crate::pipeline::Verdict;
use crate::source::{Auth, Backoff, Pinned, Store};

use super::credentials::auth_of;
use super::outcome::{Outcome, Wait};
use super::polling::FALLBACK_INTERVAL;
use super::repository::{Actor, Job};

/// A kit that only waits for what is being fetched.
const AWAITED: &str = "trimtab/remote-awaited";

/// What is being fetched, and what is to be tried again.
#[derive(Default)]
pub(super) struct Fetching {
    running: BTreeSet<Pinned>,
    failed: BTreeMap<Pinned, Failed>,
}

struct Failed {
    /// In a row.
    times: u32,
    reason: String,
    again: AbortHandle,
}

impl Actor {
    /// Fetches what the newest evaluation found missing.
    pub(super) fn fetch_wanted(&mut self) {
        let verdicts = self.evaluation.verdicts.iter();
        let wanted = verdicts.flat_map(|it| &it.rendered.wanted);
        let wanted: BTreeSet<Pinned> = wanted.cloned().collect();
        // What nobody needs any more is not tried again.
        self.fetching.failed.retain(|pinned, failed| {
            let needed = wanted.contains(pinned);
            if !needed {
                failed.again.abort();
            }
            needed
        });
        // What is late has been had, and is being rendered with it.
        let now = self.evaluation.clone();
        let now = now.verdicts.iter().filter(|it| it.late.is_none());
        let now: BTreeSet<&Pinned> = now.flat_map(|it| &it.rendered.wanted).collect();
        for pinned in wanted.into_iter().filter(|it| now.contains(it)) {
            if !self.fetching.failed.contains_key(&pinned) {
                self.fetch(pinned);
            }
        }
    }

    /// A person has changed something, or asks: what failed is tried again at once.
    pub(super) fn fetch_again(&mut self) {
        for (_, failed) in std::mem::take(&mut self.fetching.failed) {
            failed.again.abort();
        }
        self.fetch_wanted();
    }

    /// It is time to try again.
    pub(super) fn fetch_due(&mut self, pinned: Pinned) {
        let verdicts = self.evaluation.verdicts.iter();
        let mut wanted = verdicts.flat_map(|it| &it.rendered.wanted);
        if wanted.any(|it| *it == pinned) && self.may_evaluate() {
            self.fetch(pinned);
        }
    }

    fn fetch(&mut self, pinned: Pinned) {
        if !self.fetching.running.insert(pinned.clone()) {
            return;
        }
        let store = self.shared.plugins.store().clone();
        let worker = self.shared.options.worker.clone();
        let shared = self.shared.clone();
        let (namespace, spec) = (self.namespace(), self.repository.spec.clone());
        self.jobs.spawn(async move {
            let _turn = shared.fetches.acquire().await;
            let secret = secret_of(&spec, &pinned);
            let auth = match secret {
                None => Ok(Auth::default()),
                Some(name) => match shared.cluster.secret(&namespace, &name).await {
                    Ok(data) => auth_of(data),
                    Err(error) => Err(format!(
                        "the Secret {namespace}/{name} cannot be read: {error}"
                    )),
                },
            };
            let deadline = spec.timeout().unwrap_or(FALLBACK_INTERVAL);
            let fetched = tokio::task::spawn_blocking(move || {
                let failed = fetched(&store, &worker, &pinned, auth, deadline);
                (pinned, failed)
            });
            match fetched.await {
                Ok((pinned, failed)) => Job::Fetched {
                    pinned: Some(pinned),
                    failed,
                },
                Err(error) => Job::Fetched {
                    pinned: None,
                    failed: Some(error.to_string()),
                },
            }
        });
    }

    /// There is news for those that need it, if it did not fail as before.
    pub(super) fn fetched(&mut self, pinned: Option<Pinned>, failed: Option<String>) {
        let Some(pinned) = pinned else {
            tracing::error!(repository = %self.name(), reason = failed, "a fetch broke off");
            self.fetching.running.clear();
            return;
        };
        self.fetching.running.remove(&pinned);
        let before = self.fetching.failed.remove(&pinned);
        match failed {
            None => tracing::info!(repository = %self.name(), what = %pinned, "fetched"),
            Some(reason) => {
                let times = before.as_ref().map_or(0, |it| it.times) + 1;
                tracing::warn!(repository = %self.name(), what = %pinned, reason, times, "not fetched; what is live stays");
                let interval = self.repository.spec.interval().unwrap_or(FALLBACK_INTERVAL);
                let delay = Backoff::new(interval).delay(times - 1, rand::random::<f64>());
                let due = pinned.clone();
                let again = self.jobs.spawn(async move {
                    tokio::time::sleep(delay).await;
                    Job::FetchDue { pinned: due }
                });
                let known = before.is_some_and(|it| it.reason == reason);
                let failed = Failed {
                    times,
                    reason,
                    again,
                };
                self.fetching.failed.insert(pinned, failed);
                if known {
                    return;
                }
            }
        }
        if self.may_evaluate() {
            self.evaluate();
        }
    }
}

/// The Secret for what is pinned, by the Repository.
fn secret_of(spec: &RepositorySpec, pinned: &Pinned) -> Option<String> {
    let sources = Sources::of(spec);
    let rule = sources.of_url(pinned.url()).ok()?;
    Some(rule.secret_ref.as_ref()?.name.clone())
}

/// Why it could not be had.
fn fetched(
    store: &Store,
    worker: &crate::source::Worker,
    pinned: &Pinned,
    auth: Result<Auth, String>,
    deadline: std::time::Duration,
) -> Option<String> {
    match auth {
        Ok(auth) => {
            let result = store.fetch(worker, pinned, &auth, deadline);
            result.err().map(|error| error.to_string())
        }
        Err(reason) => {
            store.failed(pinned, &reason);
            Some(reason)
        }
    }
}

/// What a kit waits for that lacks nothing but what is being fetched. Its errors are no verdict.
pub(super) fn awaited(verdict: &Verdict, findings: &[Finding]) -> Option<Outcome> {
    let first = verdict.rendered.wanted.first()?;
    let mut errors = findings.iter().filter(|it| it.is_error());
    let awaited = findings.iter().any(|it| it.rule == AWAITED);
    (awaited && errors.all(|it| it.rule == AWAITED)).then(|| Outcome::Waiting {
        reason: "WaitingForSource",
        message: format!("waits for {first} to be fetched"),
        on: vec![Wait::Source],
    })
}
