//! Signatures of commits and tags: which bytes are signed, by which key, and whether that holds.
//! Pure: bytes, keys and times in, a verdict out. Knows no Git store, no policy and no clock.
//! The only room that names the crates of SSH's and OpenPGP's formats.

mod keys;
mod openpgp;
mod signed;
mod ssh;
mod state;

pub use keys::{KeyFault, Keys, Signer};
pub use signed::{CommitBytes, OBJECT_LIMIT, SIGNATURE_LIMIT, Signed, TagBytes};
pub use state::{SignatureState, one_line};

/// When a signature counts: the key must have been valid when the commit says it was made, and be
/// valid now. Git looks at the first alone; but that time is the committer's to choose, and the
/// holder of an expired key would choose an early one.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Seconds since the epoch, of the committer's or the tagger's clock.
    pub made: i64,
    /// Seconds since the epoch, of the host's clock.
    pub now: i64,
}

#[cfg(test)]
#[path = "oracle_tests.rs"]
mod oracle_tests;
