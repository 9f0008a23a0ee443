//! `trimtab check --base`.

use serde_json::Value;
use trimtab_harness::component::digest;
use trimtab_harness::git::Fixture;
use trimtab_harness::root;

use crate::{text, trimtab};

fn service(name: &str, port: u16, node_port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  type: NodePort\n  ports:\n  - {{name: http, port: {port}, nodePort: {node_port}}}\n"
    )
}

fn guardrail(git: &Fixture, package: &str, settings: &str) -> String {
    let component = root().join(format!("target/components/{package}.wasm"));
    let bytes = std::fs::read(&component).expect("`cargo xtask test` has built the components");
    git.write(&format!("rules/{package}.wasm"), bytes)
        .expect("written");
    let digest = digest(&component).expect("a digest");
    format!("  - {{path: rules/{package}.wasm, digest: '{digest}', settings: {settings}}}\n")
}

fn check(git: &Fixture, base: &str) -> (Option<i32>, Vec<(String, String)>, Value) {
    let output = trimtab(git.folder(), &["check", "--base", base, "--output", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    let findings = told["findings"].as_array().expect("a list").iter();
    let findings = findings
        .map(|it| {
            (
                it["kit"].as_str().unwrap_or("-").to_owned(),
                it["rule"].as_str().unwrap_or("-").to_owned(),
            )
        })
        .collect();
    (output.status.code(), findings, told["summary"].clone())
}

#[test]
fn only_what_changed_since_the_base_is_told_and_what_others_have_by_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = Fixture::new(&folder.path().join("repository")).expect("a repository");
    let ports = guardrail(&git, "unique-node-ports", "{}");
    let notes = guardrail(
        &git,
        "changes",
        "{noted: [{fields: ['/spec/ports/*/port']}]}",
    );
    let repository = format!(
        "apiVersion: trimtab.io/v1alpha1\nkind: Repository\nmetadata: {{name: platform}}\nspec:\n  url: file:///\n  guardrails:\n{ports}{notes}  kits:\n  - {{path: 'kits/{{company}}', namespace: '{{company}}'}}\n"
    );
    git.write("trimtab.yaml", &repository).expect("written");
    git.write("kits/acme/service.yaml", service("shop", 80, 30001))
        .expect("written");
    git.write("kits/other/service.yaml", service("shop", 80, 30002))
        .expect("written");
    // A fault that was there before is not this branch's.
    git.write("kits/third/service.yaml", "kind: Service\n")
        .expect("written");
    let first = git.commit("first").expect("committed");
    assert_eq!(check(&git, &first).1, []);
    // Not committed yet: the working directory is what is checked.
    git.write("kits/acme/service.yaml", service("shop", 8080, 30002))
        .expect("written");
    let (code, mut findings, summary) = check(&git, &first);
    findings.sort();
    let told = |kit: &str, rule: &str| (kit.to_owned(), rule.to_owned());
    let expected = [
        told("kits/acme", "changes/noted"),
        told("kits/acme", "unique-node-ports/taken"),
        told("kits/other", "unique-node-ports/taken"),
    ];
    assert_eq!(findings, expected);
    assert_eq!((code, &summary["kits"]), (Some(1), &Value::from(1)));
    let output = trimtab(git.folder(), &["check", "--base", &first]);
    let last = text(&output.stdout);
    let last = last.lines().last().expect("a line").to_owned();
    let expected = format!(
        "1 kit changed since {first} ({}): 3 errors, 0 warnings",
        &first[..7]
    );
    assert!(last.starts_with(&expected), "{last}");
    // Once it is committed, it is where a branch from here begins.
    let second = git.commit("second").expect("committed");
    assert_eq!(check(&git, &second).1, []);
    assert_eq!(check(&git, "HEAD~1").1.len(), 3);
    // A law that changes is a change of every kit.
    let without = repository.replace(&ports, "");
    git.write("trimtab.yaml", &without).expect("written");
    let (_, findings, summary) = check(&git, &second);
    assert_eq!(summary["kits"], 3);
    assert_eq!(findings, [told("kits/third", "trimtab/yaml")]);
}

#[test]
fn a_base_that_is_not_there_is_a_fault_of_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = Fixture::new(&folder.path().join("repository")).expect("a repository");
    git.write("kits/acme/kit.yaml", "{}").expect("written");
    git.commit("first").expect("committed");
    let output = trimtab(git.folder(), &["check", "--base", "release-9"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the base release-9 is not to be had"));
}
