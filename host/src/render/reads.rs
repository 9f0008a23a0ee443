//! What a render asked for, so that it is done again exactly when one of these is another thing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::kit::KitPath;
use crate::sandbox::{Look, Lookup};
use crate::source::{EntryKind, ObjectId, Snapshot, SourceError};

/// Paths that a render may look for outside of its kit's directory.
const PATHS: usize = 20_000;
/// Bytes of one file.
const FILE: usize = 16 << 20;

/// What was at a path, as far as a render could tell.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    File(ObjectId),
    /// A digest of the names in it, and of what kind each is: what is in the files is none of it.
    Directory([u8; 32]),
    /// The path that it really has.
    Link(String),
    /// Why it could not be had.
    Refused(String),
}

/// Paths outside of the kit's own directory, each with what was there; its own tree's id tells of
/// the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(BTreeMap<String, Seen>);

impl Reads {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a render would see the same now.
    pub fn still_hold(&self, now: &mut Sights<'_>) -> bool {
        self.0.iter().all(|(path, seen)| now.of(path) == seen)
    }

    /// All of it in one text: equal texts, equal sights.
    pub fn told(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// What is at the paths of one snapshot. Many kits read the same base: each path is looked at once.
pub struct Sights<'s> {
    snapshot: &'s Snapshot,
    known: HashMap<String, Seen>,
}

impl<'s> Sights<'s> {
    pub fn new(snapshot: &'s Snapshot) -> Self {
        Self {
            snapshot,
            known: HashMap::new(),
        }
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
}

impl Recorder {
    pub(super) fn new(snapshot: &Snapshot, own: &KitPath) -> Self {
        Self {
            snapshot: snapshot.clone(),
            own: own.clone(),
            reads: Arc::default(),
        }
    }

    /// What a guest asks.
    pub(super) fn lookup(&self) -> Lookup {
        let recorder = self.clone();
        Box::new(move |path| recorder.look(path))
    }

    pub(super) fn look(&self, path: &str) -> Look {
        if self.reads().0.len() >= PATHS {
            let reason = format!("a kit reads at most {PATHS} paths outside of its directory");
            return Look::Refused(reason);
        }
        let (seen, names) = sight(&self.snapshot, path);
        let look = match &seen {
            Seen::Nothing => Look::Nothing,
            Seen::Link(real) => Look::Link(real.clone()),
            Seen::Refused(reason) => Look::Refused(reason.clone()),
            Seen::File(_) => match self.snapshot.read(path, FILE) {
                Ok(bytes) => Look::File(bytes),
                Err(error) => Look::Refused(error.to_string()),
            },
            Seen::Directory(_) => Look::Directory(names),
        };
        if !is_within(self.own.as_str(), path) {
            self.reads().0.insert(path.to_owned(), seen);
        }
        look
    }

    /// A file that was asked for before.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.snapshot.read(path, FILE).ok()
    }

    pub(super) fn taken(self) -> Reads {
        std::mem::take(&mut *self.reads())
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

/// What is at a path, and the names in it if it is a directory.
fn sight(snapshot: &Snapshot, path: &str) -> (Seen, Vec<String>) {
    let only = |seen| (seen, Vec::new());
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
    match names(snapshot, path) {
        Ok(names) => {
            let seen = Seen::Directory(Sha256::digest(names.join("\0")).into());
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
