//! What the tests of plugins in other languages want: tools that Trimtab itself does not need, and
//! packages from their registries.

use std::path::Path;
use std::process::Command;

use trimtab_harness::root;

/// Tests that cannot be run here, and what keeps them from it.
pub struct LeftOut {
    /// What their names begin with.
    pub tests: &'static str,
    pub reason: String,
}

/// None where these arguments of `cargo test` ask for other tests alone.
pub fn left_out(arguments: &[String]) -> Vec<LeftOut> {
    if !may_run(arguments) {
        return Vec::new();
    }
    let kept = root().join("target/languages");
    let (node, python) = (node(), python());
    let npm = node.clone().and_then(|()| npm(&kept));
    let pip = python.clone().and_then(|()| pip(&kept));
    [
        ("plugins::sdk::javascript", node),
        ("plugins::javascript::", npm),
        ("plugins::sdk::python", python),
        ("plugins::python::", pip),
    ]
    .into_iter()
    .filter_map(|(tests, asked)| {
        let reason = asked.err()?;
        Some(LeftOut { tests, reason })
    })
    .collect()
}

/// They are in the host's test `cli`.
fn may_run(arguments: &[String]) -> bool {
    let all_are = |options: &[&str], name: &str| {
        let mut named = arguments
            .windows(2)
            .filter(|pair| options.contains(&pair[0].as_str()))
            .map(|pair| pair[1].as_str())
            .peekable();
        named.peek().is_none() || named.any(|it| it == name)
    };
    all_are(&["-p", "--package"], "trimtab") && all_are(&["--test"], "cli")
}

fn node() -> Result<(), String> {
    done(
        Command::new("node").arg("--version"),
        "install Node.js 18 or newer, with npm, from https://nodejs.org",
    )
}

fn npm(kept: &Path) -> Result<(), String> {
    let mut asked = Command::new("npm");
    asked
        .current_dir(root().join("examples/rules/javascript"))
        .args(["view", "--prefer-offline", "--json"])
        .args(["--fetch-retries=1", "componentize-qjs", "version"])
        .env("npm_config_cache", kept.join("npm"));
    done(
        &mut asked,
        "npm, which comes with Node.js, cannot ask its registry",
    )
}

fn python() -> Result<(), String> {
    done(
        Command::new("python3").args([
            "-c",
            "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))",
        ]),
        "install Python 3.10 or newer, and on Debian the package python3-venv",
    )
}

fn pip(kept: &Path) -> Result<(), String> {
    let mut asked = Command::new("python3");
    asked
        .args(["-m", "pip", "download", "--disable-pip-version-check"])
        .args(["--quiet", "--retries=1", "--no-deps", "--dest"])
        .arg(kept.join("wheels"))
        // What was fetched once is enough where PyPI is not to be had.
        .arg("--find-links")
        .arg(kept.join("wheels"))
        .arg("--requirement")
        .arg(root().join("examples/rules/python/requirements.txt"))
        .env("PIP_CACHE_DIR", kept.join("pip"));
    done(&mut asked, "pip cannot fetch from PyPI")
}

fn done(command: &mut Command, otherwise: &str) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            // The first lines say what; a long trace follows.
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let first: Vec<&str> = told.trim().lines().take(4).collect();
            Err(format!("{otherwise}\n{}", first.join("\n"))
                .trim()
                .to_owned())
        }
        Err(error) => Err(format!("{otherwise} ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_are_asked_for_only_where_their_tests_may_run() {
        for (arguments, expected) in [
            ("", true),
            ("-p trimtab", true),
            ("-p trimtab --test cli -- plugins", true),
            ("-p xtask -p trimtab", true),
            ("-p trimtab --test scenarios -- kits", false),
            ("-p trimtab-harness", false),
        ] {
            let given: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
            assert_eq!(may_run(&given), expected, "{arguments}");
        }
    }
}
