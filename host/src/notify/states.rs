//! Statuses of commits that are yet to be told: the newest of each revision, the head's first. Pure:
//! the time comes in.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::commit_status::{CommitState, State};
use super::outbox::Receipt;
use super::queue::{Pauses, Queue};

/// Revisions whose status has yet to be told.
const REVISIONS: usize = 50;
/// So far apart are two statuses of a revision that differ in their words alone.
const SPACED: Duration = Duration::from_secs(600);
/// After so many statuses of one revision, all further ones are as far apart: GitHub takes 1,000.
const AT_ONCE: u32 = 20;

/// What was delivered, as a Repository's status keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Of the head that was told last: revision, state and digest.
    pub head: Option<(String, State, String)>,
    /// Older revisions that were told as pending, and whose end is not told yet.
    pub pending: Vec<String>,
}

struct Last {
    revision: String,
    state: State,
    digest: String,
    /// Not known of what a host before this one delivered.
    words: Option<String>,
    at: Instant,
    /// How many statuses of this revision were delivered.
    count: u32,
}

struct Waiting {
    told: CommitState,
    /// Not before.
    due: Instant,
    since: Timestamp,
    tries: u32,
}

impl Waiting {
    fn new(told: CommitState, due: Instant) -> Self {
        Self {
            told,
            due,
            since: Timestamp::now(),
            tries: 0,
        }
    }

    /// What was never tried does not wait for what failed before it.
    fn ready(&self, pauses: &Pauses) -> Instant {
        let pause = match self.tries {
            0 => pauses.any,
            _ => pauses.any.max(pauses.again),
        };
        self.due.max(pause)
    }
}

#[derive(Default)]
pub(super) struct StateQueue {
    /// The revision that was told of last.
    head: Option<String>,
    delivered: Option<Last>,
    /// Revisions that the Git host has as pending, the head among them.
    pending: Vec<String>,
    /// What was given up; told again by the next host, or when it is another state.
    given_up: Vec<(String, State, String)>,
    waiting: Vec<Waiting>,
    /// The revision that was tried last.
    tried: Option<String>,
}

impl StateQueue {
    pub(super) fn new(delivered: Delivered, now: Instant) -> Self {
        let mut pending = delivered.pending;
        let last = delivered.head.map(|(revision, state, digest)| {
            if state == State::Pending {
                pending.push(revision.clone());
            }
            Last {
                revision,
                state,
                digest,
                words: None,
                at: now,
                count: 1,
            }
        });
        Self {
            delivered: last,
            pending,
            ..Self::default()
        }
    }

    fn superseded(revision: &str, by: &str) -> CommitState {
        let by = by.get(..7).unwrap_or(by);
        let words = format!("superseded by {by} before it was decided");
        CommitState::new(revision, State::Superseded, &words)
    }

    /// Of all revisions but this one, nothing more will be decided.
    fn supersede(&mut self, head: &str, now: Instant) {
        for waiting in &mut self.waiting {
            if waiting.told.revision != head && !waiting.told.state.is_final() {
                waiting.told = Self::superseded(&waiting.told.revision, head);
            }
        }
        let is_known = |revision: &String| {
            revision == head
                || self.given_up.iter().any(|it| it.0 == *revision)
                || self.waiting.iter().any(|it| it.told.revision == *revision)
        };
        let left: Vec<&String> = self.pending.iter().filter(|it| !is_known(it)).collect();
        let left = left.into_iter().map(|it| Self::superseded(it, head));
        let left: Vec<Waiting> = left.map(|it| Waiting::new(it, now)).collect();
        drop(self.waiting.splice(0..0, left));
    }

    /// A verdict is not taken back by a retry that is under way.
    fn is_decided(&self, revision: &str) -> bool {
        let waiting = self.waiting.iter();
        let waiting = waiting.map(|it| (&*it.told.revision, it.told.state));
        let delivered = self.delivered.iter().map(|it| (&*it.revision, it.state));
        let given_up = self.given_up.iter().map(|it| (&*it.0, it.1));
        let mut all = waiting.chain(delivered).chain(given_up);
        all.any(|(of, state)| of == revision && state.is_final())
    }

    /// When it may be told; `None` if it is told already.
    fn due_of(&self, told: &CommitState, now: Instant) -> Option<Instant> {
        let of = |it: &&Last| it.revision == told.revision;
        let Some(last) = self.delivered.as_ref().filter(of) else {
            return Some(now);
        };
        let spaced = now.max(last.at + SPACED);
        match (last.digest == told.digest(), &last.words) {
            (true, None) => None,
            (true, Some(words)) if *words == told.description => None,
            (true, _) => Some(spaced),
            (false, _) if last.count >= AT_ONCE => Some(spaced),
            (false, _) => Some(now),
        }
    }

    /// The place of what is to be tried next.
    fn next(&self, now: Instant, pauses: &Pauses) -> Option<usize> {
        let ready = |it: &&usize| self.waiting[**it].ready(pauses) <= now;
        let all: Vec<usize> = (0..self.waiting.len()).collect();
        let all = || all.iter().filter(ready).copied();
        let is_head = |it: &usize| Some(&self.waiting[*it].told.revision) == self.head.as_ref();
        // The head, but not twice in a row: what cannot be told of it keeps back no other.
        let other = all()
            .filter(|it| !is_head(it))
            .min_by_key(|it| (self.waiting[*it].tries, usize::MAX - it));
        match all().find(is_head) {
            Some(head) if self.waiting[head].tries == 0 || self.tried != self.head => Some(head),
            head => other.or(head),
        }
    }

    fn remove(&mut self, told: &CommitState) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|it| it.told != *told);
        self.waiting.len() < before
    }

    fn receipt(&self, head: Option<CommitState>) -> Receipt {
        let delivered = self.delivered.as_ref().map(|it| &it.revision);
        let older = self.pending.iter().filter(|it| Some(*it) != delivered);
        Receipt::State {
            head,
            pending: older.cloned().collect(),
        }
    }
}

impl Queue for StateQueue {
    type Item = CommitState;
    type Parcel = CommitState;

    fn push(&mut self, told: CommitState, now: Instant) -> usize {
        let head = told.revision.clone();
        self.head = Some(head.clone());
        self.supersede(&head, now);
        if told.state == State::Pending && self.is_decided(&head) {
            return 0;
        }
        // What was tried goes on being tried as before: other words are no new message.
        let mut waiting = self.waiting.iter();
        let tried = waiting
            .find(|it| it.told.revision == head && it.told.state == told.state)
            .map(|it| (it.tries, it.since));
        self.waiting.retain(|it| it.told.revision != head);
        let digest = told.digest();
        if self.given_up.iter().any(|it| it.2 == digest) {
            return 0;
        }
        self.given_up.retain(|it| it.0 != head);
        if let Some(due) = self.due_of(&told, now) {
            let mut waiting = Waiting::new(told, due);
            if let Some((tries, since)) = tried {
                waiting.tries = tries;
                waiting.since = since;
            }
            self.waiting.push(waiting);
        }
        let over = self.waiting.len().saturating_sub(REVISIONS);
        self.waiting.drain(..over);
        over
    }

    fn due(&self, pauses: &Pauses) -> Option<Instant> {
        self.waiting.iter().map(|it| it.ready(pauses)).min()
    }

    fn parcel(&mut self, now: Instant, pauses: &Pauses) -> Option<(CommitState, Timestamp)> {
        let next = self.next(now, pauses)?;
        let next = &mut self.waiting[next];
        next.tries += 1;
        self.tried = Some(next.told.revision.clone());
        Some((next.told.clone(), next.since))
    }

    fn done(&mut self, told: &CommitState, now: Instant) -> Receipt {
        self.remove(told);
        self.pending.retain(|it| *it != told.revision);
        if told.state == State::Pending {
            self.pending.push(told.revision.clone());
            let over = self.pending.len().saturating_sub(REVISIONS);
            self.pending.drain(..over);
        }
        if self.head.as_ref() != Some(&told.revision) {
            return self.receipt(None);
        }
        let before = self.delivered.take();
        let same = before.filter(|it| it.revision == told.revision);
        self.delivered = Some(Last {
            revision: told.revision.clone(),
            state: told.state,
            digest: told.digest(),
            words: Some(told.description.clone()),
            at: now,
            count: same.map_or(0, |it| it.count) + 1,
        });
        self.receipt(Some(told.clone()))
    }

    fn give_up(&mut self, told: &CommitState, _: Instant) -> Receipt {
        // What took its place meanwhile is another state, and is tried.
        if self.remove(told) {
            let given_up = (told.revision.clone(), told.state, told.digest());
            self.given_up.push(given_up);
            let over = self.given_up.len().saturating_sub(REVISIONS);
            self.given_up.drain(..over);
        }
        self.receipt(None)
    }
}

#[cfg(test)]
#[path = "states_tests.rs"]
mod tests;
