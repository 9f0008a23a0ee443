//! `trimtab check`.

use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::local::{Local, LocalArgs};
use super::{Failure, Outcome, counted, junit, report, sarif};
use crate::manifest::{Finding, Severity};

/// Check a working directory by its own rules
///
/// It needs neither a cluster nor a commit. Finds the kits, reads them as kubectl would, runs their
/// transformers and validators and the Repository's guardrails, and says what is wrong and where.
///
///   trimtab check
///   trimtab check kits/acme/shop
///   trimtab check --base origin/main
///   trimtab check --output sarif > findings.sarif
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Check {
    #[command(flatten)]
    local: LocalArgs,
    /// Tell only of kits that changed since this revision and HEAD parted, and of what others have
    /// by it; change validators compare with it
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
    #[arg(long, value_enum, default_value = "auto")]
    color: report::Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// SARIF 2.1.0, for code hosts
    Sarif,
    /// JUnit's XML, for CI: a suite a kit, a case a finding
    Junit,
}

impl Check {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let local = self.local.evaluate(self.base.as_deref())?;
        let findings = findings(&local);
        let told = local.told();
        let kits: Vec<&str> = told.iter().map(|(it, _)| it.kit.path.as_str()).collect();
        let looked_at = match &local.base {
            Some(_) => local.changed(),
            None => kits.len(),
        };
        let count = |severity| {
            findings
                .iter()
                .filter(|(_, finding)| finding.severity == severity)
                .count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let text = match self.output {
            Format::Sarif => format!("{:#}\n", sarif::report(&findings)),
            Format::Junit => {
                let suites = junit::suites(kits.iter().copied(), &findings);
                junit::report("trimtab check", &suites)
            }
            Format::Json => {
                let told: Vec<_> = findings
                    .iter()
                    .map(|(kit, finding)| {
                        let mut value = json!(finding);
                        value["kit"] = json!(kit);
                        value
                    })
                    .collect();
                let mut summary = json!({"kits": looked_at, "errors": errors, "warnings": warnings});
                if let Some(base) = &local.base {
                    summary["base"] = json!(base.name);
                }
                format!("{:#}\n", json!({"findings": told, "summary": summary}))
            }
            Format::Text => {
                let printer = report::Printer::new(&local.root, self.color);
                let mut text = String::new();
                for (_, finding) in &findings {
                    text.push_str(&format!("{}\n\n", printer.finding(finding)));
                }
                if local.repository.is_none() {
                    text.push_str("note: there is no trimtab.yaml or repository.yaml: grants and guardrails are not known\n");
                }
                let milliseconds = began.elapsed().as_millis();
                let which = match &local.base {
                    Some(base) => format!("changed since {}", base.name),
                    None => "checked".to_owned(),
                };
                text.push_str(&format!(
                    "{} {which}: {}, {} ({milliseconds} ms)\n",
                    counted(looked_at, "kit"),
                    counted(errors, "error"),
                    counted(warnings, "warning"),
                ));
                text
            }
        };
        super::print(&text)?;
        Ok(if errors > 0 {
            Outcome::Findings
        } else {
            Outcome::Fine
        })
    }
}

/// Findings with the kit that each is about; the repository's own have none.
fn findings(local: &Local) -> Vec<(Option<String>, Finding)> {
    let own = local
        .spec_findings
        .iter()
        .chain(&local.evaluation.findings)
        .map(|finding| (None, finding.clone()));
    let kits = local.told().into_iter().flat_map(|(verdict, told)| {
        let kit = verdict.kit.path.to_string();
        told.into_iter()
            .map(move |it| (Some(kit.clone()), it.clone()))
    });
    own.chain(kits).collect()
}
