//! Objects on their way to the API server.

use crate::manifest::ObjectKey;

use super::{Touched, Watched};

/// Somebody waits for the answer to a write of an object; whoever drops it does not.
pub(super) struct Sending {
    watched: Watched,
    key: ObjectKey,
    answered: bool,
}

impl Sending {
    /// Whoever sends it knows what became of it, or tries again.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let answered = self.answered;
        self.watched.note(|inventory| {
            let seen_of = inventory.end_sending(&self.key);
            // It was carried out though the answer was given up: what was planned since may not
            // know of it.
            let news = seen_of.into_iter().filter(|_| !answered);
            news.map(Touched::Set).collect()
        });
    }
}

impl Watched {
    /// An object is being sent: what is there of it is unsure from now on. That it comes is no news
    /// as long as the value is held.
    pub(super) fn sending(&self, key: &ObjectKey) -> Sending {
        self.change(|inventory| {
            inventory.unsure(key);
            inventory.begin_sending(key);
        });
        Sending {
            watched: self.clone(),
            key: key.clone(),
            answered: false,
        }
    }
}
