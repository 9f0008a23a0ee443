use std::path::Path;

use super::*;
use crate::kit::{Discoverer, KitSource, Renderer};
use crate::source::Snapshot;

const SPEC: &str = "url: file:///
kits: [{path: 'kits/*', namespace: acme}]
values:
- {name: vars, configMapRef: {name: vars}}
- {name: keys, secretRef: {name: keys}, kits: [kits/shop]}
- {name: more, configMapRef: {name: more}, optional: true}
";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

fn here(entries: &[(&str, &str)], secret: bool) -> Supply {
    let entries = entries.iter();
    let entries = entries.map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
    Supply::Here(Values::new(entries.collect(), secret, "uid").into())
}

fn supplied(all: &[(&str, Supply)]) -> Supplied {
    Supplied::of(
        all.iter()
            .map(|(name, it)| ((*name).to_owned(), it.clone())),
    )
}

fn found(kit: &str, spec: &str, supplied: &Supplied) -> KitSource {
    let folder = tempfile::tempdir().expect("a folder");
    let head = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec:\n";
    write(
        folder.path(),
        "kits/shop/kit.yaml",
        &format!("{head}{spec}"),
    );
    write(folder.path(), "kits/web/a.txt", "");
    let web = head.replace("shop", "web");
    write(folder.path(), "kits/web/kit.yaml", &format!("{web}{spec}"));
    let snapshot = Snapshot::of_directory(folder.path()).expect("a snapshot");
    let repository = serde_yaml::from_str(SPEC).expect("a spec");
    let found = Discoverer::default().discover(&snapshot, &repository, supplied);
    let kits = found.expect("readable").kits;
    let kit = kits.iter().find(|it| it.path.as_str() == kit);
    (**kit.expect("it is there")).clone()
}

fn told(kit: &KitSource) -> Vec<String> {
    kit.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_kit_names_is_merged_in_its_order_and_its_own_values_win() {
    let spec = "  variables:\n    values: {own: kit, a: kit}\n    from: [vars, keys, more]\n";
    let vars = [
        ("a", "map"),
        ("b", "map"),
        ("c", "map\n"),
        ("values.yaml", "x: 1"),
    ];
    let all = supplied(&[
        ("vars", here(&vars, false)),
        ("keys", here(&[("b", "secret")], true)),
        ("more", Supply::Missing),
    ]);
    let kit = found("kits/shop", spec, &all);
    assert_eq!(told(&kit), [""; 0]);
    let variables = kit.given.variables.expect("it has some");
    assert_eq!(variables.get("a"), Some(("kit", false)));
    assert_eq!(variables.get("b"), Some(("secret", true)));
    assert_eq!(variables.get("c"), Some(("map", false)));
    assert_eq!(variables.get("values.yaml"), None);
    assert_eq!(variables.secrets().collect::<Vec<_>>(), ["secret"]);
    assert!(variables.strict);
    assert!(kit.given.salt.is_some());
    let names: Vec<&str> = kit.given.values.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["keys", "more", "vars"]);
    // What is not told is not told in passing.
    assert!(!format!("{variables:?}").contains("secret"));
}

#[test]
fn what_is_not_granted_or_not_there_stops_the_kit_at_its_line_and_says_what_to_do() {
    let spec = "  variables:\n    from:\n    - keys\n    - typo\n    - vars\n";
    let all = supplied(&[("keys", here(&[], true)), ("vars", Supply::Missing)]);
    let kit = found("kits/web", spec, &all);
    let told = told(&kit);
    assert_eq!(told.len(), 3, "{told:#?}");
    let at = |line: u32, words: &[&str]| {
        let place = format!("kits/web/kit.yaml:{line}: ");
        let line = told.iter().find(|it| it.starts_with(&place));
        let line = line.unwrap_or_else(|| panic!("{place} {told:#?}"));
        words
            .iter()
            .for_each(|it| assert!(line.contains(it), "{it}: {line}"));
    };
    at(7, &["values-not-granted", "add kits/web to its `kits`"]);
    at(8, &["values-not-granted", "\"typo\"", "vars, more"]);
    at(
        9,
        &["values-missing", "the ConfigMap vars", "create it there"],
    );
    let unknown = supplied(&[("vars", Supply::Unknown("it is forbidden".into()))]);
    let kit = found("kits/web", "  variables: {from: [vars]}\n", &unknown);
    assert!(kit.findings[0].message.contains("it is forbidden"));
    let kit = found(
        "kits/web",
        "  variables: {from: [vars]}\n",
        &Supplied::default(),
    );
    let hint = kit.findings[0].hint.as_deref().unwrap_or_default();
    assert!(hint.starts_with("say --values vars=FILE"), "{hint}");
}

#[test]
fn a_chart_has_the_entry_that_the_repository_names_and_faults_tell_no_value() {
    let spec = "  helm:\n    chart: /charts/web\n    valuesFrom: [vars, keys]\n";
    let all = |text: &str| {
        supplied(&[
            ("vars", here(&[("values.yaml", "replicas: 2\n")], false)),
            ("keys", here(&[("values.yaml", text)], true)),
        ])
    };
    let kit = found("kits/shop", spec, &all("password: hunter22\n"));
    assert_eq!(told(&kit), [""; 0]);
    let Renderer::Helm(release) = &kit.renderer else {
        panic!("it is a chart");
    };
    assert_eq!(release.values_from[0].json, r#"{"replicas":2}"#);
    assert!(release.values_from[1].secret);
    assert!(!format!("{kit:?}").contains("hunter22"));
    for bad in [
        "hunter22",
        "- hunter22\n",
        "a: [hunter22\n",
        "a: hunter22: x\n",
    ] {
        let kit = found("kits/shop", spec, &all(bad));
        assert_eq!(kit.findings.len(), 1, "{bad}");
        assert_eq!(kit.findings[0].rule, "trimtab/values-invalid");
        assert!(
            !told(&kit).concat().contains("hunter22"),
            "{:?}",
            told(&kit)
        );
    }
}

#[test]
fn inputs_are_others_exactly_when_what_the_kit_names_is() {
    let inputs = |spec: &str, vars: Supply, keys: Supply| {
        let all = supplied(&[("vars", vars), ("keys", keys)]);
        found("kits/shop", spec, &all).inputs.to_string()
    };
    let named = "  variables: {from: [vars]}\n";
    let one = || here(&[("a", "1")], false);
    let two = || here(&[("a", "2")], false);
    let key = |text: &str| here(&[("a", text)], true);
    assert_eq!(
        inputs(named, one(), key("x")),
        inputs(named, one(), key("y"))
    );
    assert_ne!(
        inputs(named, one(), key("x")),
        inputs(named, two(), key("x"))
    );
    assert_ne!(
        inputs(named, one(), key("x")),
        inputs(named, Supply::Missing, key("x"))
    );
    assert_eq!(
        inputs("  drift: report\n", one(), key("x")),
        inputs("  drift: report\n", two(), key("y"))
    );
}

#[test]
fn a_secret_cannot_be_guessed_from_its_digest() {
    let values = |uid: &str, secret| {
        let entries = [("a".to_owned(), b"hunter22".to_vec())];
        Values::new(entries.into(), secret, uid).digest
    };
    assert_ne!(values("one", true), values("other", true));
    assert_eq!(values("one", false), values("other", false));
}
