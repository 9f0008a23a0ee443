//! What a render asked for, so that it is done again exactly when one of these is another thing.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::asked::{Asked, Session};
use super::elsewhere::{Elsewhere, Pins, Standing};
use crate::kit::{KitPath, Sources};
use crate::manifest::{Finding, Origin};
use crate::sandbox::{Look, Lookup};
use crate::source::{EntryKind, ObjectId, Pinned, Reference, Snapshot, SourceError};

/// Paths that a render may look for outside of its kit's directory.
const PATHS: usize = 20_000;
/// Bytes of one file.
const FILE: usize = 16 << 20;

/// What was at a path, as far as a render could tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    File(ObjectId),
    Directory,
    /// A digest of the names in a directory, and of what kind each is: what is in the files is none
    /// of it.
    Names([u8; 32]),
    /// The path that it really has.
    Link(String),
    /// Why it could not be had.
    Refused(String),
}

/// Paths outside of the kit's own directory, each with what was there; its own tree's id tells of
/// the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    paths: BTreeMap<String, Seen>,
    /// What is of other places, and how it stood with it.
    elsewhere: BTreeMap<Reference, String>,
}

impl Reads {
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.elsewhere.is_empty()
    }

    /// Whether a render would see the same now.
    pub fn still_hold(&self, now: &mut Sights<'_>) -> bool {
        let mut elsewhere = self.elsewhere.iter();
        self.paths.iter().all(|(path, seen)| now.of(path) == seen)
            && elsewhere.all(|(reference, told)| now.elsewhere(reference) == told)
    }

    /// All of it in one text: equal texts, equal sights.
    pub fn told(&self) -> String {
        match self.elsewhere.is_empty() {
            true => format!("{:?}", self.paths),
            false => format!("{:?} {:?}", self.paths, self.elsewhere),
        }
    }
}

/// What is at the paths of one snapshot. Many kits read the same base: each path is looked at once.
pub struct Sights<'s> {
    snapshot: &'s Snapshot,
    known: HashMap<String, Seen>,
    pins: Pins,
    standings: HashMap<Reference, String>,
}

impl<'s> Sights<'s> {
    pub fn new(snapshot: &'s Snapshot, sources: &Arc<Sources>, elsewhere: &Elsewhere) -> Self {
        Self::of_pins(snapshot, Pins::new(snapshot, sources, elsewhere))
    }

    fn of_pins(snapshot: &'s Snapshot, pins: Pins) -> Self {
        Self {
            snapshot,
            known: HashMap::new(),
            pins,
            standings: HashMap::new(),
        }
    }

    /// The same of another snapshot.
    pub fn at<'o>(&self, snapshot: &'o Snapshot) -> Sights<'o> {
        Sights::of_pins(snapshot, self.pins.at(snapshot))
    }

    fn elsewhere(&mut self, reference: &Reference) -> &str {
        let pins = &self.pins;
        let known = self.standings.entry(reference.clone());
        known.or_insert_with(|| pins.standing(reference).told())
    }

    fn of(&mut self, path: &str) -> &Seen {
        if !self.known.contains_key(path) {
            let seen = sight(self.snapshot, path).0;
            self.known.insert(path.to_owned(), seen);
        }
        &self.known[path]
    }
}

/// Records what is asked for.
#[derive(Clone)]
pub(super) struct Recorder {
    snapshot: Snapshot,
    /// The kit's directory.
    own: KitPath,
    reads: Arc<Mutex<Reads>>,
    pins: Pins,
    session: Arc<Mutex<Session>>,
    /// Fuel of all guests that were asked.
    fuel: Arc<AtomicU64>,
    /// It takes longer than its pace allows.
    given_up: Arc<AtomicBool>,
}

/// What a render was found to depend on.
pub(super) struct Taken {
    pub(super) reads: Reads,
    pub(super) asked: Vec<Asked>,
    /// Of what was asked for, what is not in the store.
    pub(super) wanted: Vec<Pinned>,
}

impl Recorder {
    pub(super) fn new(
        snapshot: &Snapshot,
        own: &KitPath,
        sources: &Arc<Sources>,
        elsewhere: &Elsewhere,
    ) -> Self {
        Self {
            snapshot: snapshot.clone(),
            own: own.clone(),
            reads: Arc::default(),
            pins: Pins::new(snapshot, sources, elsewhere),
            session: Arc::default(),
            fuel: Arc::default(),
            given_up: Arc::default(),
        }
    }

    pub(super) fn spend(&self, fuel: u64) {
        self.fuel.fetch_add(fuel, Ordering::Relaxed);
    }

    pub(super) fn spent(&self) -> u64 {
        self.fuel.load(Ordering::Relaxed)
    }

    /// What ran out of fuel only because it was `hurried` is no fault.
    pub(super) fn give_up(&self, hurried: bool) {
        self.given_up.fetch_or(hurried, Ordering::Relaxed);
    }

    pub(super) fn has_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Makes a chart of another place what is at `asked::CHART`.
    pub(super) fn chart(&self, reference: &Reference, at: &Origin) -> Result<(), Finding> {
        self.session().chart(&self.pins, reference, at)
    }

    /// What kept the render from something of another place; `failed`: it came to nothing.
    pub(super) fn trouble(&self, failed: bool) -> Option<Finding> {
        self.session().trouble(failed)
    }

    /// A message with URLs for the paths of other places.
    pub(super) fn named(&self, message: &str) -> String {
        self.session().named(message)
    }

    /// What a guest would ask, to see whether it would be told the same; what it was told is of no
    /// weight until it is adopted.
    pub(super) fn trial(&self) -> Self {
        Self {
            reads: Arc::new(Mutex::new(self.reads().clone())),
            session: Arc::new(Mutex::new(self.session().clone())),
            ..self.clone()
        }
    }

    /// The guest was told all that.
    pub(super) fn adopt(&self, trial: &Self) {
        *self.reads() = std::mem::take(&mut *trial.reads());
        *self.session() = std::mem::take(&mut *trial.session());
    }

    /// What a guest asks.
    pub(super) fn lookup(&self) -> Lookup {
        let recorder = self.clone();
        Box::new(move |path| recorder.look(path))
    }

    pub(super) fn look(&self, path: &str) -> Look {
        if let Some(question) = path.strip_prefix('\0') {
            return self.session().look(&self.pins, question);
        }
        if path.contains('\0') {
            return Look::Nothing;
        }
        if self.reads().paths.len() >= PATHS {
            let reason = format!("a kit reads at most {PATHS} paths outside of its directory");
            return Look::Refused(reason);
        }
        let (seen, names) = sight(&self.snapshot, path);
        let look = match &seen {
            Seen::Nothing => Look::Nothing,
            Seen::Link(real) => Look::Link(real.clone()),
            Seen::Refused(reason) => Look::Refused(reason.clone()),
            Seen::File(_) => match self.snapshot.read(path, FILE) {
                Ok(bytes) => {
                    self.session().read(path);
                    Look::File(bytes)
                }
                Err(error) => Look::Refused(error.to_string()),
            },
            Seen::Directory | Seen::Names(_) => Look::Directory(names),
        };
        if !is_within(self.own.as_str(), path) {
            self.reads().paths.insert(path.to_owned(), seen);
        }
        look
    }

    /// A file of the repository that was asked for before.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let is_here = !path.contains('\0');
        is_here
            .then(|| self.snapshot.read(path, FILE).ok())
            .flatten()
    }

    /// The same, also of another place.
    pub(super) fn bytes_anywhere(&self, path: &str) -> Option<Vec<u8>> {
        let elsewhere = path.starts_with('\0');
        let found = elsewhere.then(|| self.session().bytes(path));
        found.unwrap_or_else(|| self.bytes(path))
    }

    /// The line that names what a path of another place is in; no path of the repository has any.
    pub(super) fn named_at(&self, path: &str) -> Option<Origin> {
        self.session().named_at(path)
    }

    pub(super) fn taken(self) -> Taken {
        let mut reads = std::mem::take(&mut *self.reads());
        let session = std::mem::take(&mut *self.session());
        let told =
            |(reference, standing): (&Reference, &Standing)| (reference.clone(), standing.told());
        reads.elsewhere = session.standings.iter().map(told).collect();
        let wanted = session.standings.into_values();
        let wanted = wanted.filter_map(|it| match it {
            Standing::Wanting(pinned, _) => Some(pinned),
            _ => None,
        });
        Taken {
            reads,
            asked: session.asked,
            wanted: wanted.collect(),
        }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a path is in a directory, or is it.
fn is_within(directory: &str, path: &str) -> bool {
    let below = path.strip_prefix(directory);
    directory == "." || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is at a path; if it ends in `/` and is a directory, with the names in it.
pub(super) fn sight(snapshot: &Snapshot, path: &str) -> (Seen, Vec<String>) {
    let only = |seen| (seen, Vec::new());
    let (path, lists) = match path.strip_suffix('/') {
        Some(path) => (path, true),
        None => (path, false),
    };
    let (real, entry) = match snapshot.resolve(path) {
        Ok(found) => found,
        Err(SourceError::NotFound { .. } | SourceError::NotADirectory { .. }) => {
            return only(Seen::Nothing);
        }
        Err(error) => return only(Seen::Refused(error.to_string())),
    };
    if path != "." && real != path {
        return only(Seen::Link(if real.is_empty() { ".".into() } else { real }));
    }
    if entry.kind != EntryKind::Directory {
        return only(Seen::File(entry.id));
    }
    if !lists {
        return only(Seen::Directory);
    }
    match names(snapshot, path) {
        Ok(names) => {
            let seen = Seen::Names(Sha256::digest(names.join("\0")).into());
            (seen, names)
        }
        Err(error) => only(Seen::Refused(error.to_string())),
    }
}

/// A directory's name, or that of a link to one, ends in `/`.
fn names(snapshot: &Snapshot, path: &str) -> Result<Vec<String>, SourceError> {
    let entries = snapshot.list(path)?.into_iter();
    let named = entries.map(|entry| {
        let below = match path {
            "." => entry.name.clone(),
            _ => format!("{path}/{}", entry.name),
        };
        let directory = match entry.kind {
            EntryKind::Directory => true,
            EntryKind::Symlink => {
                let target = snapshot.resolve(&below);
                target.is_ok_and(|(_, it)| it.kind == EntryKind::Directory)
            }
            EntryKind::File | EntryKind::Submodule => false,
        };
        match directory {
            true => format!("{}/", entry.name),
            false => entry.name,
        }
    });
    Ok(named.collect())
}

#[cfg(test)]
#[path = "reads_tests.rs"]
mod tests;
