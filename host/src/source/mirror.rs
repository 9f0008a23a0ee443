//! A bare mirror of one remote.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use git2::Repository;
use serde::{Deserialize, Serialize};

use super::exchange::{Request, describe};
use super::snapshot::id;
use super::{Commit, RemoteError, RemoteSpec, Revision, Snapshot, SourceError, Worker, worker};

/// Revisions in use are kept by refs below this.
const KEEP: &str = "refs/trimtab/keep/";

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Poll {
    /// The ref is where it was; nothing was fetched.
    Unchanged(Revision),
    /// The ref moved and its commit is in the mirror.
    Moved {
        commit: Commit,
        /// The commit that was followed before is not an ancestor: history was rewritten.
        forced: bool,
    },
}

/// A bare mirror in a folder of its own. Blocking: call it where blocking is allowed.
pub struct Mirror {
    folder: PathBuf,
    worker: Worker,
}

impl Mirror {
    /// Opens the mirror in `folder`, or makes it. A folder that a killed process left half made,
    /// or that is damaged, is made anew.
    pub fn open(folder: &Path, worker: Worker) -> Result<Self, RemoteError> {
        let storage = |reason: String| RemoteError::Storage {
            url: folder.display().to_string(),
            reason,
        };
        if Repository::open_bare(folder)
            .and_then(|store| store.is_empty())
            .is_err()
        {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(storage(error.to_string()));
                }
                _ => {}
            }
            fs::create_dir_all(folder).map_err(|error| storage(error.to_string()))?;
            Repository::init_bare(folder).map_err(|error| storage(error.message().to_owned()))?;
        }
        sweep(&folder.join("objects/pack"));
        Ok(Self {
            folder: folder.to_owned(),
            worker,
        })
    }

    /// Asks the remote for its refs and fetches only if the followed one is not at `known`.
    pub fn poll(&self, remote: &RemoteSpec, known: Option<&Revision>) -> Result<Poll, RemoteError> {
        let request = Request {
            folder: self.folder.clone(),
            remote: remote.clone(),
            known: known.cloned(),
        };
        worker::poll(&self.worker, &request)
    }

    /// The files of a commit that the mirror has.
    pub fn snapshot(&self, revision: &Revision) -> Result<Snapshot, SourceError> {
        let damaged = |error: git2::Error| SourceError::Damaged {
            what: revision.to_string(),
            reason: error.message().to_owned(),
        };
        let store = Repository::open_bare(&self.folder).map_err(damaged)?;
        let (root, commit) = {
            let oid = git2::Oid::from_str(revision.as_str()).map_err(damaged)?;
            let commit = store.find_commit(oid).map_err(damaged)?;
            (commit.tree_id(), describe(&commit, None))
        };
        Ok(Snapshot {
            store: Arc::new(Mutex::new(store)),
            root: id(root),
            commit: Some(commit),
        })
    }

    /// Keeps exactly these revisions, whatever the remote does with them. Those that the mirror does
    /// not have are passed over.
    pub fn keep(&self, revisions: &[Revision]) -> Result<(), SourceError> {
        let damaged = |error: git2::Error| SourceError::Damaged {
            what: self.folder.display().to_string(),
            reason: error.message().to_owned(),
        };
        let store = Repository::open_bare(&self.folder).map_err(damaged)?;
        for revision in revisions {
            let oid = git2::Oid::from_str(revision.as_str()).map_err(damaged)?;
            if store.find_commit(oid).is_err() {
                continue;
            }
            store
                .reference(&format!("{KEEP}{revision}"), oid, true, "in use")
                .map_err(damaged)?;
        }
        for kept in store
            .references_glob(&format!("{KEEP}*"))
            .map_err(damaged)?
        {
            let mut kept = kept.map_err(damaged)?;
            let name = String::from_utf8_lossy(kept.name_bytes()).into_owned();
            if !revisions
                .iter()
                .any(|revision| name.ends_with(revision.as_str()))
            {
                kept.delete().map_err(damaged)?;
            }
        }
        Ok(())
    }
}

/// Removes what an interrupted fetch left. Packs are complete only under their final names.
fn sweep(packs: &Path) {
    let Ok(entries) = fs::read_dir(packs) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("pack_git2_") || name.starts_with("tmp_") {
            // What cannot be removed costs space, no more.
            let _ = fs::remove_file(entry.path());
        }
    }
}
