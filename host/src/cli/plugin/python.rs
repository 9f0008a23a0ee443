//! A plugin in Python: pip installs what requirements.txt names into a virtual environment of the
//! project, and componentize-py makes a component of the plugin and CPython.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::project::Project;
use super::staging::{Staging, WORLD, interfaces, run, words};

/// The tool that `plugin new` names.
pub(super) const COMPONENTIZE: &str = "0.25.1";

const REQUIREMENTS: &str = "requirements.txt";
/// Where what it names is installed.
const ENVIRONMENT: &str = ".trimtab/venv";
/// What is installed is written below it.
const MARK: &[u8] = b"# by trimtab plugin build, which makes this folder anew\n";
const INSTALL_PYTHON: &str = "install Python 3.10 or newer, then run this again: \
     apt install python3 python3-venv, brew install python, or https://www.python.org";
/// Asks the plugin what it has.
const PROBE: &str = r#"
import json
from plugin import plugin
from trimtab_plugin import Plugin
if not isinstance(plugin, Plugin):
    raise SystemExit("plugin is no Plugin; write: plugin = Plugin(…)")
if not plugin.functions:
    raise SystemExit("the plugin has no function; write one under @plugin.validate")
print("\n" + json.dumps(list(plugin.functions)))
"#;
const ENTRY: &str = "\
from plugin import plugin
from trimtab_plugin.component import classes

globals().update(classes(plugin))
";
const ENTRY_MODULE: &str = "trimtab_entry";
/// The SDK's package.
const SDK: &str = "trimtab_plugin";

/// The component; None if the tools found faults, which they have told.
pub(super) fn build(project: &Project) -> Result<Option<Vec<u8>>, Failure> {
    let folder = &project.folder;
    let (source, sdk) = (folder.join("src"), project.sdk.clone().unwrap_or_default());
    for (path, what) in [
        (source.join("plugin.py"), "the plugin is"),
        (sdk.join(SDK).join("__init__.py"), "the SDK is"),
    ] {
        if !path.is_file() {
            return Err(Failure::Usage(anyhow!(
                "{} is not there, where {what}",
                path.display()
            )));
        }
    }
    let environment = environment(folder)?;
    let probed = Command::new(environment.join("bin/python"))
        .current_dir(folder)
        .env("PYTHONPATH", std::env::join_paths([&source, &sdk])?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-c", PROBE])
        .output()?;
    let names = match interfaces(&probed) {
        Some(names) if probed.status.success() => names,
        _ => {
            eprintln!("{}", words(&probed));
            eprintln!(
                "error: {} cannot be loaded; Python's words are above",
                project.name
            );
            return Ok(None);
        }
    };
    let staging = Staging::new(folder)?;
    let contract = staging.contract(&names)?;
    // Copies: CPython leaves what it compiled beside what it reads, also as a component.
    let modules = staging.folder.join("modules");
    copy(&source, &modules)?;
    copy(&sdk.join(SDK), &modules.join(SDK))?;
    staging.write(&format!("modules/{ENTRY_MODULE}.py"), ENTRY)?;
    let component = staging.folder.join("component.wasm");
    let made = tool(&environment)?
        .current_dir(folder)
        // Packages of the project's own environment are found by it, and those of no other.
        .env("VIRTUAL_ENV", &environment)
        .arg("--wit-path")
        .arg(contract)
        .args(["--world", WORLD, "componentize", "--stub-wasi"])
        .arg("--python-path")
        .arg(&modules)
        .arg("--output")
        .arg(&component)
        .arg(ENTRY_MODULE)
        .output()?;
    if !made.status.success() {
        eprintln!("{}", words(&made));
        eprintln!(
            "error: {} cannot be made a component; componentize-py's words are above",
            project.name
        );
        return Ok(None);
    }
    Ok(Some(super::read(&component)?))
}

/// The files of a folder but those that are hidden, or compiled by Python.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let cannot = || format!("{} cannot be copied", from.display());
    std::fs::create_dir_all(to).with_context(cannot)?;
    for entry in std::fs::read_dir(from).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let name = path.file_name().unwrap_or_default();
        if name == "__pycache__" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name)).with_context(cannot)?;
        }
    }
    Ok(())
}

fn tool(environment: &Path) -> Result<Command, Failure> {
    let path = environment.join("bin/componentize-py");
    if !path.exists() {
        return Err(Failure::Usage(anyhow!(
            "{REQUIREMENTS} does not name componentize-py, which builds the component; write componentize-py=={COMPONENTIZE}"
        )));
    }
    Ok(Command::new(path))
}

/// The project's virtual environment, with what requirements.txt names: a folder that is Trimtab's
/// own, for it is made anew where requirements.txt is another, and `.venv` is the author's.
fn environment(folder: &Path) -> Result<PathBuf, Failure> {
    let environment = folder.join(ENVIRONMENT);
    let marker = environment.join("trimtab-installed.txt");
    let wanted = [MARK, &super::read(&folder.join(REQUIREMENTS))?].concat();
    let is_link = environment.is_symlink();
    if !is_link && std::fs::read(&marker).is_ok_and(|it| it == wanted) {
        return Ok(environment);
    }
    if is_link || environment.exists() && !marker.is_file() {
        return Err(Failure::Usage(anyhow!(
            "{} was not made by trimtab plugin build, or not to its end; take it away, and it is made anew",
            environment.display()
        )));
    }
    eprintln!("installing what {REQUIREMENTS} names into {ENVIRONMENT} (pip install) …");
    let write = |content: &[u8]| {
        std::fs::write(&marker, content)
            .with_context(|| format!("{} cannot be written", marker.display()))
    };
    empty(&environment)
        .with_context(|| format!("{} cannot be made anew", environment.display()))?;
    // Whose it is, before anything is in it: pip may fail, and is asked again.
    write(MARK)?;
    let made = run(
        Command::new("python3")
            .current_dir(folder)
            .args(["-m", "venv", ENVIRONMENT]),
        INSTALL_PYTHON,
    )?;
    if !made.status.success() {
        return Err(Failure::CannotTell(anyhow!(
            "python3 -m venv failed; it wants Python 3.10 or newer, and on Debian: apt install python3-venv\n{}",
            words(&made)
        )));
    }
    let installed = Command::new(environment.join("bin/python"))
        .current_dir(folder)
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(["--quiet", "--requirement", REQUIREMENTS])
        .output()?;
    if !installed.status.success() {
        return Err(Failure::CannotTell(anyhow!(
            "pip install failed in {}; it needs PyPI, or its cache, and Python 3.10 or newer:\n{}",
            folder.display(),
            words(&installed)
        )));
    }
    write(&wanted)?;
    Ok(environment)
}

/// The folder with nothing in it.
fn empty(folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)
}
