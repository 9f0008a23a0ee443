//! What a kit's symbolic links lead to.

use std::collections::BTreeSet;

use crate::source::{EntryKind, Snapshot};

/// The targets of links in a kit's directory, which may lie outside of it, where the directory's
/// tree id does not tell; and those of links in the directories that they lead to. Each is a path
/// and an id, or why there is none.
pub(super) fn link_targets(snapshot: &Snapshot, links: &[String]) -> Vec<String> {
    let mut targets = Vec::new();
    let mut seen = BTreeSet::new();
    let mut links = links.to_vec();
    while let Some(link) = links.pop() {
        let (real, entry) = match snapshot.resolve(&link) {
            Ok(found) => found,
            Err(error) => {
                targets.push(error.to_string());
                continue;
            }
        };
        targets.push(format!("{real}\0{}", entry.id));
        let mut directories = match entry.kind {
            EntryKind::Directory => vec![real],
            _ => Vec::new(),
        };
        while let Some(directory) = directories.pop() {
            if !seen.insert(directory.clone()) {
                continue;
            }
            // What cannot be listed is damage, which rendering reports.
            for below in snapshot.list(&directory).unwrap_or_default() {
                let path = format!("{directory}/{}", below.name);
                match below.kind {
                    EntryKind::Directory => directories.push(path),
                    EntryKind::Symlink => links.push(path),
                    EntryKind::File | EntryKind::Submodule => {}
                }
            }
        }
    }
    targets
}
