//! Whether the chain goes on where Repositories' statuses say that it was. A host that has lost its
//! database begins another one, and says so in its first record.

use jiff::Timestamp;

use super::append::Anchor;
use super::database::Store;
use super::entry::{Cause, Entry, Outcome};
use super::error::HistoryError;
use super::writer::{Hand, Writer, in_time};

impl Writer {
    /// Has the chain looked at for what a Repository knows of it, before anything more is appended.
    /// If it is not there, a record says so.
    pub fn expect(&self, namespace: &str, repository: &str, anchor: Anchor) {
        let of = (namespace.to_owned(), repository.to_owned());
        self.shared.waiting().expected.insert(of, anchor);
        self.shared.wake.notify_one();
    }

    /// Where the record has got to, and what it does not continue, if there is such; nothing while
    /// that is not known.
    pub fn anchor_of(&self, namespace: &str, repository: &str) -> Option<(Anchor, Option<Anchor>)> {
        let of = (namespace.to_owned(), repository.to_owned());
        if self.shared.waiting().expected.contains_key(&of) {
            return None;
        }
        let progress = self.shared.progress.borrow();
        Some((progress.anchor?, progress.lost.get(&of).copied()))
    }
}

impl Hand {
    /// Says of each Repository whose anchor the chain does not have that it begins anew here.
    pub(super) async fn look_for_anchors(&self, store: &Store) -> Result<(), HistoryError> {
        loop {
            let next = {
                let waiting = self.shared.waiting();
                waiting
                    .expected
                    .first_key_value()
                    .map(|(of, it)| (of.clone(), *it))
            };
            let Some((of, anchor)) = next else {
                return Ok(());
            };
            if !in_time(store, store.has(anchor)).await? {
                let (namespace, repository) = of.clone();
                let now = Timestamp::now();
                let cause = Cause::Start;
                let mut entry = Entry::new(now, namespace, repository, None, cause, Outcome::Noted);
                entry.message = format!(
                    "this record does not continue the one before, which had got to {}:{} and is lost",
                    anchor.sequence, anchor.hash
                );
                entry.lost = Some(anchor);
                let appended = in_time(store, store.append(vec![entry])).await?;
                self.shared.stored(0, appended.last());
                let lost = of.clone();
                self.shared.progress.send_modify(|it| {
                    it.lost.insert(lost, anchor);
                });
            }
            let mut waiting = self.shared.waiting();
            if waiting.expected.get(&of) == Some(&anchor) {
                waiting.expected.remove(&of);
            }
        }
    }
}
