//! The record: what was done to which kit, from which commit, by whom, and what came of it. Appended
//! only, hash-chained, in SQLite or PostgreSQL; the only room that names sqlx. It never decides what
//! is done, and no value of a Secret is in it: only names, pointers and masked findings.

mod append;
mod audit;
mod bounds;
mod chain;
mod continuity;
mod database;
mod entry;
mod erasure;
mod error;
mod export;
mod outline;
mod query;
mod read;
mod retention;
mod schema;
mod signing;
mod spool;
mod statement;
mod verification;
mod window;
mod writer;

#[cfg(test)]
mod tests;

pub use append::Anchor;
pub use chain::Hash;
pub use database::{Store, sqlite_url};
pub use entry::{
    Cause, Durations, Entry, HealthNote, LeftOut, LetGo, Outcome, PluginUse, RevisionNote, Told,
    ValuesNote,
};
pub use erasure::Erasure;
pub use error::HistoryError;
pub use export::{Line, OpenedText, verify_lines};
pub use outline::{Change, FindingNote, FindingsNote, Omitted, PlanNote};
pub use query::{Healthy, KitOf, Page, Query, Record};
pub use retention::Retained;
pub use signing::{Envelope, Signature, SigningKey, VerifyingKey};
pub use statement::{PAYLOAD_TYPE, STATEMENT_TYPE, statement};
pub use verification::{Fault, Lost, Report};
pub use writer::{Writer, WriterOptions};
