//! `trimtab history`.

mod erase;
mod expire;
mod export;
mod show;
mod source;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::{SpanRelativeTo, Timestamp, Zoned};

use super::report::Color;
use super::{Failure, Outcome, Output};
use crate::history::{self, Query};
use source::SourceArgs;

/// Show what was done, by whom, from which commit, and what came of it
///
/// Newest first. With --verify the whole record is read, and whatever was changed, taken out or put
/// in is told; with --file that needs the export alone. Exits with 1 if it is not whole.
///
///   trimtab history
///   trimtab history kits/acme/shop --since 30d --outcome healthy
///   trimtab history show 4711
///   trimtab history --verify
///   trimtab history export > history.jsonl
///   trimtab history --verify --file history.jsonl
#[derive(Args)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true)]
pub struct History {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Verb {
    Show(show::Show),
    Export(export::Export),
    Erase(erase::Erase),
    Expire(expire::Expire),
    Key(export::Key),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    which: Which,
    /// How many; at most 1,000
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
    /// Only what was before this record
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    #[command(flatten)]
    verify: verify::VerifyArgs,
    #[command(flatten)]
    source: SourceArgs,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Color,
}

/// Which records.
#[derive(Args, Clone)]
struct Which {
    /// A kit's path; all if nothing is said
    kit: Option<String>,
    /// The namespace of the Repository
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// The Repository
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// A commit's id, or its first four digits or more
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// What came of it: applied, healthy, unhealthy, refused, failed, rolledBack …
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    outcome: Option<history::Outcome>,
    /// A time or a date, or how long ago: 2026-11-01, 12h, 30d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
}

impl Which {
    fn query(self) -> Query {
        Query {
            namespace: self.namespace,
            repository: self.repository,
            kit: self.kit.map(|kit| kit.trim_end_matches('/').to_owned()),
            revision: self.revision,
            outcome: self.outcome,
            since: self.since,
            until: self.until,
            ..Query::default()
        }
    }
}

impl History {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        super::block_on(async {
            match self.verb {
                Some(Verb::Show(verb)) => verb.run().await,
                Some(Verb::Export(verb)) => verb.run().await,
                Some(Verb::Erase(verb)) => verb.run().await,
                Some(Verb::Expire(verb)) => verb.run().await,
                Some(Verb::Key(verb)) => verb.run(),
                None if self.list.verify.is_asked() => self.list.verify().await,
                None => self.list.list().await,
            }
        })
    }
}

impl List {
    async fn list(self) -> Result<Outcome, Failure> {
        let source = self.source.open().await?;
        let query = Query {
            before: self.before,
            limit: self.limit,
            ..self.which.query()
        };
        let page = source.page(&query).await.map_err(failure)?;
        match self.output {
            Output::Json => super::print(&format!("{:#}\n", serde_json::to_value(&page)?))?,
            Output::Text => super::print(&show::table(&page, &query, self.color.is_on()))?,
        }
        Ok(Outcome::Fine)
    }

    async fn verify(self) -> Result<Outcome, Failure> {
        self.verify.run(&self.source, self.output).await
    }
}

/// What was asked makes no sense, or it could not be answered.
fn failure(error: anyhow::Error) -> Failure {
    match error.downcast_ref() {
        Some(history::HistoryError::Asked(_) | history::HistoryError::Url { .. }) => {
            Failure::Usage(error)
        }
        _ => Failure::CannotTell(error),
    }
}

fn outcome(text: &str) -> Result<history::Outcome, String> {
    text.parse()
        .map_err(|error: serde::de::value::Error| error.to_string())
}

/// `2026-11-01T12:00:00Z`, `2026-11-01`, or how long ago: `30d`, `1h30m`.
fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let now = Zoned::now();
    let then = match text.parse::<jiff::civil::Date>() {
        Ok(date) => date.to_zoned(now.time_zone().clone()),
        Err(_) => text
            .parse::<jiff::Span>()
            .and_then(|span| now.checked_sub(span)),
    };
    let then = then.map_err(|_| {
        format!("{text:?} is no time; write 2026-11-01, 2026-11-01T12:00:00Z, 12h or 30d")
    })?;
    Ok(then.timestamp())
}

/// `400d`, `90m`: how long something is kept. A day has 24 hours.
pub(super) fn kept_for(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time; write 400d, or 12h");
    let span = text.parse::<jiff::Span>().map_err(|_| wrong())?;
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(length)
        .ok()
        .filter(|length| !length.is_zero())
        .ok_or_else(wrong)
}

/// The private key that statements are signed with, where none is named.
fn own_key() -> PathBuf {
    crate::config::state_folder().join("history-key.pem")
}

fn none(sequence: u64) -> Failure {
    Failure::Usage(anyhow!(
        "there is no record {sequence}; `trimtab history` lists those that are kept"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lengths_are_read_as_people_write_them() {
        let day = kept_for("1d").unwrap();
        assert_eq!(day, Duration::from_secs(86_400));
        assert_eq!(kept_for("400d").unwrap(), day * 400);
        for wrong in ["", "0s", "-1d", "soon", "1"] {
            assert!(kept_for(wrong).is_err(), "{wrong}");
        }
        let then = time("2h").unwrap();
        let ago = Timestamp::now().duration_since(then);
        assert_eq!(ago.as_hours(), 2);
        assert_eq!(
            time("2026-11-01T12:00:00Z").unwrap().to_string(),
            "2026-11-01T12:00:00Z"
        );
        assert!(time("2026-11-01").is_ok() && time("yesterday").is_err());
    }
}
