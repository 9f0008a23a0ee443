use std::fs;

use crate::kit::{Discoverer, RepositorySpec, Supplied};

use super::*;

/// The names of the objects that a kit of these files renders to, or its findings.
fn render(files: &[(&str, &str)], ignore: &str) -> Result<Vec<String>, Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join("kits/a").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let yaml = format!("url: file:///a\nkits: [{{path: kits/a, ignore: [{ignore}]}}]");
    let spec: RepositorySpec = serde_yaml::from_str(&yaml).expect("a spec");
    let snapshot = Snapshot::of_directory(folder.path()).expect("a snapshot");
    let kits = Discoverer::default().discover(&snapshot, &spec, &Supplied::default());
    let kit = kits.expect("discovered").kits.remove(0);
    let name = |manifest: &Manifest| manifest.key().name.to_string();
    let place = |finding: &Finding| match &finding.origin {
        Some(origin) => format!("{} {origin}", finding.rule),
        None => finding.to_string(),
    };
    plain(&snapshot, &kit, &Limits::default())
        .map(|manifests| manifests.iter().map(name).collect())
        .map_err(|findings| findings.iter().map(place).collect())
}

fn object(name: &str) -> String {
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}")
}

fn names(names: &[&str]) -> Result<Vec<String>, Vec<String>> {
    Ok(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn ignored_files_are_no_manifests_and_the_innermost_pattern_wins() {
    let (a, b, c, d) = (object("a"), object("b"), object("c"), object("d"));
    let files = [
        (
            ".trimtabignore",
            "# not ours\n/values.yaml\ndraft*\nvendor/\n",
        ),
        ("a.yaml", a.as_str()),
        ("values.yaml", "replicas: 3"),
        ("sub/values.yaml", b.as_str()),
        ("sub/draft-1.yaml", c.as_str()),
        ("sub/.trimtabignore", "!draft-1.yaml\n"),
        ("draft-2.yaml", d.as_str()),
        ("vendor/Chart.yaml", "name: x"),
    ];
    assert_eq!(render(&files, ""), names(&["a", "c", "b"]));
}

#[test]
fn the_platform_team_says_what_is_no_manifest_too() {
    let a = object("a");
    let files = [
        ("a.yaml", a.as_str()),
        ("sub/kustomization.yaml", "resources: [a.yaml]"),
    ];
    assert_eq!(render(&files, "kustomization.yaml"), names(&["a"]));
    let refused = Err(vec![
        "trimtab/renderer kits/a/sub/kustomization.yaml:1".to_owned(),
    ]);
    assert_eq!(render(&files, ""), refused);
}

#[test]
fn a_pattern_that_is_none_stops_the_kit_at_its_line() {
    let a = object("a");
    let files = [("a.yaml", a.as_str()), (".trimtabignore", "ok\n[z-a]\n")];
    let refused = Err(vec!["trimtab/ignore kits/a/.trimtabignore:2".to_owned()]);
    assert_eq!(render(&files, ""), refused);
    let long = "x\n".repeat(10_000);
    let files = [("a.yaml", a.as_str()), (".trimtabignore", long.as_str())];
    let refused = Err(vec!["trimtab/source kits/a/.trimtabignore:1".to_owned()]);
    assert_eq!(render(&files, ""), refused);
}
