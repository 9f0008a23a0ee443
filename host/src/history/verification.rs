//! Whether the record is what was recorded: each hash, each place in the chain, each column that
//! queries use, each text that was not erased, and anchors that are kept elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::append::Anchor;
use super::bounds;
use super::chain::{Hash, Stored, link};
use super::entry::{Cause, Entry};

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Records that were read and are as they were recorded.
    pub records: u64,
    /// The first one that is kept; those before were let go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// The last one, as an anchor for the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Anchor>,
    /// Texts that are there and fit their commitments.
    pub texts: u64,
    /// Texts of which the commitment alone is left.
    pub erased: u64,
    /// The first records that have one of these; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased_in: Vec<u64>,
    /// The first records that say that they were erased; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased_by: Vec<u64>,
    /// Records that say that those before them were lost; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
    /// Anchors that the chain has.
    pub anchors: u64,
    /// Anchors before the first record that is kept, of which nothing can be said.
    pub too_old: u64,
    /// Stretches of records that an export leaves out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gaps: u64,
    /// What is wrong first; nothing after it was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The record that this chain does not continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The record that says so.
    pub sequence: u64,
    pub anchor: Anchor,
}

/// Where the chain is broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The first record that is not as it was; 0 of what is about the whole.
    pub sequence: u64,
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            0 => f.write_str(&self.reason),
            sequence => write!(f, "record {sequence}: {}", self.reason),
        }
    }
}

/// How many records a report names of each thing.
const NAMED: usize = 20;

impl Report {
    pub fn is_whole(&self) -> bool {
        self.fault.is_none()
    }
}

/// The chain as it is read, record after record.
pub(super) struct Chain {
    pub report: Report,
    /// Hash of the record before, and its number.
    previous: Option<Anchor>,
    anchors: HashMap<u64, Hash>,
    /// The last record that is said to have been let go.
    let_go: Option<u64>,
}

impl Chain {
    /// `checkpoint`: the last record that was let go, if one was.
    pub(super) fn new(checkpoint: Option<Anchor>, anchors: &[Anchor]) -> Self {
        let mut chain = Self {
            report: Report::default(),
            previous: checkpoint,
            anchors: anchors.iter().map(|it| (it.sequence, it.hash)).collect(),
            let_go: None,
        };
        if anchors.len() != chain.anchors.len() {
            // Two hashes of one record: one of them is wrong, if they differ at all.
            let differs = anchors
                .iter()
                .find(|it| chain.anchors.get(&it.sequence) != Some(&it.hash));
            if let Some(anchor) = differs {
                chain.fault(anchor.sequence, "two anchors give it different hashes");
            }
        }
        chain
    }

    /// The records up to this one are not there to be read.
    pub(super) fn skip_to(&mut self, before: Anchor) {
        self.previous = Some(before);
        self.report.gaps += 1;
    }

    /// The number of the next record.
    pub(super) fn expects(&self) -> u64 {
        self.previous.map_or(1, |it| it.sequence + 1)
    }

    /// Whether a record says that all up to this one were let go.
    pub(super) fn was_let_go(&self, through: u64) -> bool {
        self.let_go.is_some_and(|it| it >= through)
    }

    pub(super) fn fault(&mut self, sequence: u64, reason: impl Into<String>) {
        let reason = reason.into();
        self.report.fault.get_or_insert(Fault { sequence, reason });
    }

    /// The next record. Gives what it says if it is in its place and unchanged.
    pub(super) fn next(&mut self, sequence: u64, hash: Hash, body: &[u8]) -> Option<Stored> {
        match self.next_or_fault(sequence, hash, body) {
            Ok(stored) => Some(stored),
            Err(reason) => {
                self.fault(sequence, reason);
                None
            }
        }
    }

    fn next_or_fault(&mut self, sequence: u64, hash: Hash, body: &[u8]) -> Result<Stored, String> {
        let (before, previous) = match self.previous {
            Some(anchor) => (anchor.sequence, anchor.hash),
            None => (0, Hash::NONE),
        };
        if sequence != before + 1 {
            return Err(match sequence > before {
                true => format!(
                    "the records {} to {} before it are missing",
                    before + 1,
                    sequence - 1
                ),
                false => format!("it comes after record {before}"),
            });
        }
        if link(&previous, body) != hash {
            return Err("its hash is not that of its text and of the record before it".into());
        }
        if let Some(anchor) = self.anchors.remove(&sequence) {
            if anchor != hash {
                return Err(format!(
                    "its hash is {hash}, and the anchor's is {anchor}: the chain was made anew"
                ));
            }
            self.report.anchors += 1;
        }
        let stored = read(body)?;
        if stored.sequence != sequence {
            return Err(format!("its text is that of record {}", stored.sequence));
        }
        self.note_let_go(&stored.entry);
        let lost = stored.entry.lost.filter(|_| self.report.lost.len() < NAMED);
        let lost = lost.map(|anchor| Lost { sequence, anchor });
        self.report.lost.extend(lost);
        self.report.first.get_or_insert(sequence);
        self.report.records += 1;
        self.previous = Some(Anchor { sequence, hash });
        self.report.last = self.previous;
        Ok(stored)
    }

    fn note_let_go(&mut self, entry: &Entry) {
        if let (Cause::Retention, Some(let_go)) = (entry.cause, &entry.let_go) {
            self.let_go = self.let_go.max(Some(let_go.through));
        }
    }

    /// After the last record.
    pub(super) fn end(&mut self, checkpoint: Option<Anchor>) {
        if self.report.fault.is_some() {
            return;
        }
        let begins = checkpoint.map_or(0, |it| it.sequence);
        if begins > 0 && !self.was_let_go(begins) {
            self.fault(
                begins,
                "it and all before it are missing, and no record says that they were let go",
            );
        }
        let last = self.report.last.or(checkpoint).map_or(0, |it| it.sequence);
        let mut left: Vec<(u64, Hash)> = std::mem::take(&mut self.anchors).into_iter().collect();
        left.sort_by_key(|(sequence, _)| *sequence);
        for (sequence, hash) in left {
            match checkpoint {
                _ if sequence > last => self.fault(
                    sequence,
                    format!("it is missing: the chain ends at {last}, and an anchor knows record {sequence}"),
                ),
                Some(checkpoint) if sequence == checkpoint.sequence && hash != checkpoint.hash => {
                    self.fault(sequence, "the checkpoint has another hash than the anchor");
                }
                _ => self.report.too_old += 1,
            }
        }
    }
}

/// Texts that are not there, and what records say of that.
#[derive(Default)]
pub(super) struct Missing {
    /// The first and the last record that has each.
    texts: HashMap<Hash, (u64, u64)>,
    /// By which record each was erased.
    erased: HashMap<Hash, u64>,
    /// Of records that say no more than how many.
    counted: Vec<(u64, u64)>,
}

impl Missing {
    pub(super) fn is_not_there(&mut self, text: Hash, sequence: u64) {
        let known = self.texts.entry(text).or_insert((sequence, sequence));
        known.1 = sequence;
    }

    /// What a record says of erasures.
    pub(super) fn note(&mut self, sequence: u64, entry: &Entry) {
        if entry.cause != Cause::Erasure {
            return;
        }
        let texts = entry.erased_texts.iter().map(|it| (*it, sequence));
        self.erased.extend(texts);
        if let (Some(count), true) = (entry.erased, entry.erased_texts.is_empty()) {
            self.counted.push((sequence, count));
        }
    }

    /// The record by which a text was erased that is there.
    pub(super) fn is_back(&self, text: &Hash) -> Option<u64> {
        self.erased.get(text).copied()
    }

    /// What no record explains was taken out by somebody else.
    pub(super) fn judge(self, chain: &mut Chain) {
        let left = self.explain(&mut chain.report);
        let of: BTreeSet<u64> = left.iter().map(|(_, first)| *first).collect();
        let Some(first) = of.first() else { return };
        let texts = match left.len() {
            1 => "a text is".to_owned(),
            count => format!("{count} texts are"),
        };
        let mut records: Vec<String> = of.iter().take(NAMED).map(u64::to_string).collect();
        if of.len() > NAMED {
            records.push("…".into());
        }
        let reason = format!(
            "{texts} gone from the records {}, and no record says that they were erased",
            records.join(", ")
        );
        chain.fault(*first, reason);
    }

    /// Tells what was erased. Gives the last and the first record of each text that nothing
    /// explains: an export may be without names.
    pub(super) fn explain(self, report: &mut Report) -> Vec<(u64, u64)> {
        report.erased = self.texts.len() as u64;
        let (mut has, mut says) = (BTreeSet::new(), BTreeSet::new());
        let mut left: Vec<(u64, u64)> = Vec::new();
        for (text, (first, last)) in &self.texts {
            match self.erased.get(text).filter(|by| *by > last) {
                Some(by) => {
                    has.insert(*first);
                    says.insert(*by);
                }
                None => left.push((*last, *first)),
            }
        }
        left.sort_unstable();
        for (by, count) in &self.counted {
            let before = left.iter().filter(|(last, _)| last < by).count();
            let explained = before.min(usize::try_from(*count).unwrap_or(usize::MAX));
            has.extend(left.drain(..explained).map(|(_, first)| first));
            says.extend((explained > 0).then_some(*by));
        }
        report.erased_in = has.into_iter().take(NAMED).collect();
        report.erased_by = says.into_iter().take(NAMED).collect();
        left
    }
}

fn read(body: &[u8]) -> Result<Stored, String> {
    if body.len() > bounds::RECORD {
        return Err("it is larger than any record".into());
    }
    serde_json::from_slice(body).map_err(|error| format!("its text is no record: {error}"))
}
