//! When: polling, evaluation of revisions, kits side by side, retries, pre-emption.
//! Ties the rooms together and decides nothing that they decide.
//! A newer revision of a kit is taken up at once; nothing waits for a time-out of the old one.

mod credentials;
mod host;
mod kit;
mod polling;
mod repository;
mod revision;
mod settling;
mod status;

pub use host::{HostError, Options, Settled, run};
