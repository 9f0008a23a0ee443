//! `trimtab render`.

use clap::{Args, ValueEnum};

use super::local::LocalArgs;
use super::{Failure, Outcome};
use crate::manifest::{Manifest, write_yaml};

/// Print a kit's objects as they would be applied, after its transformers
///
/// It needs no cluster. Prints what the files hold, Secrets included.
///
///   trimtab render --kit kits/acme/shop | kubectl diff -f -
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Render {
    #[command(flatten)]
    local: LocalArgs,
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    /// One JSON array
    Json,
}

impl Render {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let local = self.local.evaluate(None)?;
        let mut failed = false;
        let mut manifests: Vec<&Manifest> = Vec::new();
        for verdict in local
            .evaluation
            .verdicts
            .iter()
            .filter(|it| local.is_selected(it.kit.path.as_str()))
        {
            for finding in verdict.findings().filter(|finding| finding.is_error()) {
                eprintln!("{finding}");
                failed = true;
            }
            manifests.extend(&verdict.rendered.manifests);
        }
        match self.output {
            Format::Json => {
                let objects: Vec<_> = manifests.iter().map(|manifest| &manifest.object).collect();
                super::print(&format!("{}\n", serde_json::to_string_pretty(&objects)?))?;
            }
            Format::Yaml => {
                let mut text = String::new();
                for manifest in manifests {
                    let yaml = write_yaml([&manifest.object]);
                    text.push_str(&format!(
                        "---
# {}
{yaml}",
                        manifest.origin
                    ));
                }
                super::print(&text)?;
            }
        }
        Ok(if failed {
            Outcome::Findings
        } else {
            Outcome::Fine
        })
    }
}
