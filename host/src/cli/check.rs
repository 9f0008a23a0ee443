//! `trimtab check`.

use std::io::IsTerminal as _;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::fix::Fixes;
use super::local::{Local, LocalArgs};
use super::{Failure, Outcome, counted, fix, junit, report, sarif};
use crate::manifest::{Finding, Severity};
use crate::sandbox::clean;

/// Bytes of a line that is shown on a terminal.
const LINE: usize = 4096;

/// Check a working directory by its own rules
///
/// It needs neither a cluster nor a commit. Finds the kits, reads them as kubectl would, runs their
/// transformers and validators and the Repository's guardrails, and says what is wrong and where.
///
///   trimtab check
///   trimtab check kits/acme/shop
///   trimtab check --base origin/main
///   trimtab check --output sarif > findings.sarif
///   trimtab check --fix --dry-run
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
    /// Write what errors and warnings propose into the files, and check again; nothing but the
    /// values changes
    #[arg(long)]
    fix: bool,
    /// Print what --fix would change, as a patch, and write nothing
    #[arg(long, requires = "fix", conflicts_with = "output")]
    dry_run: bool,
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
    fn evaluate(&self) -> Result<Local, Failure> {
        self.local.evaluate(self.base.as_deref())
    }

    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let mut local = self.evaluate()?;
        let mut found = findings(&local);
        let mut fixes = Fixes::default();
        if self.fix {
            fixes = Fixes::of(&local, &found);
            if self.dry_run {
                return self.show(&fixes, &found);
            }
            fixes.write(&local);
            if !fixes.fixed.is_empty() {
                local = self.evaluate()?;
                found = findings(&local);
            }
        }
        let findings = found;
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
        if !matches!(self.output, Format::Text | Format::Json) {
            eprint!("{}", fixes.told());
        }
        let text = match self.output {
            Format::Sarif => {
                let in_place = fix::in_place(&local, &findings);
                format!("{:#}\n", sarif::report(&findings, &in_place))
            }
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
                let mut summary =
                    json!({"kits": looked_at, "errors": errors, "warnings": warnings});
                if let Some(base) = &local.base {
                    summary["base"] = json!(base.name);
                }
                let mut told = json!({"findings": told, "summary": summary});
                if self.fix {
                    let left = fixes.left.iter();
                    let left = left.map(|(it, why)| json!({"finding": it, "reason": why}));
                    told["fixed"] = json!(fixes.fixed);
                    told["notFixed"] = left.collect();
                }
                format!("{told:#}\n")
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
                if self.fix {
                    text.push_str(&fixes.told());
                    let fixed = counted(fixes.fixed.len(), "finding");
                    let left = fixes.left.len();
                    text.push_str(&format!(
                        "{fixed} fixed, {left} with a proposal not fixed\n"
                    ));
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

    /// The patch goes to standard output alone, so that it can be piped.
    fn show(
        &self,
        fixes: &Fixes,
        findings: &[(Option<String>, Finding)],
    ) -> Result<Outcome, Failure> {
        let mut diff = fixes.diff();
        if std::io::stdout().is_terminal() {
            let lines = diff.lines().map(|line| format!("{}\n", clean(line, LINE)));
            diff = lines.collect();
        }
        super::print(&diff)?;
        eprint!("{}", fixes.told());
        let has_errors = findings.iter().any(|(_, finding)| finding.is_error());
        Ok(if has_errors || fixes.would_write() {
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
