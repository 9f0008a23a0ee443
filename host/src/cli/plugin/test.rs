//! `trimtab plugin test`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::case::{Case, folders, name};
use super::expectation::{Compared, compare, reported};
use super::grouped;
use super::project::Project;
use crate::cli::paint;
use crate::cli::{Failure, Outcome, counted, junit, print, report, sandbox};
use crate::config;
use crate::sandbox::{Plugin, clean};

/// Run a plugin's cases in the sandbox that the host uses
///
/// A case is a folder in DIR/cases: input.yaml with objects, and expected.yaml with the findings
/// that the plugin reports on them, or output.yaml with the objects that a transformer makes of them.
///
///   trimtab plugin test
///   trimtab plugin test --update && git diff
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Test {
    #[command(flatten)]
    tried: TriedArgs,
    /// Write what came into the files of the cases; look at the changes before you commit them
    #[arg(long)]
    update: bool,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
    #[arg(long, value_enum, default_value = "auto")]
    color: report::Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// JUnit's XML, for CI
    Junit,
}

/// Which plugin, and which component.
#[derive(Args)]
pub(super) struct TriedArgs {
    /// The plugin's folder
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
    /// The component; by default the one that `trimtab plugin build` makes
    #[arg(long, value_name = "FILE")]
    pub component: Option<PathBuf>,
}

impl TriedArgs {
    /// The component's path and bytes.
    pub(super) fn component(&self) -> Result<(PathBuf, Vec<u8>), Failure> {
        if let Some(component) = &self.component {
            return Ok((component.clone(), super::read(component)?));
        }
        let project = Project::at(&self.folder)?;
        let component = project.component();
        if !component.is_file() {
            return Err(Failure::CannotTell(anyhow!(
                "{} is not there; make it: trimtab plugin build {}",
                component.display(),
                self.folder.display()
            )));
        }
        if let Some(source) = project.newer_source(&component) {
            eprintln!(
                "warning: {} is newer than the component; make it anew: trimtab plugin build {}",
                source.display(),
                self.folder.display()
            );
        }
        let bytes = super::read(&component)?;
        Ok((component, bytes))
    }
}

/// What became of a case.
struct Judged {
    name: String,
    folder: PathBuf,
    /// None if it could not be run.
    fuel: Option<u64>,
    /// What is wrong with its files.
    faults: Vec<String>,
    compared: Vec<Compared>,
    reported: BTreeSet<String>,
}

impl Judged {
    fn is_fine(&self) -> bool {
        self.faults.is_empty() && self.compared.iter().all(|it| it.difference.is_none())
    }
}

impl Test {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let (component, bytes) = self.tried.component()?;
        let folders = folders(&self.tried.folder)?;
        let plugin = match sandbox(&config::cache_folder())?.load(&bytes) {
            Ok(plugin) => plugin,
            Err(error) => {
                eprintln!("error: {} is refused: {error}", component.display());
                return Ok(Outcome::Findings);
            }
        };
        let judged: Vec<Judged> = folders.iter().map(|it| judge(it, &plugin)).collect();
        let mut updated = 0;
        if self.update {
            for (folder, judged) in folders.iter().zip(&judged) {
                updated += write(folder, judged)?;
            }
        }
        let failed = judged
            .iter()
            .filter(|it| !(it.is_fine() || self.update && it.faults.is_empty()))
            .count();
        print(&match self.output {
            Format::Json => format!("{:#}\n", self.machine(&plugin, &judged, failed)),
            Format::Junit => junit::report("trimtab plugin test", &[self.suite(&plugin, &judged)]),
            Format::Text => {
                let mut text = self.text(&plugin, &judged);
                let milliseconds = began.elapsed().as_millis();
                text.push_str(&format!(
                    "{}: {} ok, {failed} FAILED ({milliseconds} ms)\n",
                    counted(judged.len(), "case"),
                    judged.len() - failed
                ));
                if self.update {
                    text.push_str(&format!("{} written\n", counted(updated, "file")));
                }
                text
            }
        })?;
        Ok(if failed > 0 {
            Outcome::Findings
        } else {
            Outcome::Fine
        })
    }

    fn text(&self, plugin: &Plugin, judged: &[Judged]) -> String {
        let color = self.color.is_on();
        let width = judged.iter().map(|it| it.name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for it in judged {
            let (word, style) = match (it.is_fine(), self.update && it.faults.is_empty()) {
                (true, _) => ("ok     ", paint::GOOD),
                (false, true) => ("written", paint::GOOD),
                (false, false) => ("FAILED ", paint::BAD),
            };
            let fuel = match it.fuel {
                Some(fuel) if fuel > 0 => format!("{:>14} fuel", grouped(fuel)),
                _ => format!("{:>14}", "no answer"),
            };
            let word = paint::painted(word, style, color);
            text.push_str(&format!("{word}  {:<width$}{fuel}\n", it.name));
            for fault in &it.faults {
                text.push_str(&format!("  {}\n", clean(fault, LINE)));
            }
            let differences = it.compared.iter().filter_map(|it| it.difference.as_ref());
            for difference in differences.filter(|_| !self.update) {
                text.push_str(&paint::difference(difference, color));
            }
        }
        let rules = &plugin.description().rules;
        let silent = unreported(plugin, judged);
        if !rules.is_empty() {
            text.push_str(&format!(
                "coverage: {} of {} reported",
                rules.len() - silent.len(),
                counted(rules.len(), "rule"),
            ));
            if !silent.is_empty() {
                text.push_str(&format!("; no case reports {}", silent.join(", ")));
            }
            text.push('\n');
        }
        text
    }

    fn suite(&self, plugin: &Plugin, judged: &[Judged]) -> junit::Suite {
        let case = |it: &Judged| {
            let faults = it.faults.iter().map(|fault| clean(fault, LINE));
            let differences = it.compared.iter().filter_map(|it| it.difference.clone());
            let result = match (it.is_fine(), self.update && it.faults.is_empty()) {
                (false, false) => junit::Result::Failed {
                    kind: "case".into(),
                    message: match it.faults.first() {
                        Some(fault) => clean(fault, LINE),
                        None => "what came is not what is expected".into(),
                    },
                    detail: faults.chain(differences).collect::<Vec<_>>().join("\n"),
                },
                _ => junit::Result::Passed,
            };
            junit::Case {
                name: it.name.clone(),
                file: Some(it.folder.display().to_string()),
                line: None,
                result,
                output: String::new(),
            }
        };
        junit::Suite {
            name: plugin.description().name.clone(),
            cases: judged.iter().map(case).collect(),
        }
    }

    fn machine(&self, plugin: &Plugin, judged: &[Judged], failed: usize) -> Value {
        let cases: Vec<Value> = judged
            .iter()
            .map(|it| {
                let differences: Vec<Value> = it
                    .compared
                    .iter()
                    .filter_map(|it| {
                        let difference = it.difference.as_ref()?;
                        Some(json!({"file": it.file, "diff": difference}))
                    })
                    .collect();
                json!({
                    "name": it.name,
                    "ok": it.is_fine(),
                    "fuel": it.fuel,
                    "faults": it.faults,
                    "differences": differences,
                })
            })
            .collect();
        json!({
            "plugin": plugin.description().name,
            "digest": plugin.digest().as_str(),
            "cases": cases,
            "unreportedRules": unreported(plugin, judged),
            "summary": {"cases": judged.len(), "failed": failed},
        })
    }
}

/// Bytes of a line that is shown.
const LINE: usize = 4096;

fn judge(folder: &Path, plugin: &Arc<Plugin>) -> Judged {
    let mut judged = Judged {
        name: name(folder),
        folder: folder.to_owned(),
        fuel: None,
        faults: Vec::new(),
        compared: Vec::new(),
        reported: BTreeSet::new(),
    };
    match Case::read(folder, plugin) {
        Err(faults) => judged.faults = faults,
        Ok(case) => {
            let tried = case.trial.run(plugin);
            judged.fuel = Some(tried.fuel);
            judged.reported = reported(&tried, plugin)
                .iter()
                .map(|it| it.rule().to_owned())
                .collect();
            judged.compared = compare(&case, plugin, &tried);
        }
    }
    judged
}

/// Rules that the plugin declares and that no case reports.
fn unreported<'p>(plugin: &'p Plugin, judged: &[Judged]) -> Vec<&'p str> {
    let rules = plugin.description().rules.iter().map(|(id, _)| id.as_str());
    rules
        .filter(|id| !judged.iter().any(|it| it.reported.contains(*id)))
        .collect()
}

/// Writes what differs; files that say the same keep their comments.
fn write(folder: &Path, judged: &Judged) -> Result<usize, Failure> {
    let mut written = 0;
    for compared in judged.compared.iter().filter(|it| it.difference.is_some()) {
        let path = folder.join(compared.file);
        std::fs::write(&path, &compared.actual)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        written += 1;
    }
    Ok(written)
}
