//! Directories of many names, read once: libgit2 keeps small ones, and parses a large one again each
//! time that one name of it is asked for. So a directory of 20,000 files would take minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Entry, ObjectId};

/// Names in a directory that make it large.
pub(super) const LARGE: usize = 64;
/// Names in all that are kept at once.
const NAMES: usize = 500_000;

type Names = HashMap<String, Entry>;

/// Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Directories(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    by_tree: HashMap<ObjectId, Arc<Names>>,
    names: usize,
}

impl Directories {
    pub(super) fn of(&self, tree: ObjectId) -> Option<Arc<Names>> {
        self.lock().by_tree.get(&tree).cloned()
    }

    pub(super) fn keep(&self, tree: ObjectId, entries: impl Iterator<Item = Entry>) -> Arc<Names> {
        let names: Names = entries.map(|entry| (entry.name.clone(), entry)).collect();
        let names = Arc::new(names);
        let mut kept = self.lock();
        if kept.names + names.len() > NAMES {
            *kept = Kept::default();
        }
        kept.names += names.len();
        kept.by_tree.insert(tree, names.clone());
        names
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
