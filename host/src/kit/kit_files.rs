//! Where kit.yaml files are.

use std::collections::HashMap;
use std::sync::Arc;

use super::KIT_FILE;
use crate::source::{EntryKind, ObjectId, Snapshot, SourceError};

/// The directories with a kit.yaml below each tree, remembered by the tree's id, so that only
/// trees that changed are read again.
#[derive(Default)]
pub(super) struct KitFiles {
    below: HashMap<ObjectId, Arc<Vec<String>>>,
}

impl KitFiles {
    /// Paths from the root, sorted; the root itself is `.`.
    pub(super) fn directories(&mut self, snapshot: &Snapshot) -> Result<Vec<String>, SourceError> {
        let mut used = HashMap::new();
        let found = self.walk(snapshot, "", snapshot.root(), &mut used)?;
        self.below = used;
        let mut paths: Vec<String> = found
            .iter()
            .map(|path| {
                if path.is_empty() {
                    ".".to_owned()
                } else {
                    path.clone()
                }
            })
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Paths relative to the tree.
    fn walk(
        &self,
        snapshot: &Snapshot,
        path: &str,
        tree: ObjectId,
        used: &mut HashMap<ObjectId, Arc<Vec<String>>>,
    ) -> Result<Arc<Vec<String>>, SourceError> {
        if let Some(known) = used.get(&tree).or_else(|| self.below.get(&tree)) {
            let known = known.clone();
            used.insert(tree, known.clone());
            return Ok(known);
        }
        let mut found = Vec::new();
        for entry in snapshot.list(path)? {
            if entry.kind == EntryKind::Directory && !entry.name.starts_with('.') {
                let below = if path.is_empty() {
                    entry.name.clone()
                } else {
                    format!("{path}/{}", entry.name)
                };
                for inner in self.walk(snapshot, &below, entry.id, used)?.iter() {
                    found.push(if inner.is_empty() {
                        entry.name.clone()
                    } else {
                        format!("{}/{inner}", entry.name)
                    });
                }
            } else if entry.name == KIT_FILE && entry.kind == EntryKind::File {
                found.push(String::new());
            }
        }
        let found = Arc::new(found);
        used.insert(tree, found.clone());
        Ok(found)
    }
}
