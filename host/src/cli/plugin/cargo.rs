//! A plugin in Rust: its package as cargo sees it, and the component that is made of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde_json::Value;
use wit_component::ComponentEncoder;

use super::Failure;

pub(super) const MANIFEST: &str = "Cargo.toml";

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

/// A Rust package that becomes a component.
pub(super) struct Package {
    pub folder: PathBuf,
    pub name: String,
    workspace: PathBuf,
    pub target: PathBuf,
    /// Folders of the packages that are built from a path outside of the workspace.
    elsewhere: Vec<(String, PathBuf)>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Listed>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    manifest_path: PathBuf,
    source: Option<String>,
}

impl Package {
    /// What is needed to find the component; asks for no dependencies.
    pub(super) fn at(folder: &Path) -> Result<Self, Failure> {
        Self::read(folder, &["--no-deps"])
    }

    /// With its dependencies, which cargo fetches if it has to.
    pub(super) fn with_dependencies(folder: &Path) -> Result<Self, Failure> {
        Self::read(folder, &[])
    }

    fn read(folder: &Path, arguments: &[&str]) -> Result<Self, Failure> {
        let manifest = folder.join(MANIFEST);
        let Ok(manifest) = manifest.canonicalize() else {
            return Err(Failure::Usage(anyhow!(
                "{} is not there; a plugin in Rust has one: trimtab plugin new NAME",
                manifest.display()
            )));
        };
        let output = Command::new(cargo())
            .current_dir(folder)
            .args(["metadata", "--format-version=1", "--quiet"])
            .args(arguments)
            .output()
            .map_err(|error| no_cargo(&error))?;
        if !output.status.success() {
            return Err(Failure::CannotTell(anyhow!(
                "cargo cannot read {}:\n{}",
                manifest.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            )));
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cargo metadata cannot be read")?;
        let (mut name, mut elsewhere) = (None, Vec::new());
        for package in metadata.packages {
            if package.manifest_path == manifest {
                name = Some(package.name);
            } else if package.source.is_none()
                && !package.manifest_path.starts_with(&metadata.workspace_root)
                && let Some(folder) = package.manifest_path.parent()
            {
                elsewhere.push((package.name, folder.to_owned()));
            }
        }
        let name = name.ok_or_else(|| {
            Failure::Usage(anyhow!(
                "{} is no package, but a workspace; name the folder of one",
                manifest.display()
            ))
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            name,
            workspace: metadata.workspace_root,
            target: metadata.target_directory,
            elsewhere,
        })
    }

    /// The component; None if the tools found faults, which they have told.
    pub(super) fn build(&self) -> Result<Option<Vec<u8>>, Failure> {
        target(&self.folder)?;
        let Some(module) = self.compile()? else {
            eprintln!(
                "error: {} cannot be compiled; the compiler's words are above",
                self.name
            );
            return Ok(None);
        };
        match encode(&module) {
            Ok(component) => Ok(Some(component)),
            Err(error) => {
                eprintln!(
                    "error: {} cannot be made a component: {error:#}",
                    module.display()
                );
                eprintln!(
                    "  it has to end with export_validator!, export_change_validator!, export_transformer! or export_referential!"
                );
                Ok(None)
            }
        }
    }

    /// The core module; None if the compiler found faults, which it has told.
    fn compile(&self) -> Result<Option<PathBuf>, Failure> {
        let mut command = Command::new(cargo());
        command
            .current_dir(&self.folder)
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
            self.workspace.display(),
            home.display()
        );
        for (name, folder) in &self.elsewhere {
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
                self.name
            ))),
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

fn encode(module: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(module)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)?
        .encode()
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::CannotTell(anyhow!(
        "cargo cannot be run ({error}); install Rust from https://rustup.rs, then run this again"
    ))
}
