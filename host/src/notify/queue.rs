//! What a target has yet to be told, in order. Pure: the time comes in.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::kit::Webhook;

use super::commit_status::{CommitState, State};
use super::message::Message;
use super::news::News;
use super::outbox::Receipt;

/// Pieces of news; the oldest are given up for newer ones.
const NEWS: usize = 1000;
/// Revisions whose status has yet to be told.
const STATES: usize = 50;
/// So many times the pause, news wait for others at most.
const PATIENCE: u32 = 5;

pub(super) trait Queue: Send + 'static {
    type Item: Send + 'static;
    type Parcel: Clone + Send + Sync + 'static;

    /// Gives how many older ones were given up for it.
    fn push(&mut self, item: Self::Item, now: Instant) -> usize;
    /// When there is something to send.
    fn due(&self) -> Option<Instant>;
    /// What is to be sent next, and since when it is to be told.
    fn parcel(&self) -> Option<(Self::Parcel, Timestamp)>;
    /// It was sent, or given up.
    fn done(&mut self, parcel: &Self::Parcel) -> Receipt;
}

/// News of a webhook.
pub(super) struct NewsQueue {
    webhook: Webhook,
    gather: Duration,
    /// By the time at which they happened.
    waiting: Vec<(News, Instant)>,
}

impl NewsQueue {
    pub(super) fn new(webhook: Webhook, gather: Duration) -> Self {
        Self {
            webhook,
            gather,
            waiting: Vec::new(),
        }
    }

    fn wanted(&self, mut news: News) -> Option<News> {
        if !self.webhook.wants(news.event) {
            return None;
        }
        match &news.kit {
            Some(kit) => self.webhook.wants_kit(kit).then_some(news),
            None if news.kits.is_empty() => Some(news),
            None => {
                news.kits.retain(|it| self.webhook.wants_kit(it));
                (!news.kits.is_empty()).then_some(news)
            }
        }
    }
}

impl Queue for NewsQueue {
    type Item = News;
    type Parcel = Message;

    fn push(&mut self, news: News, now: Instant) -> usize {
        let Some(news) = self.wanted(news) else {
            return 0;
        };
        self.waiting.retain(|(it, _)| !news.replaces(it));
        let place = self.waiting.partition_point(|(it, _)| it.at <= news.at);
        self.waiting.insert(place, (news, now));
        let over = self.waiting.len().saturating_sub(NEWS);
        self.waiting.drain(..over);
        over
    }

    fn due(&self) -> Option<Instant> {
        let times = || self.waiting.iter().map(|(_, pushed)| *pushed);
        let (first, last) = (times().min()?, times().max()?);
        Some((last + self.gather).min(first + self.gather * PATIENCE))
    }

    fn parcel(&self) -> Option<(Message, Timestamp)> {
        let (first, _) = self.waiting.first()?;
        // Only neighbours, so that all before the last one that was sent was sent as well.
        let same = |it: &&News| it.event == first.event && it.revision_id() == first.revision_id();
        let all = self.waiting.iter().map(|(it, _)| it);
        let news: Vec<News> = all.take_while(same).cloned().collect();
        Some((Message { news }, first.at))
    }

    fn done(&mut self, message: &Message) -> Receipt {
        self.waiting.retain(|(it, _)| !message.news.contains(it));
        Receipt::Until(message.newest())
    }
}

/// Statuses of commits: the newest of each revision, the head's last.
pub(super) struct StateQueue {
    /// What was delivered last: revision, state and digest.
    delivered: Option<(String, State, String)>,
    waiting: Vec<(CommitState, Instant, Timestamp)>,
}

impl StateQueue {
    pub(super) fn new(delivered: Option<(String, State, String)>) -> Self {
        Self {
            delivered,
            waiting: Vec::new(),
        }
    }

    fn superseded(revision: &str, by: &str) -> CommitState {
        let by = by.get(..7).unwrap_or(by);
        let words = format!("superseded by {by} before it was decided");
        CommitState::new(revision, State::Superseded, &words)
    }
}

impl Queue for StateQueue {
    type Item = CommitState;
    type Parcel = CommitState;

    fn push(&mut self, told: CommitState, now: Instant) -> usize {
        let head = told.revision.clone();
        let delivered = self.delivered.as_ref();
        let is_known = |revision: &str| {
            let waiting = self.waiting.iter();
            waiting.map(|it| &it.0.revision).any(|it| it == revision)
        };
        let left = delivered.filter(|(revision, state, _)| {
            *revision != head && !state.is_final() && !is_known(revision)
        });
        let left = left.map(|(revision, _, _)| Self::superseded(revision, &head));
        let at = Timestamp::now();
        for (waiting, _, _) in &mut self.waiting {
            if waiting.revision != head && !waiting.state.is_final() {
                *waiting = Self::superseded(&waiting.revision, &head);
            }
        }
        if let Some(left) = left {
            self.waiting.insert(0, (left, now, at));
        }
        // A verdict is not taken back by a retry that is under way.
        let decided = |revision: &str, state: State| revision == head && state.is_final();
        let waiting = self.waiting.iter();
        let was_decided = waiting
            .clone()
            .any(|it| decided(&it.0.revision, it.0.state))
            || self
                .delivered
                .as_ref()
                .is_some_and(|it| decided(&it.0, it.1));
        if told.state == State::Pending && was_decided {
            return 0;
        }
        self.waiting.retain(|it| it.0.revision != head);
        let same = |it: &(String, State, String)| it.2 == told.digest();
        if !self.delivered.as_ref().is_some_and(same) {
            self.waiting.push((told, now, at));
        }
        let over = self.waiting.len().saturating_sub(STATES);
        self.waiting.drain(..over);
        over
    }

    fn due(&self) -> Option<Instant> {
        self.waiting.first().map(|(_, pushed, _)| *pushed)
    }

    fn parcel(&self) -> Option<(CommitState, Timestamp)> {
        let (told, _, at) = self.waiting.first()?;
        Some((told.clone(), *at))
    }

    fn done(&mut self, told: &CommitState) -> Receipt {
        self.waiting.retain(|it| it.0 != *told);
        self.delivered = Some((told.revision.clone(), told.state, told.digest()));
        Receipt::State(told.clone())
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
