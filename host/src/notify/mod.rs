//! Who is told what became of a revision: the Git host, by a commit status, and webhooks.
//! Messages are made by pure functions; an outbox for each target sends them, and tries again.
//! Knows neither the cluster nor why something happened: news come in, receipts go out.

mod address;
mod answer;
mod commit_status;
mod generic;
mod message;
mod news;
mod outbox;
mod outgoing;
mod queue;
mod slack;
mod states;
mod teams;
mod text;

pub use commit_status::{CommitState, State};
pub use message::About;
pub use news::{News, commit_page};
pub use outbox::{Outbox, Pace, Receipt, Report, Secrets};
pub use states::Delivered;
