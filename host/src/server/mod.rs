//! HTTP/1 for the few clients that a host has, over TLS or a socket of this machine: bounded in
//! connections, of all and of one address, and in how long anybody may be silent.
//! Knows nothing of what is asked.

mod certificate;
mod connections;
mod guests;
mod stalled;

pub use certificate::Shown;
pub use connections::{Bounds, Listener, serve};
