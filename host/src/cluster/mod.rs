//! The cluster: connect, discover, watch, apply, write status and events.
//! The only room that names kube's client. Carries plans out and makes no choice of its own.

mod admission;
mod apply;
mod autoscalers;
mod awaited;
mod connect;
mod credentials;
mod dry_run;
mod endpoints;
mod error;
mod events;
mod health_rules;
mod inventory;
mod kinds;
mod lease;
mod listed;
mod managed_fields;
mod names;
mod noted;
mod objects;
mod pods;
mod proxied;
mod prune;
mod reclaim;
mod reports;
mod resources;
mod secrets;
mod seen;
mod turns;
mod values;
mod writing;

pub use apply::{Applied, Progress};
pub use connect::{Cluster, ConnectOptions};
pub use dry_run::{DryRun, NoDryRun};
pub use endpoints::Endpoint;
pub use error::ClusterError;
pub use events::Note;
pub use inventory::{Touched, Watched};
pub use kinds::Unserved;
pub use lease::{Candidate, LeaseLost};
pub use proxied::{HOST_HEADER, Proxied};
pub use prune::Pruned;
pub use resources::{KitChange, RepositoryChange};
pub use secrets::StoredEntry;
pub use turns::Turns;
