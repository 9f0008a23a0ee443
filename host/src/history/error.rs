//! Why the record cannot be kept or read.

use thiserror::Error;

/// `at` is the database as it may be shown: without a password.
#[derive(Debug, Error)]
pub enum HistoryError {
    #[error(
        "{url} names no database for the history; write sqlite:/path/to/history.db or postgres://user@host/database"
    )]
    Url { url: String },
    #[error("the history at {at} cannot be opened: {reason}; {hint}")]
    Open {
        at: String,
        hint: &'static str,
        reason: Cause,
    },
    #[error(
        "the history at {at} does not answer as it should: {reason}; check that the database runs, and that its disk has room"
    )]
    Away { at: String, reason: Cause },
    #[error(
        "the history at {at} was written by a newer Trimtab (version {found} of its tables; this one knows {known}); use that one"
    )]
    Newer { at: String, found: i64, known: i64 },
    #[error(
        "record {sequence} of the history at {at} cannot be read: {reason}; `trimtab history --verify` tells what is left of the chain"
    )]
    Damaged {
        at: String,
        sequence: u64,
        reason: String,
    },
    #[error("{0}")]
    Asked(String),
    #[error("{path}: {reason}")]
    File {
        path: String,
        reason: std::io::Error,
    },
    #[error("line {line} of the export: {reason}")]
    Export { line: usize, reason: String },
    #[error("the key {path} cannot be used: {reason}")]
    Key { path: String, reason: String },
}

/// What the database or the system said. It is no `sqlx::Error`, so that no other room need know it.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Cause(pub(super) String);

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        // The driver's words for the usual cases hide what the database said behind a preamble.
        Self(match error {
            sqlx::Error::Database(told) => told.message().to_owned(),
            sqlx::Error::Io(told) => told.to_string(),
            other => other.to_string(),
        })
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
