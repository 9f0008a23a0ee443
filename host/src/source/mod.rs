//! Git: a bare mirror of each repository, polled cheaply, and its files by tree and OID.
//! The only room that names git2. Gives snapshots; knows nothing of kits, YAML or clusters.
//! What kits have of other places is kept here as well, by content: files of commits, files, charts.
//! Files come from Git trees, never from a checkout.

mod backoff;
mod blame;
mod changes;
mod commit;
mod directories;
mod directory;
mod exchange;
mod fetched;
mod fold;
mod history;
mod known_hosts;
mod mirror;
mod named;
mod project;
mod remote;
mod snapshot;
mod store;
mod trust;
mod wanted;
mod worker;

pub use backoff::Backoff;
pub use blame::Blamed;
pub use history::{ChangeFault, History, SignedCommit, TooMany};
pub use mirror::{Mirror, Poll};
pub use project::{Project, project_of};
pub use remote::{Auth, FETCH_LIMIT, Follow, RemoteError, RemoteSpec, Worker, masked};
pub use snapshot::{Commit, Entry, EntryKind, ObjectId, Revision, Snapshot, SourceError};
pub use store::{Store, Wanting, sha256};
pub use wanted::{Pinned, Reference, is_commit, is_sha256};
pub use worker::{WORKER_VERB, worker_main};
