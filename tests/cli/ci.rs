//! What docs/ci.md says to run, run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use trimtab_harness::root;

use crate::{SERVICE, folder, text};

const KIT: &str = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\n";
const REPOSITORY: &str = "apiVersion: trimtab.io/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec: {url: https://git.example.org/r}\n";
const FINE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, namespace: acme}\n";

/// The blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/ci.md")).expect("the page");
    let opening = format!("```{language}\n");
    let found = page.split(&opening).skip(1);
    found
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

fn repository(service: &str) -> tempfile::TempDir {
    folder(&[
        ("trimtab.yaml", REPOSITORY),
        ("kits/shop/kit.yaml", KIT),
        ("kits/shop/service.yaml", service),
    ])
}

fn shell(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_trimtab"));
    let own = binary.parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").expect("a path");
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PATH", format!("{own}:{path}"))
        .env("NO_COLOR", "1")
        .env("KUBECONFIG", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("it runs")
}

/// Commands of the page that call `trimtab`, without what CI systems put before them.
fn commands() -> Vec<String> {
    let mut found = Vec::new();
    for block in ["sh", "yaml", "groovy"].iter().flat_map(|it| blocks(it)) {
        for line in block.lines().filter(|line| !line.contains("$staged")) {
            let line = line.trim().trim_start_matches("- ");
            let line = ["run: ", "entry: ", "sh '"]
                .iter()
                .find_map(|before| line.strip_prefix(before))
                .unwrap_or(line);
            if line.starts_with("trimtab ") {
                found.push(line.trim_end_matches('\'').to_owned());
            }
        }
    }
    found
}

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let commands = commands();
    assert!(commands.len() >= 9, "{commands:?}");
    for command in &commands {
        for (service, findings) in [(SERVICE, 1), (FINE, 0)] {
            let folder = repository(service);
            let done = shell(folder.path(), "sh", &["-c", command]);
            let wanted = if command.ends_with("|| true") {
                0
            } else {
                findings
            };
            let errors = text(&done.stderr);
            assert_eq!(done.status.code(), Some(wanted), "{command}: {errors}");
            let written = |name: &str| std::fs::read_to_string(folder.path().join(name));
            if command.contains("> trimtab.sarif") {
                let sarif = written("trimtab.sarif").expect("it is written");
                let sarif: Value = serde_json::from_str(&sarif).expect("JSON");
                let results = sarif["runs"][0]["results"].as_array().map(Vec::len);
                assert_eq!(results, Some(findings as usize));
            }
            if command.contains("> trimtab.xml") {
                let report = written("trimtab.xml").expect("it is written");
                let xml = roxmltree::Document::parse(&report).expect("XML");
                let failures = xml.root_element().attribute("failures");
                assert_eq!(failures, Some(findings.to_string().as_str()));
            }
            if command.contains("> trimtab.patch") {
                written("trimtab.patch").expect("it is written");
            }
        }
    }
}

#[test]
fn what_the_page_gives_ci_systems_is_yaml() {
    let blocks = blocks("yaml");
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let file = folder(&[("block.yaml", &block)]);
        let read = std::fs::read(file.path().join("block.yaml")).expect("read");
        let limits = trimtab::manifest::Limits::default();
        let value = trimtab::manifest::read_value("block.yaml", &read, &limits);
        assert!(value.is_ok_and(|it| it.is_object()), "{block}");
    }
}

#[test]
fn the_hook_checks_what_is_staged_and_not_what_lies_there() {
    let blocks = blocks("sh");
    let hook = blocks.iter().find(|it| it.starts_with("#!/bin/sh"));
    let hook = hook.expect("the page has a hook");
    let folder = repository(SERVICE);
    let git = |arguments: &[&str]| {
        let mut all = vec!["-c", "user.name=a", "-c", "user.email=a@example.org"];
        all.extend(arguments);
        shell(folder.path(), "git", &all)
    };
    assert!(git(&["init", "--quiet"]).status.success());
    let file = folder.path().join(".git/hooks/pre-commit");
    std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
    std::fs::write(&file, hook).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("set");
    assert!(git(&["add", "."]).status.success());
    std::fs::write(folder.path().join("kits/shop/service.yaml"), FINE).expect("written");

    let refused = git(&["commit", "--quiet", "--message", "a port twice"]);
    assert!(!refused.status.success());
    let told = format!("{}{}", text(&refused.stdout), text(&refused.stderr));
    assert!(told.contains("kits/shop/service.yaml:8:5"), "{told}");

    assert!(git(&["add", "."]).status.success());
    let taken = git(&["commit", "--quiet", "--message", "once"]);
    assert!(taken.status.success(), "{}", text(&taken.stdout));
}
