//! `trimtab import`: what a person and a script see of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{folder, text, trimtab};

const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: platform, namespace: flux-system}
spec: {url: 'https://git.example.org/platform.git', interval: 1m, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec:
  path: ./shop
  prune: true
  timeout: 2m
  sourceRef: {kind: GitRepository, name: platform}
";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, namespace: shop}\n";

#[test]
fn an_import_is_shown_and_written_only_when_that_is_asked_for() {
    let folder = folder(&[("flux.yaml", SOURCE), ("shop/a.yaml", CONFIG)]);
    let import = ["import", "flux", "flux.yaml", "--repository", "."];
    let shown = trimtab(folder.path(), &import);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let printed = text(&shown.stdout);
    assert!(printed.starts_with("apiVersion: trimtab.io/v1alpha1\nkind: Repository\n"));
    assert!(printed.contains("+++ b/shop/kit.yaml\n"), "{printed}");
    assert!(printed.contains("\n+    deadline: \"2m\"\n"), "{printed}");
    assert!(!folder.path().join("shop/kit.yaml").exists());

    let mut write = import.to_vec();
    write.extend(["--write", "--to", "repository.yaml"]);
    let written = trimtab(folder.path(), &write);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    assert_eq!(text(&written.stdout), "");
    let check = trimtab(folder.path(), &["check", "shop"]);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stdout));
    assert!(text(&check.stdout).contains("1 kit checked"));
    // The Repository's file is there by now.
    assert_eq!(trimtab(folder.path(), &write).status.code(), Some(2));
}

#[test]
fn what_is_not_carried_over_is_told_with_its_line_and_exits_with_1() {
    let forced = SOURCE.replace("  timeout: 2m\n", "  force: true\n");
    let folder = folder(&[("flux.yaml", &forced), ("shop/a.yaml", CONFIG)]);
    let import = ["import", "flux", "flux.yaml", "--repository", "."];
    let told = trimtab(folder.path(), &import);
    assert_eq!(told.status.code(), Some(1));
    let error = text(&told.stderr);
    let line = "not carried over: flux.yaml:12: Kustomization flux-system/shop /spec/force: ";
    assert!(error.contains(line), "{error}");

    let mut json = import.to_vec();
    json.extend(["--output", "json"]);
    let told = trimtab(folder.path(), &json);
    assert_eq!(told.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let left = &told["notCarriedOver"][0];
    assert_eq!(left["field"], "/spec/force");
    assert_eq!(left["origin"]["line"], 12);
    assert_eq!(told["repository"]["spec"]["kits"][0]["path"], "shop");
}

#[test]
fn what_kubectl_gives_is_read_from_standard_input() {
    let folder = folder(&[("shop/a.yaml", CONFIG)]);
    let (source, kustomization) = SOURCE.split_once("---\n").expect("two documents");
    let item = |text: &str| {
        let value: Value = serde_yaml::from_str(text).expect("YAML");
        value.to_string()
    };
    let list = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{}, {}]}}",
        item(source),
        item(kustomization)
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
    let command = command
        .current_dir(folder.path())
        .args(["import", "flux", "-", "--repository", "."])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("trimtab runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(list.as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("- clusterScoped: true\n    path: shop\n"));
}

#[test]
fn usage_and_what_cannot_be_read_exit_with_2_and_3() {
    let folder = folder(&[
        ("flux.yaml", SOURCE),
        ("broken.yaml", "a: [\n"),
        ("shop/a.yaml", CONFIG),
    ]);
    for (arguments, code) in [
        (&["import", "flux"][..], 2),
        (&["import", "flux", "shop", "--repository", "."], 2),
        (&["import", "flux", "flux.yaml", "--kits", "../kits"], 2),
        (&["import", "flux", "flux.yaml", "--source", "a/b"], 2),
        (&["import", "argocd", "flux.yaml", "--repository", "."], 2),
        (&["import", "flux", "broken.yaml"], 3),
        (&["import", "flux", "nothing.yaml"], 3),
    ] {
        let output = trimtab(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_kit_whose_directory_is_a_link_is_never_written_into() {
    let outside = folder(&[("a.yaml", CONFIG)]);
    let folder = folder(&[("flux.yaml", SOURCE)]);
    std::os::unix::fs::symlink(outside.path(), folder.path().join("shop")).expect("a link");
    let import = [
        "import",
        "flux",
        "flux.yaml",
        "--repository",
        ".",
        "--write",
    ];
    let output = trimtab(folder.path(), &import);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no directory \"./shop\""));
    assert!(!outside.path().join("kit.yaml").exists());
}
