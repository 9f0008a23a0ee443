//! Sends what a target has yet to be told, one after the other, and tries again. A target that
//! hangs holds up nobody: each has a task of its own, and whoever tells it something goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::kit::{COMMIT_STATUS, CommitStatusSpec, Webhook};

use super::address;
use super::answer::{Next, next};
use super::commit_status::{CommitState, Forge};
use super::message::{About, Message};
use super::news::News;
use super::outgoing::Outgoing;
use super::queue::{NewsQueue, Pauses, Queue};
use super::states::{Delivered, StateQueue};

/// Reads a Secret by its name, anew for each delivery: a token may have been replaced.
pub type Secrets =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<SecretData, String>> + Send + Sync>;
type SecretData = BTreeMap<String, Vec<u8>>;

/// How an outbox takes its time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// News wait so long for others that go with them.
    pub gather: Duration,
    /// After a first failure; doubled with each in a row.
    pub first: Duration,
    pub longest: Duration,
    /// What is older is given up.
    pub limit: Duration,
    /// How long a server may take.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_secs(1),
            first: Duration::from_secs(2),
            longest: Duration::from_secs(600),
            limit: Duration::from_secs(24 * 3600),
            patience: Duration::from_secs(15),
        }
    }
}

/// What a target has been told.
#[derive(Clone, Debug, PartialEq)]
pub enum Receipt {
    /// All up to a time, but what happened at those that were given up.
    News {
        until: Timestamp,
        given_up: Vec<Timestamp>,
    },
    State {
        /// If it was the newest revision's.
        head: Option<CommitState>,
        /// Older revisions that are told as pending, and are no more.
        pending: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub target: String,
    /// What is done with, delivered or given up.
    pub receipt: Option<Receipt>,
    /// It was not delivered, and is not tried again by itself.
    pub given_up: bool,
    /// Why it was not delivered. Holds no credentials.
    pub problem: Option<String>,
}

/// A target's. Ends when it is dropped; what it had yet to send is told anew by whoever knows.
#[derive(Debug)]
pub struct Outbox<T> {
    news: mpsc::UnboundedSender<T>,
    task: AbortHandle,
}

impl<T> Drop for Outbox<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T> Outbox<T> {
    /// Never waits.
    pub fn tell(&self, news: T) {
        // The task ends with the outbox alone.
        let _ = self.news.send(news);
    }
}

impl Outbox<News> {
    pub fn of_webhook(
        webhook: &Webhook,
        about: &About,
        secrets: &Secrets,
        reports: &mpsc::UnboundedSender<Report>,
        pace: Pace,
    ) -> Self {
        let queue = NewsQueue::new(webhook.clone(), pace.gather);
        let (webhook, about) = (webhook.clone(), about.clone());
        let secret = webhook.secret_ref.as_ref().map(|it| it.name.clone());
        let target = webhook.name.clone();
        let address = move |message: &Message, secret: &SecretData| {
            address::outgoing(&webhook, &about, message, secret, Timestamp::now())
        };
        let courier = Courier {
            target,
            secret,
            secrets: secrets.clone(),
            reports: reports.clone(),
            pace,
            address,
        };
        courier.begin(queue)
    }
}

impl Outbox<CommitState> {
    /// `delivered` is what a host before this one told last. A `kit` has a status of its own.
    ///
    /// # Errors
    /// Where it would go to is not known; a spec that was validated says it.
    pub fn of_commit_status(
        spec: &CommitStatusSpec,
        kit: Option<&str>,
        delivered: Delivered,
        about: &About,
        secrets: &Secrets,
        reports: &mpsc::UnboundedSender<Report>,
        pace: Pace,
    ) -> Result<Self, String> {
        let forge = Forge::new(spec, kit, about)?;
        let target = match kit {
            None => COMMIT_STATUS.to_owned(),
            Some(kit) => format!("{COMMIT_STATUS}/{kit}"),
        };
        let address = move |told: &CommitState, secret: &SecretData| forge.outgoing(told, secret);
        let courier = Courier {
            target,
            secret: Some(spec.secret_ref.name.clone()),
            secrets: secrets.clone(),
            reports: reports.clone(),
            pace,
            address,
        };
        Ok(courier.begin(StateQueue::new(delivered, Instant::now())))
    }
}

struct Courier<A> {
    target: String,
    secret: Option<String>,
    secrets: Secrets,
    reports: mpsc::UnboundedSender<Report>,
    pace: Pace,
    address: A,
}

impl<A> Courier<A> {
    fn begin<Q>(self, queue: Q) -> Outbox<Q::Item>
    where
        Q: Queue,
        A: Fn(&Q::Parcel, &SecretData) -> Result<Outgoing, String> + Send + Sync + 'static,
    {
        let (news, inbox) = mpsc::unbounded_channel();
        let task = tokio::spawn(self.work(queue, inbox)).abort_handle();
        Outbox { news, task }
    }

    async fn work<Q>(self, mut queue: Q, mut inbox: mpsc::UnboundedReceiver<Q::Item>)
    where
        Q: Queue,
        A: Fn(&Q::Parcel, &SecretData) -> Result<Outgoing, String> + Send + Sync + 'static,
    {
        let mut failures: u32 = 0;
        let began = Instant::now();
        let mut pauses = Pauses {
            again: began,
            any: began,
        };
        loop {
            let due = queue.due(&pauses);
            let parcel = tokio::select! {
                news = inbox.recv() => match news {
                    Some(news) => { self.push(&mut queue, news); continue; }
                    None => return,
                },
                () = sleep_until(due.unwrap_or(began)), if due.is_some() => queue.parcel(Instant::now(), &pauses),
            };
            let Some((parcel, since)) = parcel else {
                continue;
            };
            let attempt = self.attempt(&parcel);
            tokio::pin!(attempt);
            let result = loop {
                tokio::select! {
                    result = &mut attempt => break result,
                    Some(news) = inbox.recv() => self.push(&mut queue, news),
                }
            };
            let age = Timestamp::now().duration_since(since).unsigned_abs();
            let now = Instant::now();
            match result {
                Next::Delivered => {
                    failures = 0;
                    pauses.again = now;
                    tracing::debug!(to = %self.target, "told");
                    self.report(Some(queue.done(&parcel, now)), None);
                }
                Next::Again { after, why } if age < self.pace.limit => {
                    failures += 1;
                    let pause = after.unwrap_or_default().max(self.pause(failures));
                    // Neither is ever shortened by a later failure.
                    pauses.again = pauses.again.max(now + pause);
                    pauses.any = pauses.any.max(now + after.unwrap_or_default());
                    tracing::warn!(to = %self.target, reason = %why, seconds = pause.as_secs(), "not told; will be tried again");
                    self.report(None, Some(why));
                }
                Next::Again { why, .. } | Next::Never(why) => {
                    tracing::error!(to = %self.target, reason = %why, "not told, and given up");
                    let why = format!("given up: {why}");
                    let given_up = true;
                    self.send(Some(queue.give_up(&parcel, now)), given_up, Some(why));
                }
            }
        }
    }

    fn push<Q: Queue>(&self, queue: &mut Q, news: Q::Item) {
        let lost = queue.push(news, Instant::now());
        if lost > 0 {
            let why = "too much is waiting to be told; the oldest is given up";
            tracing::error!(to = %self.target, lost, "{why}");
            self.report(None, Some(why.to_owned()));
        }
    }

    async fn attempt<P>(&self, parcel: &P) -> Next
    where
        A: Fn(&P, &SecretData) -> Result<Outgoing, String>,
    {
        let again = |why: String| Next::Again { after: None, why };
        let secret = match &self.secret {
            None => BTreeMap::new(),
            Some(name) => {
                let reading = (self.secrets)(name.clone());
                match tokio::time::timeout(self.pace.patience, reading).await {
                    Ok(Ok(secret)) => secret,
                    Ok(Err(why)) => return again(format!("the Secret {name}: {why}")),
                    Err(_) => return again(format!("the Secret {name} cannot be read in time")),
                }
            }
        };
        let outgoing = match (self.address)(parcel, &secret) {
            Ok(outgoing) => outgoing,
            // The Secret or the spec can be put right meanwhile.
            Err(why) => return again(why),
        };
        next(outgoing.send(self.pace.patience).await, Timestamp::now())
    }

    /// Twice as long with each failure, and a fifth longer or shorter by chance.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = self.pace.first.saturating_mul(1 << (failures - 1).min(16));
        let chance = 0.8 + 0.4 * rand::random::<f64>();
        doubled.min(self.pace.longest).mul_f64(chance)
    }

    fn report(&self, receipt: Option<Receipt>, problem: Option<String>) {
        self.send(receipt, false, problem);
    }

    fn send(&self, receipt: Option<Receipt>, given_up: bool, problem: Option<String>) {
        let target = self.target.clone();
        // Whoever hears it may be ending.
        let _ = self.reports.send(Report {
            target,
            receipt,
            given_up,
            problem,
        });
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
