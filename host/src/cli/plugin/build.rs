//! `trimtab plugin build`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::project::{Language, Project};
use super::{cargo, grouped, node, python};
use crate::cli::{Failure, Outcome, Output, print, sandbox};
use crate::config;
use crate::sandbox::Digest;

/// Build a plugin's component
///
/// Makes a component of the plugin in DIR with the tools of its language, and has the sandbox look
/// at it: a Rust package is compiled for wasm32-unknown-unknown; JavaScript and TypeScript are built
/// by what package.json names, in node_modules, and Python by what requirements.txt names, in
/// .trimtab/venv.
///
///   trimtab plugin build
///   cp "$(trimtab plugin build -o json | jq -r .path)" kits/acme/shop/rules/
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Build {
    /// The plugin's folder
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl Build {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let (project, component) = match Language::of(&self.folder)? {
            Language::Rust => {
                let package = cargo::Package::with_dependencies(&self.folder)?;
                (Project::of_package(&package), package.build()?)
            }
            language => {
                let project = Project::at(&self.folder)?;
                let component = match language {
                    Language::Python => python::build(&project)?,
                    _ => node::build(&project)?,
                };
                (project, component)
            }
        };
        let (path, Some(component)) = (project.component(), component) else {
            return Ok(Outcome::Findings);
        };
        write(&path, &component)?;
        let digest = Digest::of(&component);
        let loaded = sandbox(&config::cache_folder())?.load(&component);
        print(&match self.output {
            Output::Text => format!(
                "component {}\nsize      {} bytes\ndigest    {digest}\n",
                path.display(),
                grouped(component.len() as u64)
            ),
            Output::Json => {
                let mut value = json!({
                    "path": path,
                    "size": component.len(),
                    "digest": digest.as_str(),
                });
                if let Err(error) = &loaded {
                    value["refused"] = json!(error.to_string());
                }
                format!("{value:#}\n")
            }
        })?;
        match loaded {
            Ok(_) => Ok(Outcome::Fine),
            Err(error) => {
                eprintln!("error: the host would refuse it: {error}");
                Ok(Outcome::Findings)
            }
        }
    }
}

/// Written also if it is the same: its time says that it is not older than its source.
fn write(path: &Path, component: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, component))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}
