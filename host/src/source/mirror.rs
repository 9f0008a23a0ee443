//! A bare mirror of one remote.

use std::path::Path;

use super::{Commit, RemoteError, RemoteSpec, Revision, Snapshot, SourceError, Worker};

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    _private: (),
}

impl Mirror {
    /// Opens the mirror in `folder`, or makes it. A folder that a killed process left half made,
    /// or that is damaged, is made anew.
    pub fn open(_folder: &Path, _worker: Worker) -> Result<Self, RemoteError> {
        todo!()
    }

    /// Asks the remote for its refs and fetches only if the followed one is not at `known`.
    pub fn poll(
        &self,
        _remote: &RemoteSpec,
        _known: Option<&Revision>,
    ) -> Result<Poll, RemoteError> {
        todo!()
    }

    /// The files of a commit that the mirror has.
    pub fn snapshot(&self, _revision: &Revision) -> Result<Snapshot, SourceError> {
        todo!()
    }
}
