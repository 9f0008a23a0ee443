use super::*;
use serde_json::{Value, json};
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::cases::<Resources>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_objects::<Resources>(CASES);
}

fn proposals(settings: Value, resources: Value) -> Vec<(String, Option<String>)> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "resources": resources}]},
    });
    let findings = testing::findings::<Resources>(settings, &[pod]).into_iter();
    findings.map(|it| (it.rule, it.proposed)).collect()
}

fn proposed(rule: &str, value: &str) -> (String, Option<String>) {
    (rule.into(), Some(value.into()))
}

#[test]
fn what_was_meant_by_no_quantity_is_proposed() {
    for (written, expected) in [
        ("512MB", "512M"),
        ("1gi", "1Gi"),
        ("64 Mi", "64Mi"),
        ("2 GiB", "2Gi"),
        ("512m", "512Mi"),
        ("100 ", "100"),
    ] {
        let found = proposals(
            json!({"requests": {"required": []}}),
            json!({"limits": {"memory": written}}),
        );
        assert_eq!(found, [proposed("quantity", expected)], "{written}");
    }
    let found = proposals(
        json!({"limits": {"required": []}}),
        json!({"requests": {"cpu": "2 cores", "memory": "much"}}),
    );
    assert_eq!(
        found,
        [proposed("quantity", "2"), ("quantity".into(), None)]
    );
}

#[test]
fn the_end_of_the_range_is_proposed_as_the_settings_write_it() {
    let settings = json!({
        "requests": {"ranges": {"cpu": {"min": "10m", "max": 2}}},
        "limits": {"ranges": {"memory": {"max": "4Gi"}}},
    });
    let resources = json!({"requests": {"cpu": 2.5}, "limits": {"memory": "4.5Gi"}});
    assert_eq!(
        proposals(settings, resources),
        [
            proposed("request-range", "2"),
            proposed("limit-range", "4Gi")
        ]
    );
}

#[test]
fn a_missing_limit_is_proposed_from_the_request() {
    let request = json!({"requests": {"cpu": "100m", "memory": "128Mi"}});
    assert_eq!(
        proposals(json!({}), request.clone()),
        [proposed("limit-required", "128Mi")]
    );
    let settings = json!({
        "limits": {"required": ["cpu", "memory"], "ranges": {"memory": {"max": "300Mi"}}},
        "ratios": {"cpu": 4, "memory": "4"},
    });
    assert_eq!(
        proposals(settings, request),
        [
            proposed("limit-required", "400m"),
            proposed("limit-required", "300Mi")
        ]
    );
}

#[test]
fn a_limit_too_far_from_its_request_is_proposed_as_far_as_it_may() {
    let resources = json!({
        "requests": {"cpu": "100m", "memory": "100Mi"},
        "limits": {"cpu": "1", "memory": "151Mi"},
    });
    let settings = json!({"ratios": {"cpu": 4, "memory": 1.5}});
    assert_eq!(
        proposals(settings.clone(), resources),
        [proposed("ratio", "400m"), proposed("ratio", "150Mi")]
    );
    let exact = json!({
        "requests": {"cpu": "0.1", "memory": "100Mi"},
        "limits": {"cpu": "400m", "memory": "150Mi"},
    });
    assert_eq!(proposals(settings, exact), []);
}

#[test]
fn a_limit_below_its_request_is_proposed_as_the_request() {
    let resources = json!({
        "requests": {"cpu": 1, "memory": "1Gi"},
        "limits": {"cpu": "1000m", "memory": "1G"},
    });
    assert_eq!(
        proposals(json!({}), resources),
        [proposed("limit-below-request", "1Gi")]
    );
}

#[test]
fn settings_that_are_no_quantities_are_refused() {
    for wrong in [
        json!({"ratios": {"cpu": "x"}}),
        json!({"requests": {"ranges": {"cpu": {"min": "-1"}}}}),
        json!({"limits": {"ranges": {"cpu": {"maximum": "1"}}}}),
        json!({"require": ["cpu"]}),
    ] {
        assert!(
            serde_json::from_value::<Settings>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}
