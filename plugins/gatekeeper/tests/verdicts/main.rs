//! The plugin's verdicts against Gatekeeper's own. Needs Go; the modules that Gatekeeper is built
//! from are those of tests/gatekeeper, and what they are tested with is read from them.

mod compare;
mod expressions;
mod matching;
mod oracle;

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize as _;
use serde_json::{Value, json};

use compare::{Compared, compare};
use oracle::{Fixtures, Oracle};

fn told(mut differences: Vec<String>) {
    differences
        .iter_mut()
        .for_each(|it| *it = it.chars().take(2000).collect());
    assert!(
        differences.is_empty(),
        "{}:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// The constraints of a template's kind, named apart.
fn of_kind(constraints: &[(String, Value)], template: &Value) -> Vec<Value> {
    let kind = &template["spec"]["crd"]["spec"]["names"]["kind"];
    let all = constraints.iter().filter(|it| it.1["kind"] == *kind);
    let mut found: Vec<Value> = all.map(|it| it.1.clone()).collect();
    if !kind.is_string() {
        return found;
    }
    found.push(json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": kind,
        "metadata": {"name": "without-anything"},
    }));
    for (index, constraint) in found.iter_mut().enumerate() {
        constraint["metadata"]["name"] = json!(format!("c{index}"));
    }
    found
}

#[test]
fn every_template_that_gatekeeper_is_tested_with_judges_every_object_alike() {
    let fixtures = Fixtures::read();
    let mut oracle = Oracle::start();
    let mut all = Compared::default();
    let mut differences = Vec::new();
    for (file, template) in &fixtures.templates {
        let mut policies = vec![template.clone()];
        policies.extend(of_kind(&fixtures.constraints, template));
        let compared = compare(&mut oracle, &policies, &fixtures.objects, &[]);
        differences.extend(
            compared
                .differences
                .iter()
                .map(|it| format!("{file}: {it}")),
        );
        all.add(&compared);
    }
    told(differences);
    println!(
        "{} templates, {} objects: {all:?}",
        fixtures.templates.len(),
        fixtures.objects.len()
    );
    assert!(
        fixtures.templates.len() >= 40,
        "{}",
        fixtures.templates.len()
    );
    assert!(all.violations >= 500, "{all:?}");
}

fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let read = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
    let read = read.map(|it| it.expect("the case's YAML is valid"));
    read.flat_map(|it| match it["kind"] == "List" {
        true => it["items"].as_array().cloned().unwrap_or_default(),
        false => vec![it],
    })
    .collect()
}

#[test]
fn the_plugins_own_cases_are_judged_alike() {
    let mut oracle = Oracle::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut differences = Vec::new();
    let mut violations = 0;
    for case in std::fs::read_dir(folder).expect("cases").flatten() {
        let case = case.path();
        // Gatekeeper judges these, or refuses them by their types.
        if case.ends_with("what-it-cannot-judge") {
            continue;
        }
        let data = std::fs::read_dir(case.join("data"))
            .into_iter()
            .flatten()
            .flatten();
        let policies = data.flat_map(|file| documents(&file.path()));
        let policy = |it: &Value| {
            let version = it["apiVersion"].as_str().unwrap_or_default();
            it["kind"] == "ConstraintTemplate" || version.starts_with("constraints.")
        };
        let policies: Vec<Value> = policies.filter(policy).collect();
        let mut objects = documents(&case.join("input.yaml"));
        objects.retain(|it| !policy(it));
        let compared = compare(&mut oracle, &policies, &objects, &[]);
        violations += compared.violations;
        let told = compared.differences.iter();
        differences.extend(told.map(|it| format!("{}: {it}", case.display())));
    }
    told(differences);
    assert!(violations >= 20, "{violations}");
}

#[test]
fn gators_own_fixtures_are_judged_as_gator_judges_them() {
    let fixtures = Fixtures::read();
    let mut oracle = Oracle::start();
    // To the command line, what names no namespace is in one without a name, and `default` is known.
    let mut objects = fixtures.objects.clone();
    objects.retain(|it| {
        !["", "default"].contains(&it["metadata"]["namespace"].as_str().unwrap_or(""))
    });
    let places: BTreeSet<String> = objects.iter().map(compare::place).collect();
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let mut compared = 0;
    let mut seen = BTreeSet::new();
    for (file, template) in &fixtures.templates {
        let kind = template["spec"]["crd"]["spec"]["names"]["kind"].to_string();
        if !file.starts_with("test/gator/") && !file.starts_with("demo/") || !seen.insert(kind) {
            continue;
        }
        let mut policies = vec![template.clone()];
        policies.extend(of_kind(&fixtures.constraints, template));
        // The command line is a point of enforcement of its own.
        policies.retain(|it| it["spec"]["enforcementAction"] != "scoped");
        let answer = oracle.judge(&policies, &[], &[]);
        let refused = answer["refused"].as_array().expect("a list");
        let taken = policies.iter().zip(refused).filter(|it| it.1 == "");
        let policies: Vec<Value> = taken.map(|it| it.0.clone()).collect();
        if policies.first() != Some(template) {
            continue;
        }
        let answer = oracle.gator(&policies, &objects);
        let theirs: BTreeSet<(String, String)> = answer["gator"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|it| !it["details"].is_null())
            .map(|it| (text(&it["object"]), text(&it["message"])))
            // It judges the policies as well.
            .filter(|it| places.contains(&it.0))
            .collect();
        let ours = compare::messages(&policies, &objects);
        let differing: Vec<_> = ours.symmetric_difference(&theirs).collect();
        assert!(differing.is_empty(), "{file}: {differing:?}");
        compared += ours.len();
    }
    assert!(compared >= 100, "{compared}");
}
