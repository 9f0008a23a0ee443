//! `trimtab plugin new`.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::project::{Language, is_name};
use super::template;
use crate::cli::{Failure, Outcome, print};

/// Where the SDK for Rust is fetched from if nothing else is said; it is not on crates.io.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Begin a plugin
///
/// Makes the folder NAME with a small rule that builds and passes its cases: a project of its own.
///
///   trimtab plugin new max-replicas --sdk ../trimtab/plugins/sdk
///   trimtab plugin new max-replicas --language typescript
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct New {
    /// The plugin's name, and its folder's: lower case words joined by `-`
    name: String,
    #[arg(long, value_enum, default_value = "rust")]
    language: Language,
    /// The SDK's folder in a checkout of Trimtab (plugins/sdk, plugins/sdk/javascript or
    /// plugins/sdk/python), on which the project then depends by its relative path; by default a
    /// project in Rust depends on Trimtab's Git repository, and others have a copy
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

impl New {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let usage = |message: String| Err(Failure::Usage(anyhow!(message)));
        if !is_name(&self.name) {
            return usage(format!(
                "{:?} is no name of a plugin; write lower case words joined by `-`, as max-replicas",
                self.name
            ));
        }
        let folder = PathBuf::from(&self.name);
        if folder.exists() {
            return usage(format!(
                "{} is there already; nothing was changed",
                folder.display()
            ));
        }
        let sdk = self.sdk.as_deref();
        let sdk = sdk.map(|sdk| relative(self.language, sdk)).transpose()?;
        let mut files = Vec::new();
        if sdk.is_none() {
            files.extend(template::sdk(self.language));
        }
        let named = match (self.language, &sdk) {
            (Language::Rust, None) => format!("git = {REPOSITORY:?}"),
            (Language::Rust, Some(sdk)) => format!("path = {sdk:?}"),
            (_, None) => template::SDK.to_owned(),
            (_, Some(sdk)) => sdk.display().to_string(),
        };
        files.extend(template::project(self.language, &self.name, &named));
        for (path, content) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(&folder))
                .and_then(|()| std::fs::write(&path, content))
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        print(&format!(
            "{name}/ is a plugin with one rule. Next:\n\n  cd {name}\n  trimtab plugin build\n  trimtab plugin test\n",
            name = self.name
        ))?;
        Ok(Outcome::Fine)
    }
}

/// The SDK's folder as seen from the new project, which lies in the current one: a path of this
/// machine has no place in a file that is committed.
fn relative(language: Language, sdk: &Path) -> Result<PathBuf, Failure> {
    let (manifest, named, folder) = match language {
        Language::Rust => ("Cargo.toml", "name = \"trimtab-plugin\"", "plugins/sdk"),
        Language::Javascript | Language::Typescript => (
            "package.json",
            "\"name\": \"trimtab-plugin\"",
            "plugins/sdk/javascript",
        ),
        Language::Python => ("trimtab_plugin/__init__.py", "Plugin", "plugins/sdk/python"),
    };
    let is_sdk = std::fs::read_to_string(sdk.join(manifest)).is_ok_and(|text| text.contains(named));
    if !is_sdk {
        return Err(Failure::Usage(anyhow!(
            "{} is not the SDK; name the folder {folder} of a checkout of Trimtab",
            sdk.display()
        )));
    }
    let sdk = sdk.canonicalize()?;
    let here = std::env::current_dir()?.canonicalize()?;
    Ok(between(&here, &sdk))
}

/// From a folder in `here` to `there`; both are absolute.
fn between(here: &Path, there: &Path) -> PathBuf {
    let shared = here
        .components()
        .zip(there.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = here.components().count() - shared + 1;
    std::iter::repeat_n(Component::ParentDir, up)
        .chain(there.components().skip(shared))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in ["", "Max", "2-max", "max--2", "../max", "max_2"] {
            assert!(!is_name(wrong), "{wrong}");
        }
        assert!(is_name("max-replicas-2"));
    }

    #[test]
    fn the_way_to_the_sdk_is_relative_to_the_new_folder() {
        for (here, there, way) in [
            ("/a/b", "/a/trimtab/sdk", "../../trimtab/sdk"),
            ("/a", "/a/trimtab/sdk", "../trimtab/sdk"),
            ("/x/y", "/a", "../../../a"),
        ] {
            let found = between(Path::new(here), Path::new(there));
            assert_eq!(found, PathBuf::from(way), "{here} {there}");
        }
    }
}
