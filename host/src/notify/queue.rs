//! What a target has yet to be told, in order. Pure: the time comes in.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::kit::Webhook;

use super::message::Message;
use super::news::News;
use super::outbox::Receipt;

/// Pieces of news; the oldest are given up for newer ones.
const NEWS: usize = 1000;
/// News that were given up, and are tried once more with the next ones.
const ASIDE: usize = 50;
/// So many times the pause, news wait for others at most.
const PATIENCE: u32 = 5;

/// Until when nothing is sent, after a failure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    /// Nothing of what failed before.
    pub again: Instant,
    /// Nothing at all: the server wants to be left alone.
    pub any: Instant,
}

pub(super) trait Queue: Send + 'static {
    type Item: Send + 'static;
    type Parcel: Clone + Send + Sync + 'static;

    /// Gives how many older ones were given up for it.
    fn push(&mut self, item: Self::Item, now: Instant) -> usize;
    /// When there is something to send.
    fn due(&self, pauses: &Pauses) -> Option<Instant>;
    /// What is to be sent next, and since when it is to be told.
    fn parcel(&mut self, now: Instant, pauses: &Pauses) -> Option<(Self::Parcel, Timestamp)>;
    fn done(&mut self, parcel: &Self::Parcel, now: Instant) -> Receipt;
    /// It was not taken, and is not tried again by itself.
    fn give_up(&mut self, parcel: &Self::Parcel, now: Instant) -> Receipt;
}

/// News of a webhook.
pub(super) struct NewsQueue {
    webhook: Webhook,
    gather: Duration,
    /// By the time at which they happened.
    waiting: Vec<(News, Instant)>,
    /// What was given up.
    aside: Vec<News>,
}

impl NewsQueue {
    pub(super) fn new(webhook: Webhook, gather: Duration) -> Self {
        Self {
            webhook,
            gather,
            waiting: Vec::new(),
            aside: Vec::new(),
        }
    }

    fn put(&mut self, news: News, now: Instant) {
        let place = self.waiting.partition_point(|(it, _)| it.at <= news.at);
        self.waiting.insert(place, (news, now));
    }

    fn receipt(&self, message: &Message) -> Receipt {
        Receipt::News {
            until: message.newest(),
            given_up: self.aside.iter().map(|it| it.at).collect(),
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
        // Something has changed: maybe what was in the way as well.
        for again in std::mem::take(&mut self.aside) {
            if !news.replaces(&again) {
                self.put(again, now);
            }
        }
        self.put(news, now);
        let over = self.waiting.len().saturating_sub(NEWS);
        self.waiting.drain(..over);
        over
    }

    fn due(&self, pauses: &Pauses) -> Option<Instant> {
        let times = || self.waiting.iter().map(|(_, pushed)| *pushed);
        let (first, last) = (times().min()?, times().max()?);
        let gathered = (last + self.gather).min(first + self.gather * PATIENCE);
        Some(gathered.max(pauses.again).max(pauses.any))
    }

    fn parcel(&mut self, _: Instant, _: &Pauses) -> Option<(Message, Timestamp)> {
        let (first, _) = self.waiting.first()?;
        // Only neighbours, so that all before the last one that was sent was sent as well.
        let same = |it: &&News| it.event == first.event && it.revision_id() == first.revision_id();
        let all = self.waiting.iter().map(|(it, _)| it);
        let news: Vec<News> = all.take_while(same).cloned().collect();
        Some((Message { news }, first.at))
    }

    fn done(&mut self, message: &Message, _: Instant) -> Receipt {
        self.waiting.retain(|(it, _)| !message.news.contains(it));
        self.receipt(message)
    }

    fn give_up(&mut self, message: &Message, _: Instant) -> Receipt {
        let is_told = |(it, _): &mut (News, Instant)| message.news.contains(it);
        let left = self.waiting.extract_if(.., is_told).map(|(it, _)| it);
        self.aside.extend(left);
        let over = self.aside.len().saturating_sub(ASIDE);
        self.aside.drain(..over);
        self.receipt(message)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
