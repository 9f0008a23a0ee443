//! The same rules at the API server's door: a validating webhook that judges direct changes to
//! objects in kits' namespaces by the guardrails of the newest revision that was evaluated.
//! Changes nothing but its own certificates and registration; never waits for a reconciliation.

mod certificates;
mod door;
mod law;
mod registration;
mod review;
mod server;
mod webhooks;

pub use door::{Door, DoorError, Options};
pub use law::RepositoryId;
pub use webhooks::Address;
