//! Where the record has got to, in the Repository's status: whoever exchanges the database is found
//! out by it, and a host that has lost it says so.

use crate::cluster::Note;
use crate::history::Anchor;
use crate::kit::RecordStatus;

use super::repository::Actor;

fn anchor(status: &RecordStatus) -> Option<Anchor> {
    Some(Anchor {
        sequence: u64::try_from(status.sequence).ok()?,
        hash: status.hash.parse().ok()?,
    })
}

/// The status after a look at the record; what an earlier host lost stays told.
fn told(before: Option<&RecordStatus>, now: Anchor, lost: Option<Anchor>) -> Option<RecordStatus> {
    let lost = lost.map(|it| format!("{}:{}", it.sequence, it.hash));
    let lost = lost.or_else(|| before.and_then(|it| it.lost.clone()));
    Some(RecordStatus {
        sequence: i64::try_from(now.sequence).ok()?,
        hash: now.hash.to_string(),
        lost,
    })
}

impl Actor {
    /// Has the record looked at for what the status knows of it, before anything is recorded.
    pub(super) fn expect_record(&self) {
        let known = self.status.record.as_ref().and_then(anchor);
        if let (Some(recorder), Some(known)) = (&self.shared.recorder, known) {
            let (namespace, name) = (self.namespace(), self.name());
            recorder.writer().expect(&namespace, &name, known);
        }
    }

    /// Takes up where the record has got to. While it is not known whether that continues what the
    /// status knows, the status stays.
    pub(super) async fn note_record(&mut self) {
        let (namespace, name) = (self.namespace(), self.name());
        let recorder = self.shared.recorder.as_ref();
        let known = recorder.and_then(|it| it.writer().anchor_of(&namespace, &name));
        let Some((now, lost)) = known else { return };
        let after = told(self.status.record.as_ref(), now, lost);
        let before = self.status.record.as_ref().and_then(|it| it.lost.clone());
        let news = after.as_ref().and_then(|it| it.lost.clone());
        self.status.record = after;
        let Some(lost) = news.filter(|it| before.as_ref() != Some(it)) else {
            return;
        };
        let message = format!(
            "the history does not continue the one before, which had got to {lost}: its database was lost or exchanged"
        );
        tracing::warn!(repository = %name, "{message}");
        self.publish(Note {
            warning: true,
            reason: "HistoryLost",
            message,
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_stays_told_and_the_anchor_goes_on() {
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let at = |sequence| Anchor {
            sequence,
            hash: hash.parse().expect("a hash"),
        };
        let first = told(None, at(7), None).expect("a status");
        assert_eq!(anchor(&first), Some(at(7)));
        let lost = told(Some(&first), at(1), Some(at(7))).expect("a status");
        assert_eq!(lost.lost, Some(format!("7:{hash}")));
        let later = told(Some(&lost), at(2), None).expect("a status");
        assert_eq!((later.sequence, later.lost), (2, lost.lost));
    }
}
