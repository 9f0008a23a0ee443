//! A plugin in JavaScript or TypeScript: npm installs what package.json names, tsc checks types,
//! esbuild makes one module, and componentize-qjs a component of it and QuickJS.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::project::{Language, PACKAGE_JSON, Project};
use super::staging::{Staging, WORLD, interfaces, run, words};

/// The tools that `plugin new` names.
pub(super) const COMPONENTIZE: &str = "0.4.5";
pub(super) const ESBUILD: &str = "0.28.2";
pub(super) const TYPESCRIPT: &str = "5.9.3";

const LOCK: &str = "package-lock.json";
const OLDEST_NODE: u32 = 18;
const INSTALL_NODE: &str = "install Node.js 18 or newer, with npm, then run this again: \
     apt install nodejs npm, brew install node, or https://nodejs.org";
/// The plugin as it is written, for the probe, which tells what is async by it.
const WRITTEN: &str = "written.mjs";
/// An async function becomes one that asks for `Promise`, which the SDK refuses in a component.
const NOT_ASYNC: [&str; 3] = [
    "--supported:async-await=false",
    "--supported:async-generator=false",
    "--supported:for-await=false",
];
/// Asks the plugin what it has; the names as the contract writes them.
const PROBE: &str = r#"
const { default: plugin } = await import(process.argv[1]);
if (plugin?.interfaces === undefined) {
  console.error("the default export is no plugin; write: export default plugin({ … })");
  process.exit(1);
}
const written = (name) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const names = Object.keys(plugin.interfaces).filter((name) => name !== "describe");
console.log("\n" + JSON.stringify(names.map(written)));
"#;
const ENTRY: &str = r#"import log from "trimtab:plugin/log";
import { prepare } from "./component.mjs";
import plugin from "./plugin.mjs";

prepare(log);
export const { describe, validate, validateChange, transform, referential } = plugin.interfaces;
"#;

/// The component; None if the tools found faults, which they have told.
pub(super) fn build(project: &Project) -> Result<Option<Vec<u8>>, Failure> {
    let folder = &project.folder;
    install(folder)?;
    let typed = project.language == Language::Typescript;
    if typed {
        let checked = tool(folder, "tsc")?
            .args(["--noEmit", "-p", "."])
            .output()?;
        if !checked.status.success() {
            eprintln!("{}", words(&checked));
            eprintln!("error: {} has faults of types, told above", project.name);
            return Ok(None);
        }
    }
    let staging = Staging::new(folder)?;
    let source = if typed {
        "src/plugin.ts"
    } else {
        "src/plugin.js"
    };
    for (from, to, more) in [
        (source, WRITTEN, &[][..]),
        (source, "plugin.mjs", &NOT_ASYNC),
        ("trimtab-plugin/component", "component.mjs", &[]),
    ] {
        if !bundle(folder, from, &staging.folder.join(to), more)? {
            eprintln!(
                "error: {} cannot be bundled; esbuild's words are above",
                project.name
            );
            return Ok(None);
        }
    }
    let probed = run(
        Command::new("node")
            .current_dir(folder)
            .args(["--input-type=module", "--eval", PROBE, "--"])
            .arg(staging.folder.join(WRITTEN)),
        INSTALL_NODE,
    )?;
    let names = match interfaces(&probed) {
        Some(names) if probed.status.success() => names,
        _ => {
            eprintln!("{}", words(&probed));
            eprintln!(
                "error: {} cannot be loaded; node's words are above",
                project.name
            );
            return Ok(None);
        }
    };
    let contract = staging.contract(&names)?;
    let entry = staging.write("entry.mjs", ENTRY)?;
    let component = staging.folder.join("component.wasm");
    let made = tool(folder, "componentize-qjs")?
        .arg("--wit")
        .arg(contract)
        .arg("--js")
        .arg(entry)
        .arg("--module-root")
        .arg(&staging.folder)
        .args(["--world", WORLD, "--stub-wasi", "--sync", "--output"])
        .arg(&component)
        .output()?;
    if !made.status.success() {
        eprintln!("{}", words(&made));
        eprintln!(
            "error: {} cannot be made a component; componentize-qjs's words are above",
            project.name
        );
        return Ok(None);
    }
    Ok(Some(super::read(&component)?))
}

/// One module of a source and all that it imports. Without white space: esbuild's comments name
/// the places of what it bundles.
fn bundle(folder: &Path, from: &str, to: &Path, more: &[&str]) -> Result<bool, Failure> {
    let bundled = tool(folder, "esbuild")?
        .arg(from)
        .args(["--bundle", "--format=esm", "--platform=neutral"])
        .args([
            "--target=es2022",
            "--charset=utf8",
            "--main-fields=module,main",
        ])
        .args(["--minify-whitespace", "--legal-comments=none"])
        .args(["--log-level=warning", "--color=false"])
        .args(more)
        .arg(format!("--outfile={}", to.display()))
        .output()?;
    let told = words(&bundled);
    if !told.is_empty() {
        eprintln!("{told}");
    }
    Ok(bundled.status.success())
}

fn tool(folder: &Path, name: &str) -> Result<Command, Failure> {
    let path = folder.join("node_modules/.bin").join(name);
    if !path.exists() {
        return Err(Failure::Usage(anyhow!(
            "{} does not name {name}, which builds the component; see what trimtab plugin new writes",
            folder.join(PACKAGE_JSON).display()
        )));
    }
    let mut command = Command::new(path);
    command.current_dir(folder);
    Ok(command)
}

/// Says what to install if Node.js is not there, or older than the tools take.
fn node() -> Result<(), Failure> {
    let asked = run(Command::new("node").arg("--version"), INSTALL_NODE)?;
    let version = words(&asked);
    let major = version.trim_start_matches('v').split('.').next();
    match major.and_then(|it| it.parse::<u32>().ok()) {
        Some(major) if major < OLDEST_NODE => Err(Failure::CannotTell(anyhow!(
            "node is {version}; {INSTALL_NODE}"
        ))),
        _ => Ok(()),
    }
}

/// Installs what package.json and its lock name, if that is not what is there. Scripts of packages
/// are not run: none of the tools needs one.
fn install(folder: &Path) -> Result<(), Failure> {
    let marker = folder.join("node_modules/.trimtab-installed");
    if std::fs::read(&marker).is_ok_and(|it| it == wanted(folder)) {
        return Ok(());
    }
    node()?;
    let verb = if folder.join(LOCK).is_file() {
        "ci"
    } else {
        "install"
    };
    eprintln!("installing what {PACKAGE_JSON} names (npm {verb}) …");
    let installed = run(
        Command::new("npm")
            .current_dir(folder)
            .args([verb, "--ignore-scripts", "--no-audit", "--no-fund"])
            .arg("--loglevel=error"),
        INSTALL_NODE,
    )?;
    if !installed.status.success() {
        return Err(Failure::CannotTell(anyhow!(
            "npm {verb} failed in {}; it needs npm's registry, or its cache:\n{}",
            folder.display(),
            words(&installed)
        )));
    }
    std::fs::create_dir_all(folder.join("node_modules"))
        .and_then(|()| std::fs::write(&marker, wanted(folder)))
        .with_context(|| format!("{} cannot be written", marker.display()))?;
    Ok(())
}

/// What is to be installed, as it is written.
fn wanted(folder: &Path) -> Vec<u8> {
    [PACKAGE_JSON, LOCK]
        .map(|file| std::fs::read(folder.join(file)).unwrap_or_default())
        .concat()
}
