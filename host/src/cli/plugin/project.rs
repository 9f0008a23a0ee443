//! A plugin's folder, whatever its language.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::anyhow;
use clap::ValueEnum;
use serde_json::Value;

use super::{Failure, cargo};

pub(super) const PACKAGE_JSON: &str = "package.json";
pub(super) const PYPROJECT: &str = "pyproject.toml";

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    Rust,
    Javascript,
    Typescript,
    Python,
}

impl Language {
    /// By the files that are there.
    pub(super) fn of(folder: &Path) -> Result<Self, Failure> {
        let there = |file: &str| folder.join(file).is_file();
        if there(cargo::MANIFEST) {
            return Ok(Self::Rust);
        }
        if there(PACKAGE_JSON) {
            return match (there("src/plugin.ts"), there("src/plugin.js")) {
                (true, _) => Ok(Self::Typescript),
                (false, true) => Ok(Self::Javascript),
                _ => Err(Failure::Usage(anyhow!(
                    "{} has neither src/plugin.js nor src/plugin.ts, of which the plugin is the default export",
                    folder.display()
                ))),
            };
        }
        if there(PYPROJECT) {
            return Ok(Self::Python);
        }
        Err(Failure::Usage(anyhow!(
            "{} is no plugin's folder: it has no {}, {PACKAGE_JSON} or {PYPROJECT}; begin one: trimtab plugin new NAME",
            folder.display(),
            cargo::MANIFEST
        )))
    }
}

/// What becomes a component.
pub(super) struct Project {
    pub folder: PathBuf,
    pub language: Language,
    pub name: String,
    /// For Python, the folder of the SDK's package.
    pub sdk: Option<PathBuf>,
    target: PathBuf,
    manifest: &'static str,
}

impl Project {
    pub(super) fn at(folder: &Path) -> Result<Self, Failure> {
        let language = Language::of(folder)?;
        let (manifest, name, sdk) = match language {
            Language::Rust => {
                let package = cargo::Package::at(folder)?;
                return Ok(Self::of_package(&package));
            }
            Language::Python => {
                let (name, sdk) = pyproject(folder)?;
                // Python runs in the folder, where a path from elsewhere would lead nowhere.
                (PYPROJECT, name, Some(folder.canonicalize()?.join(sdk)))
            }
            Language::Javascript | Language::Typescript => {
                (PACKAGE_JSON, package_json(folder)?, None)
            }
        };
        if !is_name(&name) {
            return Err(Failure::Usage(anyhow!(
                "{}: the name {name:?} is none of a plugin; write lower case words joined by `-`, as max-replicas",
                folder.join(manifest).display()
            )));
        }
        Ok(Self {
            // The tools run in the folder, and are told of paths in it.
            folder: folder.canonicalize()?,
            language,
            name,
            sdk,
            target: folder.join("target"),
            manifest,
        })
    }

    pub(super) fn of_package(package: &cargo::Package) -> Self {
        Self {
            folder: package.folder.clone(),
            language: Language::Rust,
            name: package.name.clone(),
            sdk: None,
            target: package.target.clone(),
            manifest: cargo::MANIFEST,
        }
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
        let mut waiting = vec![self.folder.join("src"), self.folder.join(self.manifest)];
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

fn package_json(folder: &Path) -> Result<String, Failure> {
    let path = folder.join(PACKAGE_JSON);
    let read: Value = serde_json::from_slice(&super::read(&path)?)
        .map_err(|error| Failure::Usage(anyhow!("{} is no JSON: {error}", path.display())))?;
    match read["name"].as_str() {
        Some(name) => Ok(name.to_owned()),
        None => Err(Failure::Usage(anyhow!("{} has no name", path.display()))),
    }
}

/// The project's name, and the folder that its SDK is in.
fn pyproject(folder: &Path) -> Result<(String, String), Failure> {
    let path = folder.join(PYPROJECT);
    let text = String::from_utf8_lossy(&super::read(&path)?).into_owned();
    let read: toml_edit::DocumentMut = text
        .parse()
        .map_err(|error| Failure::Usage(anyhow!("{}: {error}", path.display())))?;
    let string = |table: &[&str]| {
        let value = table.iter().try_fold(read.as_item(), |it, key| it.get(key));
        value.and_then(|it| it.as_str()).map(str::to_owned)
    };
    match (
        string(&["project", "name"]),
        string(&["tool", "trimtab", "sdk"]),
    ) {
        (Some(name), Some(sdk)) => Ok((name, sdk)),
        (None, _) => Err(Failure::Usage(anyhow!(
            "{} has no name under [project]",
            path.display()
        ))),
        _ => Err(Failure::Usage(anyhow!(
            "{} does not say where the SDK is; write sdk = \"FOLDER\" under [tool.trimtab]",
            path.display()
        ))),
    }
}

/// As the sandbox asks for, and cargo as well.
pub(super) fn is_name(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(word)
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tools_are_told_of_does_not_depend_on_where_they_run() {
        let example = Path::new("../examples/rules/python");
        let project = Project::at(example).expect("the example");
        assert!(project.folder.is_absolute());
        let sdk = project.sdk.expect("an SDK");
        assert!(sdk.is_absolute(), "{}", sdk.display());
        assert!(sdk.join("trimtab_plugin/__init__.py").is_file());
        // What is printed is as it was asked for.
        assert!(project.target.starts_with(example));
    }
}
