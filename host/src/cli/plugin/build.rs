//! `trimtab plugin build`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Value, json};
use wit_component::ComponentEncoder;

use super::grouped;
use super::project::{Project, cargo, no_cargo};
use crate::cli::{Failure, Outcome, Output, print, sandbox};
use crate::config;
use crate::sandbox::Digest;

const TARGET: &str = "wasm32-unknown-unknown";
/// What a guest is built with: small, and the same bytes from any folder. A profile of its own, so
/// that the package's are left as they are.
const PROFILE: [&str; 6] = [
    "inherits=\"release\"",
    "opt-level=3",
    "lto=\"fat\"",
    "codegen-units=1",
    "panic=\"abort\"",
    "strip=\"symbols\"",
];

/// Build a plugin's component
///
/// Compiles the Rust package in DIR for wasm32-unknown-unknown, makes a component of it, and has
/// the sandbox look at it.
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
        let project = Project::with_dependencies(&self.folder)?;
        target(&self.folder)?;
        let Some(module) = compile(&project)? else {
            eprintln!(
                "error: {} cannot be compiled; the compiler's words are above",
                project.name
            );
            return Ok(Outcome::Findings);
        };
        let component = match encode(&module) {
            Ok(component) => component,
            Err(error) => {
                eprintln!(
                    "error: {} cannot be made a component: {error:#}",
                    module.display()
                );
                eprintln!(
                    "  it has to end with export_validator!, export_transformer! or export_referential!"
                );
                return Ok(Outcome::Findings);
            }
        };
        let path = project.component();
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

/// Says what to install if the target is not there.
fn target(folder: &Path) -> Result<(), Failure> {
    let asked = Command::new("rustc")
        .current_dir(folder)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    // Where rustc is not to be asked, cargo will tell.
    let Ok(asked) = asked else { return Ok(()) };
    let library = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
    if asked.status.success() && !library.is_dir() {
        return Err(Failure::CannotTell(anyhow!(
            "Rust's target {TARGET} is not installed; install it, then run this again: rustup target add {TARGET}"
        )));
    }
    Ok(())
}

/// The core module; None if the compiler found faults, which it has told.
fn compile(project: &Project) -> Result<Option<PathBuf>, Failure> {
    let mut command = Command::new(cargo());
    command
        .current_dir(&project.folder)
        .args(["build", "--quiet", "--lib", "--target", TARGET])
        .args([
            "--profile",
            "guest",
            "--message-format",
            "json-render-diagnostics",
        ]);
    for setting in PROFILE {
        command.args(["--config", &format!("profile.guest.{setting}")]);
    }
    // The same bytes from any folder and any home; more specific ones come last.
    let home = std::env::home_dir().unwrap_or_default();
    let mut flags = format!(
        "--remap-path-prefix={}=/trimtab --remap-path-prefix={}=/home",
        project.workspace.display(),
        home.display()
    );
    for (name, folder) in &project.elsewhere {
        flags.push_str(&format!(
            " --remap-path-prefix={}=/{name}",
            folder.display()
        ));
    }
    let output = command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags)
        .env_remove("RUSTFLAGS")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let module = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter_map(|message| {
            let names = message["filenames"].as_array()?.clone();
            names
                .iter()
                .filter_map(Value::as_str)
                .find(|name| name.ends_with(".wasm"))
                .map(PathBuf::from)
        })
        .next_back();
    match module {
        Some(module) => Ok(Some(module)),
        None => Err(Failure::Usage(anyhow!(
            "{} makes no WebAssembly module; write crate-type = [\"cdylib\", \"rlib\"] under [lib] of its Cargo.toml",
            project.name
        ))),
    }
}

fn encode(module: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(module)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)?
        .encode()
}

/// Written also if it is the same: its time says that it is not older than its source.
fn write(path: &Path, component: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, component))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}
