//! Records for people.

use clap::Args;
use clap::builder::styling::{AnsiColor, Style};
use jiff::Timestamp;

use super::{Failure, Outcome, Output, Query, SourceArgs, failure, none};
use crate::cli::print;
use crate::cli::report::Color;
use crate::history::{self, Entry, Page, Record, Told};
use crate::sandbox::clean;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const WAITS: Style = AnsiColor::Yellow.on_default();
/// Bytes of a cell, and of a line.
const CELL: usize = 60;
const LINE: usize = 1024;

/// Show all of one record
///
///   trimtab history show 4711
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Show {
    /// The record's number
    number: u64,
    #[command(flatten)]
    source: SourceArgs,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Color,
}

impl Show {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        let source = self.source.open().await?;
        let record = source.get(self.number).await.map_err(failure)?;
        let record = record.ok_or_else(|| none(self.number))?;
        match self.output {
            Output::Json => print(&format!("{:#}\n", serde_json::to_value(&record)?))?,
            Output::Text => print(&whole(&record, self.color.is_on()))?,
        }
        Ok(Outcome::Fine)
    }
}

fn painted(text: &str, outcome: history::Outcome, color: bool) -> String {
    use history::Outcome::{
        BrokenOff, Failed, Healthy, Refused, RolledBack, Suspended, Unhealthy, Waiting,
    };
    let style = match outcome {
        Healthy => GOOD,
        Unhealthy | Refused | Failed => BAD,
        Waiting | Suspended | RolledBack | BrokenOff => WAITS,
        _ => return text.to_owned(),
    };
    match color {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    }
}

/// To the second, in UTC.
fn second(at: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    second.to_string()
}

/// One line a record, newest first.
pub(super) fn table(page: &Page, query: &Query, color: bool) -> String {
    if page.records.is_empty() {
        return "nothing of the kind is recorded\n".into();
    }
    const HEADINGS: [&str; 8] = [
        "NUMBER", "TIME", "KIT", "REVISION", "AUTHOR", "OUTCOME", "CAUSE", "WHAT",
    ];
    let cells = |record: &Record| {
        let entry = &record.entry;
        let revision = entry.revision.as_ref();
        let author = entry.operator.as_ref().or(revision.map(|it| &it.author));
        let author = author.map_or_else(String::new, |it| {
            let name = it.to_string();
            name.split(" <").next().unwrap_or_default().to_owned()
        });
        [
            record.sequence.to_string(),
            second(entry.at),
            kit(entry),
            revision
                .map_or("-", |it| it.id.get(..7).unwrap_or(&it.id))
                .to_owned(),
            author,
            entry.outcome.to_string(),
            entry.cause.to_string(),
            what(entry),
        ]
        .map(|cell| clean(&cell, CELL))
    };
    let rows: Vec<_> = page.records.iter().map(cells).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default().max(HEADINGS[column].len())
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |cells: &[String], outcome: Option<history::Outcome>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                let padded = format!("{cell:width$}");
                match outcome.filter(|_| HEADINGS[column] == "OUTCOME") {
                    Some(outcome) => painted(&padded, outcome, color),
                    None => padded,
                }
            });
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(&HEADINGS.map(str::to_owned), None);
    for (row, record) in rows.iter().zip(&page.records) {
        text.push_str(&line(row, Some(record.entry.outcome)));
    }
    if let Some(next) = page.next.filter(|_| query.limit != 0) {
        text.push_str(&format!("there are more: --before {next}\n"));
    }
    text
}

fn kit(entry: &Entry) -> String {
    match (&entry.kit, entry.repository.as_str()) {
        (Some(kit), _) => kit.clone(),
        (None, "") => "-".into(),
        (None, repository) => format!("Repository {repository}"),
    }
}

/// An operator's reason, else what came of it, else what the commit says.
fn what(entry: &Entry) -> String {
    let subject = entry.revision.as_ref().map(|it| &it.subject);
    let said = match (&entry.reason, entry.message.as_str()) {
        (Some(reason), _) => Some(reason.to_string()),
        (None, "") => None,
        (None, message) => Some(message.to_owned()),
    };
    said.or_else(|| subject.map(Told::to_string))
        .unwrap_or_default()
}

/// All of a record, a line for each thing.
fn whole(record: &Record, color: bool) -> String {
    let entry = &record.entry;
    let mut lines = vec![format!(
        "{}  {}  {}",
        record.sequence,
        painted(&entry.outcome.to_string(), entry.outcome, color),
        clean(&entry.message, LINE)
    )];
    let mut say = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<12} {}", clean(&value, LINE)));
        }
    };
    let or_none = |it: &Option<String>| it.clone().unwrap_or_default();
    let told = |it: Option<&Told>| it.map(Told::to_string).unwrap_or_default();
    say("time", entry.at.to_string());
    say("kit", kit(entry));
    if !entry.namespace.is_empty() {
        say(
            "of",
            format!("Repository {}/{}", entry.namespace, entry.repository),
        );
    }
    say("cause", entry.cause.to_string());
    say("operator", told(entry.operator.as_ref()));
    say("reason", told(entry.reason.as_ref()));
    if let Some(revision) = &entry.revision {
        say("revision", revision.id.clone());
        say("subject", told(Some(&revision.subject)));
        say("author", told(Some(&revision.author)));
        say("committer", told(revision.committer.as_ref()));
        say(
            "committed",
            revision
                .committed_at
                .map(|it| it.to_string())
                .unwrap_or_default(),
        );
        say("signature", told(revision.signature.as_ref()));
    }
    say("instead of", or_none(&entry.instead_of));
    for plugin in &entry.plugins {
        say("rule", format!("{} {}", plugin.path, plugin.digest));
    }
    for values in &entry.values {
        say("values", format!("{} {}", values.name, values.digest));
    }
    say("inputs", or_none(&entry.inputs));
    say("rendered", or_none(&entry.digest));
    for finding in &entry.findings.list {
        let place = finding.origin.as_ref().or(finding.object.as_ref());
        let place = place.map(|it| format!("{it}: ")).unwrap_or_default();
        say(
            "finding",
            format!(
                "{place}{}: {} [{}]",
                finding.severity, finding.message, finding.rule
            ),
        );
    }
    plan(entry, &mut say);
    for health in &entry.health {
        say(
            "health",
            format!("{} is {}: {}", health.object, health.health, health.message),
        );
    }
    let took = &entry.durations;
    for (what, took) in [
        ("evaluated in", took.evaluated_ms),
        ("applied in", took.applied_ms),
        ("healthy in", took.healthy_ms),
    ] {
        say(what, took.map(|it| format!("{it} ms")).unwrap_or_default());
    }
    say("hash", record.hash.to_string());
    lines.join("\n") + "\n"
}

fn plan(entry: &Entry, say: &mut impl FnMut(&str, String)) {
    let plan = &entry.plan;
    for object in &plan.created {
        say("created", object.clone());
    }
    for change in &plan.changed {
        let by = change
            .by
            .as_ref()
            .map(|by| format!(" (changed by {by} before)"));
        let fields = change.fields.join(", ");
        say(
            "changed",
            format!("{} {fields}{}", change.object, by.unwrap_or_default()),
        );
    }
    for object in &plan.deleted {
        say("deleted", object.clone());
    }
    let omitted = &plan.omitted;
    for (name, count) in [
        ("created", omitted.created),
        ("changed", omitted.changed),
        ("deleted", omitted.deleted),
    ] {
        if count > 0 {
            say(name, format!("and {count} more"));
        }
    }
    if plan.left > 0 {
        say("left", format!("{} as they were", plan.left));
    }
}
