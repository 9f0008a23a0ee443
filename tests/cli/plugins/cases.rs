//! `trimtab plugin test`.

use std::process::Output;

use serde_json::Value;
use trimtab_harness::component::PLUGINS;
use trimtab_harness::root;

use super::component;
use crate::{folder, text, trimtab};

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec:\n  ports:\n  - {port: 80}\n";
const SETTINGS: &str = "service: {allow: [\"1024-9999\"]}\n";
const EXPECTED: &str = "\
- rule: service-port
  severity: error
  object: Service test/shop
  field: /spec/ports/0/port
  message: the Service's port 80 of shop is not allowed; allowed are 1024-9999
";

fn test(folder: &tempfile::TempDir, plugin: &str, more: &[&str]) -> Output {
    let component = component(plugin);
    let path = component.to_str().expect("UTF-8");
    let mut arguments = vec!["plugin", "test", "--component", path];
    arguments.extend(more);
    trimtab(folder.path(), &arguments)
}

fn read(folder: &tempfile::TempDir, path: &str) -> String {
    std::fs::read_to_string(folder.path().join(path)).expect("a file")
}

#[test]
fn a_case_that_says_what_comes_is_fine_and_told_with_its_fuel() {
    let named = EXPECTED.replace("service-port", "port-policy/service-port");
    let folder = folder(&[
        ("cases/low/input.yaml", SERVICE),
        ("cases/low/settings.yaml", SETTINGS),
        ("cases/low/expected.yaml", EXPECTED),
        ("cases/named/input.yaml", SERVICE),
        ("cases/named/settings.yaml", SETTINGS),
        ("cases/named/previous.yaml", SERVICE),
        ("cases/named/expected.yaml", &named),
        ("cases/any/input.yaml", SERVICE),
        ("cases/any/expected.yaml", "[]\n"),
    ]);
    let tested = test(&folder, "port-policy", &[]);
    let printed = text(&tested.stdout);
    assert_eq!(tested.status.code(), Some(0), "{printed}");
    assert!(printed.starts_with("ok       any "), "{printed}");
    assert!(printed.contains(" fuel\n"), "{printed}");
    let coverage = "coverage: 1 of 6 rules reported; no case reports node-port, container-port, target-port, host-port, protocol\n";
    assert!(printed.contains(coverage), "{printed}");
    assert!(printed.contains("3 cases: 3 ok, 0 FAILED"), "{printed}");

    let tested = test(&folder, "port-policy", &["-o", "json"]);
    let told: Value = serde_json::from_slice(&tested.stdout).expect("JSON");
    assert_eq!(told["summary"]["failed"], 0);
    assert_eq!(told["cases"][1]["name"], "low");
    // The same on every run and every machine.
    let again = test(&folder, "port-policy", &["-o", "json"]);
    assert_eq!(again.stdout, tested.stdout);
}

#[test]
fn a_difference_fails_with_a_diff_and_update_writes_what_came() {
    let commented = format!("# Held by the platform team.\n{EXPECTED}");
    let folder = folder(&[
        ("cases/kept/input.yaml", SERVICE),
        ("cases/kept/settings.yaml", SETTINGS),
        ("cases/kept/expected.yaml", &commented),
        ("cases/low/input.yaml", SERVICE),
        ("cases/low/settings.yaml", SETTINGS),
        (
            "cases/low/expected.yaml",
            &EXPECTED.replace("/0/port", "/1/port"),
        ),
        ("cases/wrong-settings/input.yaml", SERVICE),
        ("cases/wrong-settings/settings.yaml", "servce: 1\n"),
    ]);
    let tested = test(&folder, "port-policy", &[]);
    let printed = text(&tested.stdout);
    assert_eq!(tested.status.code(), Some(1), "{printed}");
    for part in [
        "FAILED   low ",
        "\n  -  field: /spec/ports/1/port\n  +  field: /spec/ports/0/port\n",
        "  --- expected.yaml (not there)\n",
        "3 cases: 1 ok, 2 FAILED",
    ] {
        assert!(printed.contains(part), "{part:?} is missing in {printed}");
    }
    let updated = test(&folder, "port-policy", &["--update"]);
    assert_eq!(updated.status.code(), Some(0));
    assert!(text(&updated.stdout).contains("2 files written"));
    assert_eq!(read(&folder, "cases/low/expected.yaml"), EXPECTED);
    let refused = read(&folder, "cases/wrong-settings/expected.yaml");
    assert!(
        refused.contains("rule: trimtab/plugin-settings\n"),
        "{refused}"
    );
    assert_eq!(read(&folder, "cases/kept/expected.yaml"), commented);
    assert_eq!(test(&folder, "port-policy", &[]).status.code(), Some(0));
}

#[test]
fn a_transformers_case_holds_the_objects_after_it() {
    let folder = folder(&[
        ("cases/labels/input.yaml", SERVICE),
        ("cases/labels/settings.yaml", "labels: {of: \"{kit}\"}\n"),
        (
            "cases/labels/case.yaml",
            "kit: kits/acme/shop\nnamespace: acme\n",
        ),
        (
            "cases/labels/output.yaml",
            &SERVICE.replace("{name: shop}", "{name: shop, labels: {of: kits.acme.shop}}"),
        ),
        ("cases/missing/input.yaml", SERVICE),
    ]);
    let tested = test(&folder, "common-labels", &[]);
    let printed = text(&tested.stdout);
    assert_eq!(tested.status.code(), Some(1), "{printed}");
    assert!(printed.starts_with("ok       labels "), "{printed}");
    assert!(
        printed.contains("--- output.yaml (not there)\n"),
        "{printed}"
    );
    assert!(
        printed.contains("coverage: 0 of 2 rules reported"),
        "{printed}"
    );
    assert_eq!(
        test(&folder, "common-labels", &["--update"]).status.code(),
        Some(0)
    );
    assert!(read(&folder, "cases/missing/output.yaml").contains("namespace: test\n"));
}

#[test]
fn rules_over_several_kits_have_a_file_a_kit() {
    let service = SERVICE.replace("{port: 80}", "{port: 80, nodePort: 30080}");
    let folder = folder(&[
        ("cases/twice/input/kits/acme.yaml", &service),
        ("cases/twice/input/kits/zoo.yaml", &service),
    ]);
    assert_eq!(
        test(&folder, "unique-node-ports", &["--update"])
            .status
            .code(),
        Some(0)
    );
    let written = read(&folder, "cases/twice/expected.yaml");
    assert!(written.contains("object: Service acme/shop\n"), "{written}");
    assert!(written.contains("object: Service zoo/shop\n"), "{written}");
}

#[test]
fn files_that_no_case_has_and_broken_ones_fail_that_case_alone() {
    let folder = folder(&[
        ("cases/a/input.yaml", SERVICE),
        ("cases/a/expected.yml", "[]\n"),
        ("cases/b/input.yaml", "kind: Service\n"),
        ("cases/c/expected.yaml", "[]\n"),
        ("cases/d/input.yaml", SERVICE),
        ("cases/d/case.yaml", "kits: a\n"),
        ("cases/e/input.yaml", SERVICE),
        ("cases/e/expected.yaml", "[]\n"),
    ]);
    let tested = test(&folder, "port-policy", &[]);
    let printed = text(&tested.stdout);
    assert_eq!(tested.status.code(), Some(1), "{printed}");
    for part in [
        "expected.yml is no file of a case; there are input.yaml, ",
        "input.yaml:1:1: this object has no apiVersion",
        "a case has either input.yaml, or a file a kit in input/",
        "case.yaml: unknown field `kits`",
        "5 cases: 1 ok, 4 FAILED",
    ] {
        assert!(printed.contains(part), "{part:?} is missing in {printed}");
    }
    // What cannot be run cannot be updated.
    assert_eq!(
        test(&folder, "port-policy", &["--update"]).status.code(),
        Some(1)
    );
}

#[test]
fn a_folder_without_cases_or_component_says_what_to_do() {
    let empty = folder(&[]);
    let tested = test(&empty, "port-policy", &[]);
    assert_eq!(tested.status.code(), Some(2));
    assert!(text(&tested.stderr).contains("there is no case in "));
    let tested = trimtab(empty.path(), &["plugin", "test"]);
    assert_eq!(tested.status.code(), Some(2));
    let told = text(&tested.stderr);
    assert!(
        told.contains("it has no Cargo.toml, package.json or pyproject.toml"),
        "{told}"
    );
}

/// Natively they pass by the plugins' own tests; here as a host hears them.
#[test]
fn the_library_s_cases_pass_in_the_sandbox_and_report_every_rule() {
    let has_cases = |plugin: &&&str| root().join("plugins").join(plugin).join("cases").is_dir();
    for plugin in PLUGINS.iter().filter(has_cases) {
        let component = component(plugin);
        let path = component.to_str().expect("UTF-8");
        let folder = root().join("plugins").join(plugin);
        let tested = trimtab(&folder, &["plugin", "test", "--component", path]);
        let printed = text(&tested.stdout);
        assert_eq!(tested.status.code(), Some(0), "{plugin}: {printed}");
        assert!(!printed.contains("no case reports"), "{plugin}: {printed}");
    }
}

/// Pods, what they take from, Services that select them, and Ingresses that name a Service nearly
/// right: each look-up, selector and proposal there is.
fn platform(size: usize) -> tempfile::TempDir {
    let objects = |index: usize| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: web-{index}, labels: {{app: web-{index}, part-of: shop}}}}
spec:
  containers:
  - {{name: web, ports: [{{name: http, containerPort: 8080}}], envFrom: [{{configMapRef: {{name: config-{index}}}}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: config-{index}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web-{index}}}
spec: {{selector: {{app: web-{index}, part-of: shop}}, ports: [{{port: 80, targetPort: http}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web-{index}}}
spec: {{rules: [{{host: h{index}.example.org, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: wbe-{index}, port: {{number: 80}}}}}}}}]}}}}]}}
"
        )
    };
    let input: Vec<String> = (0..size).map(objects).collect();
    folder(&[
        ("cases/many/input/kits/shop.yaml", &input.join("---\n")),
        ("cases/many/expected.yaml", "[]\n"),
    ])
}

#[test]
fn ten_times_the_objects_cost_references_about_ten_times_the_fuel() {
    let fuel = |size: usize| {
        let tested = test(&platform(size), "references", &["-o", "json"]);
        let printed = text(&tested.stdout);
        let told: Value = serde_json::from_str(&printed).expect("JSON");
        // What it finds is of no matter here.
        told["cases"][0]["fuel"]
            .as_u64()
            .expect("it gave an answer")
    };
    // Four objects each. No answer would be a fuel of none, or of nothing.
    let (thousand, ten_thousand) = (fuel(250), fuel(2_500));
    assert!(
        0 < thousand && thousand < ten_thousand && ten_thousand < 14 * thousand,
        "{thousand} for 1,000 objects, {ten_thousand} for 10,000"
    );
}
