//! The files of one revision.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

/// A Git object's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub(super) [u8; 20]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ObjectId {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A commit's id, in full hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(Arc<str>);

impl Revision {
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who made a revision, when, and what they said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub revision: Revision,
    /// `Name <email>`.
    pub author: String,
    pub committer: String,
    /// Seconds since the epoch, of the committer's clock.
    pub time: i64,
    /// The message's first line.
    pub subject: String,
    /// The tag that was followed to this commit, if one was.
    pub tag: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Directory,
    /// A link; `Snapshot::resolve` follows it.
    Symlink,
    /// Not followed: Trimtab does not fetch other repositories.
    Submodule,
}

/// One name in a directory of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub kind: EntryKind,
    pub id: ObjectId,
}

/// Why a file of a revision cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error("{path} is not in the repository")]
    NotFound { path: String },
    #[error("{path} leads out of the repository through a symbolic link")]
    Escapes { path: String },
    #[error("{path} is part of a cycle of symbolic links")]
    LinkCycle { path: String },
    #[error("{path} is a submodule, which is not supported; commit the files themselves")]
    Submodule { path: String },
    #[error("{path} is a Git LFS pointer, which is not supported; commit the file itself")]
    Lfs { path: String },
    #[error("{path} is not a file")]
    NotAFile { path: String },
    #[error("{path} is not a directory")]
    NotADirectory { path: String },
    #[error("{path} has {size} bytes, over the limit of {limit}")]
    TooLarge {
        path: String,
        size: usize,
        limit: usize,
    },
    #[error("the mirror lost {what}: {reason}")]
    Damaged { what: String, reason: String },
}

/// The files of one revision, or of a working directory at one instant. Cheap to clone;
/// may be used from any thread.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) store: Arc<Mutex<git2::Repository>>,
    pub(super) root: ObjectId,
    pub(super) commit: Option<Commit>,
}

impl Snapshot {
    /// The files of a directory as they are now, without Git's ignored ones where it is
    /// part of a work tree. Nothing is written anywhere.
    pub fn of_directory(_root: &Path) -> Result<Self, SourceError> {
        todo!()
    }

    /// `None` for a working directory.
    pub fn commit(&self) -> Option<&Commit> {
        self.commit.as_ref()
    }

    /// The id of the root tree: equal ids are equal files.
    pub fn root(&self) -> ObjectId {
        self.root
    }

    /// The names in a directory (`""` is the root), sorted by bytes. Symbolic links on the way
    /// to it are followed; those in it are listed as such.
    pub fn list(&self, _directory: &str) -> Result<Vec<Entry>, SourceError> {
        todo!()
    }

    /// What is at a path, with every symbolic link followed inside the tree.
    /// The `String` is the path it really has.
    pub fn resolve(&self, _path: &str) -> Result<(String, Entry), SourceError> {
        todo!()
    }

    /// A file's bytes, with symbolic links followed. `limit` is in bytes.
    pub fn read(&self, _path: &str, _limit: usize) -> Result<Vec<u8>, SourceError> {
        todo!()
    }
}
