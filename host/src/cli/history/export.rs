//! `trimtab history export` and `trimtab history key`.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Failure, Outcome, SourceArgs, Which, failure, own_key};
use crate::cli::print;
use crate::history::{Line, PAYLOAD_TYPE, SigningKey, statement};

const PAGE: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One record a line, from which the chain can be verified: `trimtab history --verify --file`
    JsonLines,
    /// One signed in-toto statement a line, for each revision of a kit and what came of it
    InToto,
}

/// Print the record for an auditor, who needs neither the cluster nor the database
///
///   trimtab history export > history.jsonl
///   trimtab history export --format in-toto --since 2026-01-01 > statements.jsonl
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Export {
    #[command(flatten)]
    which: Which,
    #[arg(long, value_enum, default_value = "json-lines")]
    format: Format,
    /// Leave out names of people and what they wrote; the chain verifies all the same
    #[arg(long)]
    without_names: bool,
    /// A private Ed25519 key in PEM to sign statements with; else this machine's own
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
}

/// Print the public key that belongs to the key of signed statements
///
/// The key is made if this machine has none yet.
///
///   trimtab history key > trimtab.pub
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Key {
    /// A private Ed25519 key in PEM; else this machine's own
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

fn signing_key(path: Option<PathBuf>) -> Result<SigningKey, Failure> {
    let key = match path {
        Some(path) => SigningKey::read(&path),
        None => SigningKey::read_or_make(&own_key()),
    };
    key.map_err(|error| Failure::Usage(error.into()))
}

impl Key {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        print(&signing_key(self.key)?.verifying_key().pem())?;
        Ok(Outcome::Fine)
    }
}

impl Export {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        let mut written = match self.format {
            Format::JsonLines => Written::Lines {
                names: !self.without_names,
            },
            Format::InToto => Written::Statements {
                key: signing_key(self.key)?,
                told: HashSet::new(),
            },
        };
        let source = self.source.open().await?;
        let query = self.which.query();
        let mut after = 0;
        loop {
            let lines = source.lines(&query, after, PAGE).await.map_err(failure)?;
            let count = lines.len();
            after = lines.last().and_then(Line::sequence).unwrap_or(after);
            let mut text = String::new();
            for line in lines {
                if let Some(line) = written.line(line)? {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
            print(&text)?;
            if count < PAGE as usize {
                return Ok(Outcome::Fine);
            }
        }
    }
}

/// How a line is written.
enum Written {
    Lines {
        names: bool,
    },
    Statements {
        key: SigningKey,
        /// Kits, revisions and outcomes: drift and restarts say the same again.
        told: HashSet<String>,
    },
}

impl Written {
    fn line(&mut self, mut line: Line) -> serde_json::Result<Option<String>> {
        match self {
            Self::Lines { names } => {
                if !*names {
                    line.texts.clear();
                }
                serde_json::to_string(&line).map(Some)
            }
            Self::Statements { key, told } => {
                let Some(statement) = statement(&line) else {
                    return Ok(None);
                };
                let outcome = &statement["predicate"]["trimtab_outcome"]["outcome"];
                let made_of = &statement["predicate"]["buildDefinition"];
                if !told.insert(format!("{} {made_of} {outcome}", statement["subject"])) {
                    return Ok(None);
                }
                let payload = serde_json::to_vec(&statement)?;
                serde_json::to_string(&key.sign(PAYLOAD_TYPE, &payload)).map(Some)
            }
        }
    }
}
