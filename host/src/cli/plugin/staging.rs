//! Where the tools of JavaScript and Python find what they make a component of: the contract, with
//! a world of what the plugin has, and the component's first module.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, anyhow};

use super::Failure;

const CONTRACT: &str = include_str!("../../../../wit/plugin.wit");
/// The world that is written for the plugin.
pub(super) const WORLD: &str = "plugin";
const INTERFACES: [&str; 4] = ["validate", "validate-change", "transform", "referential"];

/// `target/trimtab` of a project, made anew for each build.
pub(super) struct Staging {
    pub folder: PathBuf,
}

impl Staging {
    pub(super) fn new(project: &Path) -> Result<Self, Failure> {
        let folder = project.join("target/trimtab");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self { folder })
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join(name);
        std::fs::write(&path, text)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }

    /// The contract with a world that exports these interfaces, whose names the SDK gives.
    pub(super) fn contract(&self, interfaces: &[String]) -> Result<PathBuf, Failure> {
        self.write("plugin.wit", &format!("{CONTRACT}\n{}", world(interfaces)?))
    }
}

fn world(interfaces: &[String]) -> Result<String, Failure> {
    let mut world = format!("world {WORLD} {{\n  import log;\n  export describe;\n");
    for interface in interfaces {
        if !INTERFACES.contains(&interface.as_str()) {
            return Err(Failure::CannotTell(anyhow!(
                "the SDK names an interface {interface:?}, which the contract of this trimtab does not have; take the SDK that is of its version"
            )));
        }
        world.push_str(&format!("  export {interface};\n"));
    }
    world.push_str("}\n");
    Ok(world)
}

/// Runs a tool to its end; `missing` says what to do if it is not there.
pub(super) fn run(command: &mut Command, missing: &str) -> Result<Output, Failure> {
    command.output().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        Failure::CannotTell(anyhow!("{program} cannot be run ({error}); {missing}"))
    })
}

/// What a tool said, without the empty lines at both ends.
pub(super) fn words(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// The last line of a probe's output: names of interfaces as a list of JSON. What the plugin itself
/// prints while it is loaded stands before.
pub(super) fn interfaces(output: &Output) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(text.lines().last()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_exports_what_the_plugin_has_and_nothing_that_is_not_in_the_contract() {
        let made = world(&["validate".into(), "transform".into()]).expect("a world");
        assert_eq!(
            made,
            "world plugin {\n  import log;\n  export describe;\n  export validate;\n  export transform;\n}\n"
        );
        assert!(world(&["validate; import wasi:clocks/wall-clock".into()]).is_err());
        for interface in INTERFACES {
            assert!(CONTRACT.contains(&format!("interface {interface} {{")));
        }
    }
}
