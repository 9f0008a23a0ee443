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
    let objects = run::from_yaml("kits/a", yaml);
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
fn more_findings_than_anybody_reads_are_counted() {
    let pods: Vec<String> = (0..3_000)
        .map(|index| {
            POD.split("---")
                .next()
                .unwrap()
                .replace("web", &format!("web{index}"))
        })
        .collect();
    let found = found(json!({}), &pods.join("\n---\n"));
    assert_eq!(found.len(), 2_001);
    assert!(
        found[2_000]
            .message
            .starts_with("1000 more findings are left out")
    );
}
