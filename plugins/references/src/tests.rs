use super::*;
use serde_json::json;
use trimtab_plugin::{run, testing};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::referential_cases::<References>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::referential_odd_objects::<References>(CASES);
}

fn found(settings: serde_json::Value, yaml: &str) -> Vec<trimtab_plugin::Finding> {
    of(settings, &run::from_yaml("kits/a", yaml))
}

fn of(
    settings: serde_json::Value,
    objects: &[trimtab_plugin::Object],
) -> Vec<trimtab_plugin::Finding> {
    let json: Vec<String> = objects.iter().map(|it| it.value.to_string()).collect();
    let texts = objects.iter().zip(&json).map(|(object, json)| run::Text {
        kit: &object.kit,
        json,
        path: &object.path,
        line: object.line,
    });
    let settings = settings.to_string();
    let call = run::Call {
        settings: &settings,
        ..run::Call::default()
    };
    run::validate_all::<References>(call, texts).expect("the settings are settings")
}

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: web, envFrom: [{configMapRef: {name: web-confg}}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web-config, namespace: shop}
";

#[test]
fn the_name_that_was_meant_is_proposed_where_the_wrong_one_stands() {
    let found = found(json!({}), POD);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].proposed.as_deref(), Some("web-config"));
    let field = found[0].field.as_deref();
    assert_eq!(
        field,
        Some("/spec/containers/0/envFrom/0/configMapRef/name")
    );
}

#[test]
fn a_rule_weighs_what_the_settings_say() {
    assert_eq!(found(json!({"levels": {"config-map": "ignore"}}), POD), []);
    let warned = found(json!({"levels": {"config-map": "warning"}}), POD);
    assert_eq!(warned[0].severity, trimtab_plugin::Severity::Warning);
}

#[test]
fn settings_that_say_nothing_or_name_no_rule_are_refused() {
    for wrong in [
        json!({"external": [{}]}),
        json!({"external": [{"reason": "x"}]}),
        json!({"externalPods": [{}]}),
        json!({"levels": {"secrets": "error"}}),
        json!({"levels": {"secret": "off"}}),
        json!({"exempt": [{}]}),
    ] {
        let read = serde_json::from_value::<Settings>(wrong.clone());
        assert!(read.is_err(), "{wrong}");
    }
}

#[test]
fn what_nobody_reads_is_counted_kit_by_kit_and_weighs_what_it_weighs() {
    let kit = |kit: &str, count: usize, yaml: &str| {
        let objects = (0..count).map(|index| yaml.replace("NAME", &format!("{kit}{index}")));
        let yaml: Vec<String> = objects.collect();
        run::from_yaml(kit, &yaml.join("\n---\n"))
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME, namespace: a}\nspec: {selector: {app: x}, ports: [{port: 1, targetPort: 7}]}";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, namespace: a, labels: {app: x}}\nspec: {containers: [{name: a, image: b}]}";
    let lost = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, namespace: a}\nspec: {containers: [{name: a, image: b, envFrom: [{configMapRef: {name: gone}}]}]}";
    let mut objects = kit("kits/loud", 3_000, service);
    objects.extend(kit("kits/loud", 2, lost));
    objects.extend(kit("kits/pods", 1, pod));
    objects.extend(kit("kits/wrong", 150, lost));
    objects.extend(kit("kits/one", 1, lost));
    let found = of(json!({}), &objects);
    let told = |kit: &str, severity: trimtab_plugin::Severity| {
        let of_kit = found.iter().filter(|it| {
            let index = it.object.map(|index| index as usize);
            let object = index.and_then(|index| objects.get(index));
            object.is_some_and(|object| object.kit == kit) && it.severity == severity
        });
        of_kit.count()
    };
    use trimtab_plugin::Severity::{Error, Warning};
    // What weighs more is not lost behind what weighs less, and keeps its rule.
    let loud = (told("kits/loud", Warning), told("kits/loud", Error));
    assert_eq!(loud, (101, 1));
    let last = found.iter().filter(|it| it.message.contains("left out"));
    let mut rules: Vec<&str> = last.map(|it| it.rule.as_str()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["config-map", "config-map", "target-port-number"]);
    assert_eq!(told("kits/wrong", Error), 101);
    assert_eq!(told("kits/one", Error), 1);
    assert!(found.iter().all(|it| it.object.is_some()));
}
