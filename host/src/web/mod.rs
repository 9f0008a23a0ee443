//! What a person's command line asks the host: a socket on the host itself, and HTTPS that only the
//! API server's proxy is meant to reach. Bounds who asks, how much and for how long; answers read,
//! and never change anything. What the answers are is said by whoever implements [`Answers`].

mod announcement;
mod ask;
mod body;
mod client;
mod key;
mod open;
mod service;
mod socket;

pub use ask::{Answers, Ask, Refusal};
pub use client::{AskError, Client};
pub use open::{Https, Options, Place, Web, WebError};

/// Of the Service and its EndpointSlice, as `trimtab install` prints them.
pub const SERVICE: &str = "trimtab";
/// Of the Service.
pub const PORT: u16 = 443;
/// Of the Secret with the key.
pub const SECRET: &str = "trimtab-api";
/// What RBAC calls the Service behind the API server's proxy: the name as the URL has it.
pub const PROXIED: &str = "https:trimtab:443";
