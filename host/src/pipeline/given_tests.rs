//! What the platform team gives kits, from files and values to verdicts.

use super::tests::{Platform, told};
use super::*;
use crate::kit::{Supplied, Supply, Values};

const SPEC: &str = "kits: [{path: 'kits/*', namespace: acme}]
values:
- {name: vars, configMapRef: {name: vars}}
- {name: keys, secretRef: {name: keys}}
";

fn kit(name: &str, variables: &str) -> String {
    format!(
        "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {name}}}\nspec:\n  variables: {variables}\n"
    )
}

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: ${replicas}
  template: {spec: {containers: [{name: web, image: 'web:${version:-1.0}'}]}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: dashboard
  annotations: {trimtab.io/substitute: disabled}
data: {json: '${replicas} ${anything}'}
";

fn supplied(vars: &[(&str, &str)], keys: &[(&str, &str)]) -> Supplied {
    let values = |all: &[(&str, &str)], secret| {
        let all = all.iter();
        let entries = all.map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        Supply::Here(Values::new(entries.collect(), secret, "uid").into())
    };
    Supplied::of([
        ("vars".to_owned(), values(vars, false)),
        ("keys".to_owned(), values(keys, true)),
    ])
}

#[test]
fn variables_are_put_in_before_anything_judges_and_a_changed_value_renders_its_kits_alone() {
    let files = [
        ("kits/web/kit.yaml", kit("web", "{from: [vars]}")),
        ("kits/web/web.yaml", WEB.to_owned()),
        ("kits/other/kit.yaml", kit("other", "{from: [keys]}")),
        (
            "kits/other/a.yaml",
            WEB.replace("name: web\n", "name: other\n")
                .replace("dashboard", "other")
                .replace("${replicas}\n", "1\n"),
        ),
        (
            "kits/plain/a.yaml",
            WEB.replace("name: web\n", "name: plain\n")
                .replace("dashboard", "plain")
                .replace("${replicas}\n", "1\n"),
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (*a, b.as_str())).collect();
    let mut platform = Platform::new(SPEC, &files);
    platform.supplied = supplied(&[("replicas", "2")], &[("version", "7.7.7.7")]);
    let first = platform.evaluate();
    let object = |evaluation: &Evaluation, kit: usize, at: usize| {
        evaluation.verdicts[kit].rendered.manifests[at]
            .object
            .clone()
    };
    for verdict in &first.verdicts {
        assert_eq!(told(verdict), [""; 0], "{}", verdict.kit.path);
    }
    assert_eq!(object(&first, 2, 0)["spec"]["replicas"], 2);
    assert_eq!(
        object(&first, 2, 1)["data"]["json"],
        "${replicas} ${anything}"
    );
    // A kit without variables is left as it is.
    let image = "/spec/template/spec/containers/0/image";
    assert_eq!(
        object(&first, 1, 0).pointer(image),
        Some(&"web:${version:-1.0}".into())
    );
    assert_eq!(
        object(&first, 0, 0).pointer(image),
        Some(&"web:7.7.7.7".into())
    );
    platform.supplied = supplied(&[("replicas", "3")], &[("version", "7.7.7.7")]);
    let second = platform.evaluate();
    assert_eq!(second.looked_at, 1);
    assert_eq!(object(&second, 2, 0)["spec"]["replicas"], 3);
    assert_ne!(first.verdicts[2].kit.inputs, second.verdicts[2].kit.inputs);
    // As a host that starts anew has it.
    let anew = platform.fresh();
    for (one, other) in anew.verdicts.iter().zip(&second.verdicts) {
        assert_eq!(one.kit.inputs, other.kit.inputs);
        assert_eq!(one.rendered.digest, other.rendered.digest);
    }
}

#[test]
fn a_variable_that_is_not_set_stops_its_kit_at_its_line_unless_the_kit_takes_it_as_empty() {
    let strict = kit("web", "{values: {a: b}}");
    let files = [
        ("kits/web/kit.yaml", strict.as_str()),
        ("kits/web/web.yaml", WEB),
    ];
    let verdict = Platform::new(SPEC, &files).evaluate().verdicts.remove(0);
    assert_eq!(told(&verdict), ["trimtab/variables kits/web/web.yaml:6"]);
    let finding = verdict.findings().next().expect("one");
    assert_eq!(finding.field.as_deref(), Some("/spec/replicas"));
    assert!(finding.message.contains("the variable replicas is not set"));
    let lenient = kit("web", "{strict: false}");
    let files = [
        ("kits/web/kit.yaml", lenient.as_str()),
        ("kits/web/web.yaml", WEB),
    ];
    let verdict = Platform::new(SPEC, &files).evaluate().verdicts.remove(0);
    assert_eq!(told(&verdict), [""; 0]);
    assert!(verdict.rendered.manifests[0].object["spec"]["replicas"].is_null());
}

#[test]
fn values_of_secrets_are_in_no_finding_and_no_name() {
    let file = kit("web", "{from: [keys]}");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {url: 'https://u:${password}@x'}\n";
    let named = text.replace("name: a", "name: '${password}'");
    let labelled = text.replace("name: a", "name: b, namespace: '${password}'");
    // A label's value is told by the host's own law.
    let own = text.replace(
        "{name: a}",
        "{name: c, labels: {trimtab.io/x: '${password}'}, uid: '${password}'}",
    );
    let files = [
        ("kits/web/kit.yaml", file.as_str()),
        ("kits/web/a.yaml", text),
        ("kits/web/b.yaml", named.as_str()),
        ("kits/web/c.yaml", labelled.as_str()),
        ("kits/web/d.yaml", own.as_str()),
    ];
    let mut platform = Platform::new(SPEC, &files);
    platform.supplied = supplied(&[], &[("password", "hunter22")]);
    let verdict = platform.evaluate().verdicts.remove(0);
    assert_eq!(
        told(&verdict),
        [
            "trimtab/variables kits/web/b.yaml:3",
            "trimtab/variables kits/web/c.yaml:3"
        ]
    );
    let shown = format!("{verdict:?}");
    assert!(!shown.contains("hunter22"), "{shown}");
    // Without these, all is well, and what it became is known.
    let mut platform = Platform::new(SPEC, &files[..2]);
    platform.supplied = supplied(&[], &[("password", "hunter22")]);
    let verdict = platform.evaluate().verdicts.remove(0);
    assert_eq!(told(&verdict), [""; 0]);
    let given = &verdict.rendered.given;
    assert_eq!(given.masked("hunter22 aHVudGVyMjI="), "*** ***");
    // Whoever knows all of the repository cannot try out passwords on the digest.
    let manifests = &verdict.rendered.manifests;
    assert_ne!(
        verdict.rendered.digest,
        super::digest::digest(manifests, None)
    );
}

#[test]
fn two_objects_that_get_one_name_are_told() {
    let file = kit("web", "{values: {a: x, b: x}}");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${a}'}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${b}'}\n";
    let files = [
        ("kits/web/kit.yaml", file.as_str()),
        ("kits/web/a.yaml", text),
    ];
    let verdict = Platform::new(SPEC, &files).evaluate().verdicts.remove(0);
    assert_eq!(told(&verdict), ["trimtab/object-twice kits/web/a.yaml:5"]);
}
