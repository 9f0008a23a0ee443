//! A working directory as a tree, in memory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Snapshot, SourceError};

impl Snapshot {
    /// The files of a directory as they are now, without Git's ignored ones where it is
    /// part of a work tree. Nothing is written anywhere.
    pub fn of_directory(root: &Path) -> Result<Self, SourceError> {
        let broken = |error: git2::Error| SourceError::Damaged {
            what: root.display().to_string(),
            reason: error.message().to_owned(),
        };
        let odb = git2::Odb::new().map_err(broken)?;
        odb.add_new_mempack_backend(1).map_err(broken)?;
        let store = git2::Repository::from_odb(odb).map_err(broken)?;
        let around = git2::Repository::discover(root).ok();
        let base = root
            .canonicalize()
            .map_err(|error| unreadable(root, &error))?;
        let tree = {
            let walk = Walk {
                store: &store,
                around: around.as_ref(),
            };
            walk.tree(&base)?
        };
        Ok(Self::new(store, tree, None))
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Damaged {
        what: path.display().to_string(),
        reason: error.to_string(),
    }
}

struct Walk<'r> {
    store: &'r git2::Repository,
    around: Option<&'r git2::Repository>,
}

impl Walk<'_> {
    fn tree(&self, directory: &Path) -> Result<git2::Oid, SourceError> {
        let broken = |error: git2::Error| SourceError::Damaged {
            what: directory.display().to_string(),
            reason: error.message().to_owned(),
        };
        let mut tree = self.store.treebuilder(None).map_err(broken)?;
        let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(directory, &error))?;
            let path = entry.path();
            if entry.file_name() == ".git" || self.ignored(&path) {
                continue;
            }
            let kind = entry
                .file_type()
                .map_err(|error| unreadable(&path, &error))?;
            let (oid, mode) = if kind.is_dir() {
                let oid = self.tree(&path)?;
                if self.store.find_tree(oid).map_err(broken)?.is_empty() {
                    // Git has no empty directories.
                    continue;
                }
                (oid, 0o040_000)
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(|error| unreadable(&path, &error))?;
                (
                    self.store
                        .blob(target.to_string_lossy().as_bytes())
                        .map_err(broken)?,
                    0o120_000,
                )
            } else if kind.is_file() {
                let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
                let metadata = entry
                    .metadata()
                    .map_err(|error| unreadable(&path, &error))?;
                let mode = match metadata.permissions().mode() & 0o100 {
                    0 => 0o100_644,
                    _ => 0o100_755,
                };
                (self.store.blob(&bytes).map_err(broken)?, mode)
            } else {
                continue;
            };
            tree.insert(entry.file_name().to_string_lossy().as_bytes(), oid, mode)
                .map_err(broken)?;
        }
        tree.write().map_err(broken)
    }

    fn ignored(&self, path: &Path) -> bool {
        self.around
            .is_some_and(|around| around.is_path_ignored(path).unwrap_or(false))
    }
}
