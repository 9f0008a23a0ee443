//! `trimtab history --verify`.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Outcome, Output, SourceArgs, failure};
use crate::cli::{counted, print};
use crate::history::{Anchor, Envelope, Report, VerifyingKey, verify_lines};

/// Bytes of a signed statement.
const LINE: u64 = 1 << 20;

#[derive(Args)]
pub(super) struct VerifyArgs {
    /// Read the whole record, and tell whether it is what was recorded
    #[arg(long)]
    verify: bool,
    /// An export, for --verify; no database is needed
    #[arg(long, value_name = "FILE", requires = "verify")]
    file: Option<PathBuf>,
    /// A public key in PEM: the file has statements that it must have signed
    #[arg(long, value_name = "FILE", requires = "file")]
    key: Option<PathBuf>,
    /// The export was filtered: records may be missing
    #[arg(long, requires = "file")]
    filtered: bool,
    /// A record that must be there, NUMBER:HASH; may be given several times
    #[arg(long, value_name = "ANCHOR", requires = "verify", value_parser = anchor)]
    anchor: Vec<Anchor>,
}

fn anchor(text: &str) -> Result<Anchor, String> {
    let parts = text.split_once(':').and_then(|(sequence, hash)| {
        Some(Anchor {
            sequence: sequence.parse().ok()?,
            hash: hash.parse().ok()?,
        })
    });
    parts.ok_or_else(|| "an anchor is a record's number, `:`, and its hash of 64 digits".into())
}

impl VerifyArgs {
    pub(super) fn is_asked(&self) -> bool {
        self.verify
    }

    pub(super) async fn run(
        &self,
        source: &SourceArgs,
        output: Output,
    ) -> Result<Outcome, Failure> {
        if let (Some(file), Some(key)) = (&self.file, &self.key) {
            return statements(file, key, output);
        }
        let report = match &self.file {
            Some(path) => verify_lines(BufReader::new(open(path)?), &self.anchor)
                .map_err(|error| failure(error.into()))?,
            None => source
                .open()
                .await?
                .verify(&self.anchor)
                .await
                .map_err(failure)?,
        };
        let whole = report.is_whole() && (self.filtered || report.gaps == 0);
        let whole = whole && report.lost.is_empty();
        match output {
            Output::Json => print(&format!("{:#}\n", serde_json::to_value(&report)?))?,
            Output::Text => print(&text(&report, self.filtered))?,
        }
        Ok(if whole {
            Outcome::Fine
        } else {
            Outcome::Findings
        })
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()));
    file.map_err(Failure::Usage)
}

fn text(report: &Report, filtered: bool) -> String {
    let mut text = String::new();
    if let Some(fault) = &report.fault {
        text.push_str(&format!("not as it was recorded: {fault}\n"));
    }
    for lost in &report.lost {
        let (by, sequence, hash) = (lost.sequence, lost.anchor.sequence, lost.anchor.hash);
        text.push_str(&format!(
            "lost: record {by} says that the record before it, which had got to {sequence}:{hash}, is not continued\n"
        ));
    }
    if report.gaps > 0 && !filtered {
        text.push_str(&format!(
            "{} of records are not in the export; if it was filtered, say --filtered\n",
            counted(report.gaps as usize, "stretch").replace("stretchs", "stretches")
        ));
    }
    let records = counted(report.records as usize, "record");
    text.push_str(&format!("{records} verified"));
    if let (Some(first), Some(last)) = (report.first, report.last) {
        text.push_str(&format!(", {first} to {}", last.sequence));
    }
    text.push_str(&format!(
        "; {} as they were written, {} erased{}\n",
        counted(report.texts as usize, "text"),
        report.erased,
        erasures(report)
    ));
    if report.anchors + report.too_old > 0 {
        let anchors = counted(report.anchors as usize, "anchor");
        text.push_str(&format!("{anchors} found in the chain"));
        if report.too_old > 0 {
            text.push_str(&format!(", {} of before it begins", report.too_old));
        }
        text.push('\n');
    }
    if let Some(last) = report.last.filter(|_| report.is_whole()) {
        text.push_str(&format!(
            "anchor for the next time: {}:{}\n",
            last.sequence, last.hash
        ));
    }
    text
}

/// Where texts were erased, and what says so.
fn erasures(report: &Report) -> String {
    if report.erased_in.is_empty() {
        return String::new();
    }
    let numbers = |all: &[u64]| {
        let all: Vec<String> = all.iter().map(u64::to_string).collect();
        let word = if all.len() == 1 { "record" } else { "records" };
        format!("{word} {}", all.join(", "))
    };
    let (has, says) = (numbers(&report.erased_in), numbers(&report.erased_by));
    format!(" (first of {has}; as told by {says})")
}

/// Statements, each in an envelope on a line of its own.
fn statements(path: &Path, key: &Path, output: Output) -> Result<Outcome, Failure> {
    let key = VerifyingKey::read(key).map_err(|error| Failure::Usage(error.into()))?;
    let mut file = BufReader::new(open(path)?);
    let (mut signed, mut faults, mut line) = (0_usize, Vec::new(), Vec::new());
    for number in 1.. {
        line.clear();
        if std::io::Read::take(&mut file, LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let envelope: Envelope = serde_json::from_slice(&line).map_err(|error| {
            Failure::Usage(anyhow!(
                "{}:{number}: this is no signed statement: {error}",
                path.display()
            ))
        })?;
        let opened = key.opened(&envelope);
        let statement = opened.and_then(|it| serde_json::from_slice::<Value>(&it).ok());
        match statement.filter(|it| it["_type"] == crate::history::STATEMENT_TYPE) {
            Some(_) => signed += 1,
            None => faults.push(number),
        }
    }
    let fine = faults.is_empty();
    match output {
        Output::Json => print(&format!(
            "{:#}\n",
            json!({"key": key.id(), "signed": signed, "faultyLines": faults})
        ))?,
        Output::Text => {
            let faults = faults.iter().map(|line| {
                format!(
                    "{}:{line}: this was not signed by the key, or was changed since\n",
                    path.display()
                )
            });
            print(&faults.collect::<String>())?;
            print(&format!(
                "{} signed by {}\n",
                counted(signed, "statement"),
                key.id()
            ))?;
        }
    }
    Ok(if fine {
        Outcome::Fine
    } else {
        Outcome::Findings
    })
}
