//! `trimtab plugin new`.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};

use super::project::MANIFEST;
use crate::cli::{Failure, Outcome, print};

/// Where the SDK is fetched from if nothing else is said; it is not on crates.io.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
const PACKAGE: &str = "trimtab-plugin";

const CARGO: &str = include_str!("rust/Cargo.toml.template");
const SOURCE: &str = include_str!("rust/lib.rs.template");
const README: &str = include_str!("rust/README.md.template");
const OBJECT: &str = include_str!("rust/deployment.yaml.template");
const TOO_MANY: &str = "\
- rule: replicas
  severity: error
  object: Deployment.apps test/web
  field: /spec/replicas
  message: web asks for 3 replicas; at most 2 are allowed
";

/// Begin a plugin
///
/// Makes the folder NAME with a small rule that builds and passes its cases: a project of its own.
///
///   trimtab plugin new max-replicas --sdk ../trimtab/plugins/sdk
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct New {
    /// The plugin's name, and its folder's: lower case words joined by `-`
    name: String,
    #[arg(long, value_enum, default_value = "rust")]
    language: Language,
    /// The folder plugins/sdk of a checkout of Trimtab, on which the project then depends by its
    /// relative path; by default it depends on Trimtab's Git repository
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    /// Not yet
    Javascript,
    /// Not yet
    Python,
}

impl New {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let usage = |message: String| Err(Failure::Usage(anyhow!(message)));
        if self.language != Language::Rust {
            return usage(
                "there is an SDK for rust only; others come later, and any component that keeps to the contract is a plugin (docs/contract.md)".into(),
            );
        }
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
        let sdk = match &self.sdk {
            None => format!("git = {REPOSITORY:?}"),
            Some(sdk) => format!("path = {:?}", relative(sdk)?),
        };
        let fill = |text: &str| {
            text.replace("{name}", &self.name)
                .replace("{type}", &type_name(&self.name))
                .replace("{sdk}", &sdk)
        };
        for (path, content) in [
            (MANIFEST, fill(CARGO)),
            ("src/lib.rs", fill(SOURCE)),
            ("README.md", fill(README)),
            (".gitignore", "/target\n".to_owned()),
            ("cases/too-many-replicas/input.yaml", OBJECT.to_owned()),
            (
                "cases/too-many-replicas/settings.yaml",
                "maxReplicas: 2\n".to_owned(),
            ),
            ("cases/too-many-replicas/expected.yaml", TOO_MANY.to_owned()),
            ("cases/within-the-limit/input.yaml", OBJECT.to_owned()),
            ("cases/within-the-limit/expected.yaml", "[]\n".to_owned()),
        ] {
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

/// As the sandbox asks for, and cargo as well.
fn is_name(text: &str) -> bool {
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

/// `max-replicas` as `MaxReplicas`.
fn type_name(name: &str) -> String {
    name.split('-')
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}

/// The SDK's folder as seen from the new project, which lies in the current one: a path of this
/// machine has no place in a file that is committed.
fn relative(sdk: &Path) -> Result<PathBuf, Failure> {
    let manifest = sdk.join(MANIFEST);
    let is_sdk = std::fs::read_to_string(&manifest)
        .is_ok_and(|text| text.contains(&format!("name = {PACKAGE:?}")));
    if !is_sdk {
        return Err(Failure::Usage(anyhow!(
            "{} is not the crate {PACKAGE}; name the folder plugins/sdk of a checkout of Trimtab",
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
    fn a_name_becomes_a_type_or_is_refused() {
        assert_eq!(type_name("max-replicas-2"), "MaxReplicas2");
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
