use super::*;
use trimtab_plugin::run::from_yaml;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::cases::<PortPolicy>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_objects::<PortPolicy>(CASES);
}

fn findings(settings: &str, yaml: &str) -> Vec<(String, Option<String>, Option<String>)> {
    let settings = serde_json::from_str(settings).expect("valid settings");
    let context = Context::new("kits/a", "a", settings);
    let mut report = Report::default();
    PortPolicy::validate(&context, &from_yaml("kits/a", yaml), &mut report);
    let row =
        |it: &trimtab_plugin::Finding| (it.rule.clone(), it.field.clone(), it.proposed.clone());
    report.findings().iter().map(row).collect()
}

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: vision, namespace: a}
spec:
  selector: {app: vision}
  ports:
  - {port: PORT, targetPort: TARGET, nodePort: 30080}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: vision, namespace: a}
spec:
  template:
    metadata: {labels: {app: vision, tier: ai}}
    spec:
      containers:
      - name: vision
        ports: [{name: http, containerPort: 8080}]
";

fn kit(port: &str, target: &str) -> String {
    SERVICE.replace("PORT", port).replace("TARGET", target)
}

#[test]
fn ports_within_the_ranges_are_fine() {
    assert_eq!(
        findings(
            "{\"service\": {\"allow\": [\"1024-9999\"]}}",
            &kit("6776", "http")
        ),
        []
    );
    assert_eq!(findings("{}", &kit("80", "8080")), []);
}

#[test]
fn a_service_port_outside_is_told_with_the_nearest_allowed_one() {
    let found = findings(
        "{\"service\": {\"allow\": [443, \"1024-9999\"]}}",
        &kit("80", "http"),
    );
    assert_eq!(
        found,
        [(
            "service-port".into(),
            Some("/spec/ports/0/port".into()),
            Some("443".into())
        )]
    );
}

#[test]
fn a_node_port_outside_is_told() {
    let found = findings(
        "{\"node\": {\"allow\": [\"31000-31999\"]}}",
        &kit("80", "http"),
    );
    assert_eq!(
        found,
        [(
            "node-port".into(),
            Some("/spec/ports/0/nodePort".into()),
            Some("31000".into())
        )]
    );
}

#[test]
fn a_kind_can_have_container_ports_of_its_own() {
    let settings = "{\"container\": {\"allow\": [\"9000-9999\"]}, \"byKind\": {\"Deployment\": {\"allow\": [8080]}}}";
    assert_eq!(findings(settings, &kit("80", "http")), []);
    let found = findings(
        "{\"container\": {\"allow\": [\"9000-9999\"]}}",
        &kit("80", "http"),
    );
    let field = "/spec/template/spec/containers/0/ports/0/containerPort";
    assert_eq!(
        found,
        [(
            "container-port".into(),
            Some(field.into()),
            Some("9000".into())
        )]
    );
}

#[test]
fn a_target_port_that_no_container_declares_is_told() {
    let found = findings("{}", &kit("80", "9090"));
    assert_eq!(
        found,
        [(
            "target-port".into(),
            Some("/spec/ports/0/targetPort".into()),
            Some("8080".into())
        )]
    );
    assert_eq!(
        findings("{}", &kit("80", "https"))[0].2.as_deref(),
        Some("http")
    );
    assert_eq!(
        findings("{\"allowUndeclaredTargetPorts\": true}", &kit("80", "9090")),
        []
    );
}

#[test]
fn settings_that_are_no_ports_are_refused() {
    for wrong in [
        "{\"service\": {\"allow\": [\"9-1\"]}}",
        "{\"service\": {\"allow\": [0]}}",
        "{\"servce\": {}}",
    ] {
        assert!(serde_json::from_str::<Settings>(wrong).is_err(), "{wrong}");
    }
}
