use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// Files of a working directory.
fn files(content: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in content {
        write(folder.path(), path, text);
    }
    folder
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn spec(yaml: &str) -> RepositorySpec {
    serde_yaml::from_str(&format!("url: https://git.example.org/a.git\n{yaml}")).expect("a spec")
}

fn discover(root: &Path, spec: &RepositorySpec) -> Discovery {
    let snapshot = Snapshot::of_directory(root).expect("a snapshot");
    Discoverer::default()
        .discover(&snapshot, spec, &Supplied::default())
        .expect("readable")
}

fn paths(discovery: &Discovery) -> Vec<&str> {
    discovery.kits.iter().map(|kit| kit.path.as_str()).collect()
}

/// `rule path:line` of findings.
fn places(findings: &[Finding]) -> Vec<String> {
    let place = |it: &Finding| match &it.origin {
        Some(origin) => format!("{} {origin}", it.rule.trim_start_matches("trimtab/")),
        None => format!(
            "{} {}",
            it.rule.trim_start_matches("trimtab/"),
            it.field.as_deref().unwrap_or_default()
        ),
    };
    findings.iter().map(place).collect()
}

const KITS: &str = "kits:\n- {path: 'kits/{company}/*', namespace: '{company}'}\n";

fn kit_yaml(name: &str, spec: &str) -> String {
    format!("apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {name}}}\nspec:\n{spec}")
}

#[test]
fn a_rule_makes_kits_and_fills_captures_into_their_grants() {
    let folder = files(&[
        ("kits/acme/web/a.yaml", ""),
        ("kits/acme/db/a.yaml", ""),
        ("kits/other/web/a.yaml", ""),
        ("kits/acme/README.md", ""),
        ("docs/a.yaml", ""),
    ]);
    let found = discover(folder.path(), &spec(KITS));
    assert_eq!(
        paths(&found),
        ["kits/acme/db", "kits/acme/web", "kits/other/web"]
    );
    assert_eq!(found.findings, []);
    let grants = &found.kits[2].grants;
    assert_eq!(grants.namespace.as_deref(), Some("other"));
    assert_eq!(grants.allowed_namespaces, ["other"]);
    assert!(!grants.cluster_scoped);
}

#[test]
fn without_rules_every_directory_with_a_kit_yaml_is_a_kit() {
    let folder = files(&[
        ("a/kit.yaml", &kit_yaml("a", "")),
        ("b/c/kit.yaml", &kit_yaml("c", "")),
        ("d/x.yaml", ""),
    ]);
    assert_eq!(paths(&discover(folder.path(), &spec(""))), ["a", "b/c"]);
}

#[test]
fn a_repository_without_kit_yaml_is_one_kit() {
    let folder = files(&[("web/a.yaml", "")]);
    let found = discover(folder.path(), &spec(""));
    assert_eq!(paths(&found), ["."]);
    assert_eq!(found.kits[0].path.object_name(), "root");
    assert!(!found.kits[0].grants.cluster_scoped);
}

#[test]
fn what_cannot_be_a_kit_is_told_and_the_others_are_kits() {
    let folder = files(&[
        ("kits/acme/web/a.yaml", ""),
        ("kits/acme/Upper/a.yaml", ""),
        ("kits/acme/web/inner/a.yaml", ""),
        ("stray/kit.yaml", ""),
    ]);
    let rules = "kits: [{path: 'kits/*/*'}, {path: kits/acme/web}, {path: kits/acme/web/inner}]";
    let found = discover(folder.path(), &spec(rules));
    assert_eq!(paths(&found), ["kits/acme/web"]);
    let mut told = places(&found.findings);
    told.sort();
    assert_eq!(
        told,
        [
            "kit-name ",
            "kit-nested /spec/kits/2/path",
            "kit-not-granted stray/kit.yaml:1",
            "kit-twice /spec/kits/1/path",
        ]
    );
    assert!(found.findings.iter().all(Finding::is_error));
}

#[test]
fn two_directories_never_share_a_kit_object() {
    let folder = files(&[("a/b/x.yaml", ""), ("a.b/x.yaml", "")]);
    let found = discover(folder.path(), &spec("kits: [{path: a/b}, {path: a.b}]"));
    assert_eq!(paths(&found).len(), 1);
    assert_eq!(places(&found.findings), ["kit-name "]);
}

#[test]
fn every_fault_of_a_kit_yaml_is_told_at_its_line() {
    let text = "apiVersion: trimtab.io/v2\nkind: Kits\nmetadata:\n  name: other\nspec:\n  dependson: []\n  plugins:\n  - path: a.wasm\n    digest: md5:00\n    settings: 7\n  - digest: x\n  allowedNamespaces: []\n  ignore:\n  - kind: Service\n  - when: objekt.a\n  health:\n    rules:\n    - kind: Database.example.org\n    - kind: Deployment.apps\n      current: 'true'\n    - kind: Database.example.org\n      current: object.a ==\n";
    let folder = files(&[("kits/acme/web/kit.yaml", text)]);
    let found = discover(folder.path(), &spec(KITS));
    let mut lines: Vec<u32> = found.kits[0]
        .findings
        .iter()
        .map(|it| it.origin.as_ref().expect("a place").line)
        .collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines, [1, 2, 4, 6, 9, 10, 11, 12, 14, 15, 18, 19, 22]);
    assert!(
        found.kits[0]
            .findings
            .iter()
            .all(|it| it.rule == "trimtab/kit-file")
    );
}

#[test]
fn a_kit_yaml_narrows_its_grants_and_never_widens_them() {
    let rule = "kits: [{path: 'kits/*', allowedNamespaces: [a, b]}]";
    for (wanted, granted, told) in [
        ("[a]", &["a"][..], &[][..]),
        ("[a, c]", &["a"], &["kit-not-granted kits/web/kit.yaml:5"]),
        // For grants, no names are any names: an empty list must not come to that.
        ("[]", &["a", "b"], &["kit-file kits/web/kit.yaml:5"]),
    ] {
        let text = kit_yaml("web", &format!("  allowedNamespaces: {wanted}\n"));
        let folder = files(&[("kits/web/kit.yaml", &text)]);
        let found = discover(folder.path(), &spec(rule));
        assert_eq!(found.kits[0].grants.allowed_namespaces, granted, "{wanted}");
        assert_eq!(places(&found.kits[0].findings), told, "{wanted}");
    }
}

#[test]
fn a_missing_plugin_stops_its_kit_and_a_missing_guardrail_stops_all() {
    let text = kit_yaml(
        "a",
        "  plugins:\n  - path: mine.wasm\n  - path: /rules/shared.wasm\n  - path: ../../../out.wasm\n  - path: gone.wasm\n",
    );
    let folder = files(&[
        ("kits/a/kit.yaml", &text),
        ("kits/a/mine.wasm", "m"),
        ("kits/b/x.yaml", ""),
        ("rules/shared.wasm", "s"),
    ]);
    let found = discover(folder.path(), &spec("kits: [{path: 'kits/*'}]"));
    let used: Vec<&str> = found.kits[0]
        .plugins
        .iter()
        .map(|it| it.path.as_str())
        .collect();
    assert_eq!(used, ["kits/a/mine.wasm", "rules/shared.wasm"]);
    assert_eq!(
        places(&found.kits[0].findings),
        [
            "plugin-missing kits/a/kit.yaml:8",
            "plugin-missing kits/a/kit.yaml:9"
        ]
    );
    assert_eq!(found.kits[1].findings, []);

    let digest = format!("sha256:{}", "0".repeat(64));
    let guarded = format!(
        "kits: [{{path: 'kits/*'}}]\nguardrails: [{{path: rules/gone.wasm, digest: '{digest}'}}]"
    );
    let found = discover(folder.path(), &spec(&guarded));
    for kit in &found.kits {
        let told = places(&kit.findings);
        assert!(
            told.contains(&"plugin-missing /spec/guardrails/0/path".to_owned()),
            "{told:?}"
        );
    }
}

#[test]
fn circles_and_unknown_names_in_depends_on_are_told_at_their_lines() {
    let on = |name: &str, other: &str| kit_yaml(name, &format!("  dependsOn:\n  - {other}\n"));
    let folder = files(&[
        ("k/a/kit.yaml", &on("a", "k/b")),
        ("k/b/kit.yaml", &on("b", "k/c")),
        ("k/c/kit.yaml", &on("c", "k/a")),
        ("k/d/kit.yaml", &on("d", "k/nowhere")),
        ("k/e/kit.yaml", &on("e", "k/f")),
        ("k/f/x.yaml", ""),
    ]);
    let found = discover(folder.path(), &spec("kits: [{path: 'k/*'}]"));
    let told: Vec<Vec<String>> = found.kits.iter().map(|it| places(&it.findings)).collect();
    assert_eq!(told[0], ["dependency-cycle k/a/kit.yaml:6"]);
    assert_eq!(told[2], ["dependency-cycle k/c/kit.yaml:6"]);
    assert_eq!(told[3], ["unknown-dependency k/d/kit.yaml:6"]);
    assert!(told[4].is_empty() && told[5].is_empty());
    let message = &found.kits[0].findings[0].message;
    assert!(message.ends_with("k/a → k/b → k/c → k/a"), "{message}");
    assert_eq!(found.kits[4].depends_on, [KitPath::new("k/f")]);
}

#[test]
fn a_dependency_that_goes_changes_the_inputs_of_the_kit_that_names_it() {
    let text = kit_yaml("a", "  dependsOn:\n  - k/b\n");
    let folder = files(&[("k/a/kit.yaml", &text), ("k/b/x.yaml", "")]);
    let rules = spec("kits: [{path: 'k/*'}]");
    let before = discover(folder.path(), &rules);
    fs::remove_dir_all(folder.path().join("k/b")).expect("removed");
    let after = discover(folder.path(), &rules);
    assert_eq!(after.kits[0].findings.len(), 1);
    assert_ne!(before.kits[0].inputs, after.kits[0].inputs);
}

#[test]
fn a_revision_reads_only_the_directories_that_it_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    for index in 0..50 {
        write(folder.path(), &format!("kits/acme/kit-{index}/a.yaml"), "");
    }
    let rules = spec(KITS);
    let mut discoverer = Discoverer::default();
    let mut look = || {
        let snapshot = Snapshot::of_directory(folder.path()).expect("a snapshot");
        discoverer
            .discover(&snapshot, &rules, &Supplied::default())
            .expect("readable")
    };
    let first = look();
    assert_eq!(first.looked_at, 50);
    write(folder.path(), "kits/acme/kit-7/a.yaml", "a: 1\n");
    let second = look();
    assert_eq!(second.looked_at, 1);
    let changed: Vec<&str> = first
        .kits
        .iter()
        .zip(&second.kits)
        .filter(|(before, after)| before.inputs != after.inputs)
        .map(|(_, after)| after.path.as_str())
        .collect();
    assert_eq!(changed, ["kits/acme/kit-7"]);
    assert_eq!(look().looked_at, 0);
}

#[test]
fn whatever_a_kit_depends_on_changes_its_inputs() {
    let text = kit_yaml("a", "  plugins:\n  - path: /rules/r.wasm\n");
    let folder = files(&[
        ("k/a/kit.yaml", &text),
        ("rules/r.wasm", "one"),
        ("k/b/x.yaml", ""),
    ]);
    let inputs = |rules: &str| -> Vec<crate::kit::InputDigest> {
        let found = discover(folder.path(), &spec(rules));
        found.kits.iter().map(|it| it.inputs).collect()
    };
    let rules = "kits: [{path: 'k/*', namespace: n}]";
    let first = inputs(rules);
    assert_eq!(inputs(rules), first);
    assert_ne!(inputs("kits: [{path: 'k/*', namespace: m}]")[1], first[1]);
    write(folder.path(), "rules/r.wasm", "two");
    let second = inputs(rules);
    assert_ne!(second[0], first[0], "another plugin");
    assert_eq!(second[1], first[1], "b has no such plugin");
}

#[cfg(unix)]
#[test]
fn what_links_lead_to_changes_a_kit_s_inputs_however_far_away() {
    use std::os::unix::fs::symlink;
    let folder = files(&[
        ("k/a/x.yaml", ""),
        ("shared/x.yaml", ""),
        ("far/away.yaml", "a: 1\n"),
        ("far/kit.yaml", &kit_yaml("a", "")),
    ]);
    let at = |path: &str| folder.path().join(path);
    symlink("../../shared", at("k/a/shared")).expect("a link");
    symlink("../far/away.yaml", at("shared/linked.yaml")).expect("a link");
    symlink("../../far/kit.yaml", at("k/a/kit.yaml")).expect("a link");
    let rules = spec("kits: [{path: 'k/*'}]");
    let mut discoverer = Discoverer::default();
    let mut look = || {
        let snapshot = Snapshot::of_directory(folder.path()).expect("a snapshot");
        let found = discoverer
            .discover(&snapshot, &rules, &Supplied::default())
            .expect("readable");
        found.kits[0].clone()
    };
    let first = look();
    assert_eq!(first.findings, []);
    write(folder.path(), "far/away.yaml", "a: 2\n");
    let second = look();
    assert_ne!(second.inputs, first.inputs);
    write(folder.path(), "far/kit.yaml", &kit_yaml("b", ""));
    assert_eq!(places(&look().findings), ["kit-file k/a/kit.yaml:3"]);
}
