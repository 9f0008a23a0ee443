use super::*;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::cases::<Probes>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_objects::<Probes>(CASES);
}

/// Rules and proposals for one container of a Deployment.
fn findings(settings: Value, container: Value) -> Vec<(String, Option<String>)> {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    });
    let findings = testing::findings::<Probes>(settings, &[object]).into_iter();
    findings.map(|it| (it.rule, it.proposed)).collect()
}

fn proposed(rule: &str, value: &str) -> (String, Option<String>) {
    (rule.into(), Some(value.into()))
}

#[test]
fn a_missing_readiness_probe_is_proposed_from_what_is_there() {
    let port = json!({"name": "web", "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]});
    assert_eq!(
        findings(json!({}), port),
        [proposed("readiness", r#"{"tcpSocket":{"port":"http"}}"#)]
    );
    let live = json!({"name": "web", "livenessProbe": {"exec": {"command": ["true"]}}});
    assert_eq!(
        findings(json!({}), live),
        [proposed(
            "readiness",
            r#"{"exec":{"command":["true"]},"failureThreshold":1}"#
        )]
    );
    assert_eq!(
        findings(json!({}), json!({"name": "web"})),
        [("readiness".into(), None)]
    );
}

#[test]
fn a_missing_startup_probe_is_proposed_from_the_liveness_probe() {
    let settings = json!({"readiness": [], "startup": ["Deployment"]});
    let live = json!({"name": "web", "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 2}});
    let expected = r#"{"exec":{"command":["true"]},"failureThreshold":30}"#;
    assert_eq!(findings(settings, live), [proposed("startup", expected)]);
}

#[test]
fn the_only_declared_port_is_proposed() {
    let with = |port: Value| json!({"name": "web", "ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": {"httpGet": {"port": port}}});
    for (port, expected) in [(json!("web"), "http"), (json!(8081), "8080")] {
        assert_eq!(
            findings(json!({}), with(port)),
            [proposed("port", expected)]
        );
    }
    for fine in [json!("http"), json!(8080), json!("8080")] {
        assert_eq!(findings(json!({}), with(fine)), []);
    }
}

#[test]
fn a_liveness_probe_is_the_same_unless_it_waits_longer() {
    let with = |liveness: Value| {
        let readiness = json!({"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5});
        json!({"name": "web", "ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": readiness, "livenessProbe": liveness})
    };
    let same = [proposed("same", "3")];
    for (liveness, expected) in [
        (
            json!({"httpGet": {"port": 8080, "scheme": "HTTP"}, "failureThreshold": 1}),
            &same[..],
        ),
        (json!({"httpGet": {"port": 8080}}), &[]),
        (
            json!({"httpGet": {"port": 8080, "path": "/live"}, "failureThreshold": 1}),
            &[],
        ),
        (
            json!({"tcpSocket": {"port": 8080}, "failureThreshold": 1}),
            &[],
        ),
    ] {
        assert_eq!(
            findings(json!({}), with(liveness.clone())),
            expected,
            "{liveness}"
        );
    }
}

#[test]
fn settings_that_ask_for_probes_of_jobs_are_refused() {
    for wrong in [
        json!({"liveness": ["Job"]}),
        json!({"handlers": ["http"]}),
        json!({"readyness": []}),
    ] {
        assert!(
            serde_json::from_value::<Settings>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}
