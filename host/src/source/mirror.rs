//! A bare mirror of one remote.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;
use serde::{Deserialize, Serialize};

use super::exchange::{Request, describe};
use super::fold::{fold, remove_unfinished, sweep};
use super::remote::masked;
use super::{
    Commit, History, RemoteError, RemoteSpec, Revision, Snapshot, SourceError, Worker, worker,
};

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
        let storage = |reason: String| {
            let full = RemoteError::no_room("the mirror", folder, &reason);
            full.unwrap_or_else(|| RemoteError::Storage {
                url: folder.display().to_string(),
                reason,
            })
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
        stay_on_the_host(folder).map_err(|error| storage(error.message().to_owned()))?;
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
        let found = match worker::poll(&self.worker, request.clone()) {
            Err(RemoteError::Damaged { reason, .. }) => {
                tracing::warn!(mirror = %self.folder.display(), reason, "damaged; made anew");
                let storage = |reason: SourceError| RemoteError::Storage {
                    url: masked(&remote.url),
                    reason: reason.to_string(),
                };
                self.discard().map_err(storage)?;
                Self::open(&self.folder, self.worker.clone())?;
                worker::poll(&self.worker, request)?
            }
            Err(error) => {
                // A worker that was killed leaves what it had got. With every try there would be
                // more of it, until the disk is full.
                remove_unfinished(&self.folder.join("objects/pack"));
                return Err(error);
            }
            Ok(found) => found,
        };
        if matches!(found, Poll::Moved { .. })
            && let Err(error) = fold(&self.folder)
        {
            // Many packs are slow, no more.
            tracing::warn!(mirror = %self.folder.display(), error = error.message(), "packs cannot be folded");
        }
        Ok(found)
    }

    /// Removes the folder: what it lost is fetched anew by the mirror that is opened next.
    pub fn discard(&self) -> Result<(), SourceError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SourceError::Damaged {
                    what: self.folder.display().to_string(),
                    reason: error.to_string(),
                })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn store(&self) -> Result<Repository, git2::Error> {
        Repository::open_bare(&self.folder)
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
        Ok(Snapshot::new(store, root, Some(commit)))
    }

    /// The files of a commit, if the mirror in this folder has it.
    pub(super) fn look(folder: &Path, revision: &Revision) -> Option<Snapshot> {
        let store = Repository::open_bare(folder).ok()?;
        let root = {
            let oid = git2::Oid::from_str(revision.as_str()).ok()?;
            let commit = store.find_commit(oid).ok()?;
            // A mirror that lost it is fetched anew.
            commit.tree().ok()?.id()
        };
        Some(Snapshot::new(store, root, None))
    }

    /// The commit that a person names, by its id or the first seven digits or more.
    pub fn commit(&self, name: &str) -> Result<Commit, SourceError> {
        let missing = |reason: &str| SourceError::NoRevision {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let digits = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(7..=40).contains(&name.len()) || !digits {
            return Err(missing(
                "give a commit's id, or its first seven digits or more",
            ));
        }
        let store = Repository::open_bare(&self.folder).map_err(|error| SourceError::Damaged {
            what: self.folder.display().to_string(),
            reason: error.message().to_owned(),
        })?;
        match store.find_commit_by_prefix(name) {
            Ok(commit) => Ok(describe(&commit, None)),
            Err(error) if error.code() == git2::ErrorCode::Ambiguous => {
                Err(missing("several objects begin so; give more digits"))
            }
            Err(_) => Err(missing("no commit that was followed has this id")),
        }
    }

    /// Whether a commit is an ancestor of another one, or the same.
    pub fn leads_to(&self, earlier: &Revision, later: &Revision) -> Result<bool, SourceError> {
        let damaged = |error: git2::Error| SourceError::Damaged {
            what: self.folder.display().to_string(),
            reason: error.message().to_owned(),
        };
        let store = Repository::open_bare(&self.folder).map_err(damaged)?;
        let oid = |it: &Revision| git2::Oid::from_str(it.as_str()).map_err(damaged);
        let (earlier, later) = (oid(earlier)?, oid(later)?);
        Ok(earlier == later || store.graph_descendant_of(later, earlier).map_err(damaged)?)
    }

    /// Its commits, their signatures and what they change.
    pub fn history(&self) -> Result<History, SourceError> {
        History::open(&self.folder)
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

/// A redirect to another host would carry the credentials there. libgit2 reads this in the
/// mirror's own configuration; a redirect on the same host is followed all the same.
fn stay_on_the_host(folder: &Path) -> Result<(), git2::Error> {
    const SETTING: &str = "http.followRedirects";
    let mut config = Repository::open_bare(folder)?.config()?;
    if !matches!(config.get_bool(SETTING), Ok(false)) {
        config.set_bool(SETTING, false)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
