//! A plugin's folder as cargo sees it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use super::Failure;

pub(super) const MANIFEST: &str = "Cargo.toml";

/// A Rust package that becomes a component.
pub(super) struct Project {
    pub folder: PathBuf,
    pub name: String,
    pub workspace: PathBuf,
    target: PathBuf,
    /// Folders of the packages that are built from a path outside of the workspace.
    pub elsewhere: Vec<(String, PathBuf)>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    source: Option<String>,
}

impl Project {
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

    /// Where `plugin build` puts the component.
    pub(super) fn component(&self) -> PathBuf {
        self.target
            .join("components")
            .join(format!("{}.wasm", self.name))
    }

    /// A source file that is newer than the component.
    pub(super) fn newer_source(&self, component: &Path) -> Option<PathBuf> {
        let built = modified(component)?;
        let mut waiting = vec![self.folder.join("src"), self.folder.join(MANIFEST)];
        while let Some(path) = waiting.pop() {
            match std::fs::read_dir(&path) {
                Ok(entries) => waiting.extend(entries.flatten().map(|entry| entry.path())),
                Err(_) if modified(&path)? > built => return Some(path),
                Err(_) => {}
            }
        }
        None
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

pub(super) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

pub(super) fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::CannotTell(anyhow!(
        "cargo cannot be run ({error}); install Rust from https://rustup.rs, then run this again"
    ))
}
