//! The files of one revision.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use super::directories::{Directories, LARGE};
use crate::signature::SignatureState;

/// A Git object's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub(super) [u8; 20]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ObjectId {
    /// Of a file that is in no repository: Git gives no file this one.
    pub fn none() -> Self {
        Self([0; 20])
    }

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
    /// Whether a person means this revision: its id, or the first seven digits or more.
    pub fn is_named_by(&self, name: &str) -> bool {
        name.len() >= 7 && self.0.starts_with(&name.to_ascii_lowercase())
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
    /// What is known of its signature.
    #[serde(default)]
    pub signature: SignatureState,
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
    #[error("the base {name} is not to be had: {reason}")]
    NoBase { name: String, reason: String },
    #[error("there is no revision {name}: {reason}")]
    NoRevision { name: String, reason: String },
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
    directories: Directories,
    /// What the store turned out to have lost.
    damage: Arc<OnceLock<SourceError>>,
}

/// More links than this on one path are a cycle, as for Linux.
const LINK_LIMIT: usize = 40;
/// Bytes that a link may lead to, as for Linux.
const TARGET_LIMIT: usize = 4096;
/// A Git LFS pointer begins with this, and is smaller than the specification's bound.
const LFS_PREFIX: &[u8] = b"version https://git-lfs.github.com/spec/";
const LFS_LIMIT: usize = 1024;

impl Snapshot {
    pub(super) fn new(store: git2::Repository, root: git2::Oid, commit: Option<Commit>) -> Self {
        Self {
            store: Arc::new(Mutex::new(store)),
            root: id(root),
            commit,
            directories: Directories::default(),
            damage: Arc::default(),
        }
    }

    /// The first damage that any read met. What was made of this snapshot then says nothing of
    /// the revision.
    pub fn damage(&self) -> Option<&SourceError> {
        self.damage.get()
    }

    /// The files below another root tree of the same store.
    pub fn rooted_at(&self, root: ObjectId) -> Self {
        Self {
            root,
            ..self.clone()
        }
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
    pub fn list(&self, directory: &str) -> Result<Vec<Entry>, SourceError> {
        let (real, entry) = self.resolve(directory)?;
        if entry.kind != EntryKind::Directory {
            return Err(SourceError::NotADirectory { path: real });
        }
        self.entries(&real, entry.id)
    }

    /// What is at a path, with every symbolic link followed inside the tree.
    /// The `String` is the path it really has.
    pub fn resolve(&self, path: &str) -> Result<(String, Entry), SourceError> {
        let root = Entry {
            name: String::new(),
            kind: EntryKind::Directory,
            id: self.root,
        };
        // Entries from the root to where the walk is, and the names that are still to be walked.
        let mut walked = vec![root];
        let mut ahead: Vec<String> = segments(path);
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                if walked.len() == 1 {
                    return Err(SourceError::Escapes {
                        path: path.to_owned(),
                    });
                }
                walked.pop();
                continue;
            }
            let here = walked.last().map(|entry| entry.id).unwrap_or(self.root);
            let entry = self.child(path, here, &name)?;
            match entry.kind {
                EntryKind::Symlink => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(SourceError::LinkCycle {
                            path: path.to_owned(),
                        });
                    }
                    let target = self.bounded(path, entry.id, TARGET_LIMIT)?;
                    let target = String::from_utf8(target).map_err(|_| SourceError::NotFound {
                        path: path.to_owned(),
                    })?;
                    if target.starts_with('/') {
                        return Err(SourceError::Escapes {
                            path: path.to_owned(),
                        });
                    }
                    ahead.extend(segments(&target));
                }
                EntryKind::Submodule => {
                    return Err(SourceError::Submodule {
                        path: joined(&walked, &name),
                    });
                }
                EntryKind::File if !ahead.is_empty() => {
                    return Err(SourceError::NotADirectory {
                        path: joined(&walked, &name),
                    });
                }
                EntryKind::File | EntryKind::Directory => walked.push(entry),
            }
        }
        let real = walked[1..]
            .iter()
            .map(|entry| entry.name.as_str())
            .collect::<Vec<_>>()
            .join("/");
        walked
            .pop()
            .map(|entry| (real, entry))
            .ok_or_else(|| SourceError::NotFound {
                path: path.to_owned(),
            })
    }

    /// A file's bytes, with symbolic links followed. `limit` is in bytes.
    pub fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, SourceError> {
        let (_, entry) = self.resolve(path)?;
        if entry.kind != EntryKind::File {
            return Err(SourceError::NotAFile {
                path: path.to_owned(),
            });
        }
        let bytes = self.bounded(path, entry.id, limit)?;
        if bytes.len() <= LFS_LIMIT && bytes.starts_with(LFS_PREFIX) {
            return Err(SourceError::Lfs {
                path: path.to_owned(),
            });
        }
        Ok(bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, git2::Repository> {
        self.store
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn damaged(&self, what: &str) -> impl FnOnce(git2::Error) -> SourceError {
        move |error| {
            let error = SourceError::Damaged {
                what: what.to_owned(),
                reason: error.message().to_owned(),
            };
            self.damage.get_or_init(|| error.clone());
            error
        }
    }

    fn bounded(&self, path: &str, id: ObjectId, limit: usize) -> Result<Vec<u8>, SourceError> {
        let store = self.lock();
        let header = store.odb().and_then(|odb| odb.read_header(oid(id)));
        let size = header.map_err(self.damaged(path))?.0;
        if size > limit {
            return Err(SourceError::TooLarge {
                path: path.to_owned(),
                size,
                limit,
            });
        }
        let blob = store.find_blob(oid(id)).map_err(self.damaged(path))?;
        Ok(blob.content().to_vec())
    }

    fn child(&self, path: &str, tree: ObjectId, name: &str) -> Result<Entry, SourceError> {
        let found = match self.directories.of(tree) {
            Some(names) => names.get(name).cloned(),
            None => self.read_child(path, tree, name)?,
        };
        found.ok_or_else(|| SourceError::NotFound {
            path: path.to_owned(),
        })
    }

    fn read_child(
        &self,
        path: &str,
        id: ObjectId,
        name: &str,
    ) -> Result<Option<Entry>, SourceError> {
        let store = self.lock();
        let tree = store.find_tree(oid(id)).map_err(self.damaged(path))?;
        if tree.len() >= LARGE {
            let entries = tree.iter().filter_map(|entry| entry_of(&entry));
            return Ok(self.directories.keep(id, entries).get(name).cloned());
        }
        // git2 panics where it is asked for a name that no C string is.
        if name.contains('\0') {
            return Ok(None);
        }
        Ok(tree.get_name(name).and_then(|found| entry_of(&found)))
    }

    fn entries(&self, path: &str, tree: ObjectId) -> Result<Vec<Entry>, SourceError> {
        let store = self.lock();
        let tree = store.find_tree(oid(tree)).map_err(self.damaged(path))?;
        let mut entries: Vec<Entry> = tree.iter().filter_map(|entry| entry_of(&entry)).collect();
        entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(entries)
    }
}

/// The segments of a path, last one first; empty ones and `.` are left out.
fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|name| !matches!(*name, "" | "."))
        .map(str::to_owned)
        .collect()
}

fn joined(walked: &[Entry], name: &str) -> String {
    let parents = walked[1..].iter().map(|entry| entry.name.as_str());
    parents.chain([name]).collect::<Vec<_>>().join("/")
}

fn oid(id: ObjectId) -> git2::Oid {
    git2::Oid::from_bytes(&id.0).expect("an id has 20 bytes")
}

fn id(oid: git2::Oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&oid.as_bytes()[..20]);
    ObjectId(bytes)
}

/// `None` for a name that is not UTF-8: no file that Kubernetes could name has one.
fn entry_of(entry: &git2::TreeEntry<'_>) -> Option<Entry> {
    let kind = match entry.filemode() & 0o170_000 {
        0o040_000 => EntryKind::Directory,
        0o120_000 => EntryKind::Symlink,
        0o160_000 => EntryKind::Submodule,
        _ => EntryKind::File,
    };
    let name = std::str::from_utf8(entry.name_bytes()).ok()?.to_owned();
    Some(Entry {
        name,
        kind,
        id: id(entry.id()),
    })
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
