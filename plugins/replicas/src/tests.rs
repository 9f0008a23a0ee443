use super::*;
use serde_json::{Value, json};
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::cases::<Replicas>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_objects::<Replicas>(CASES);
}

fn deployment(replicas: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}},
        },
    })
}

fn budget(spec: Value) -> Value {
    let mut budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    });
    budget["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
    budget
}

fn autoscaler(min: Value, max: u64) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": min, "maxReplicas": max,
        },
    })
}

fn findings(settings: Value, objects: &[Value]) -> Vec<(String, String, Option<String>)> {
    let findings = testing::findings::<Replicas>(settings, objects).into_iter();
    findings
        .map(|it| (it.rule, it.field.unwrap_or_default(), it.proposed))
        .collect()
}

fn row(rule: &str, field: &str, proposed: Option<&str>) -> (String, String, Option<String>) {
    (rule.into(), field.into(), proposed.map(str::to_owned))
}

#[test]
fn a_size_is_the_autoscalers_if_the_kit_has_one() {
    let alone = json!({"budgets": false, "spread": false, "maximum": 5});
    let too_few = [row("minimum", "/spec/replicas", Some("2"))];
    assert_eq!(findings(alone.clone(), &[deployment(json!(null))]), too_few);
    assert_eq!(findings(alone.clone(), &[deployment(json!(0))]), []);
    let scaled = |min, max| findings(alone.clone(), &[deployment(json!(1)), autoscaler(min, max)]);
    assert_eq!(scaled(json!(2), 4), []);
    assert_eq!(
        scaled(json!(null), 9),
        [
            row("minimum", "/spec/minReplicas", Some("2")),
            row("maximum", "/spec/maxReplicas", Some("5"))
        ]
    );
}

#[test]
fn the_first_minimum_that_covers_a_workload_counts() {
    let settings = json!({"budgets": false, "spread": false, "minimums": [
        {"for": {"names": ["web*"]}, "replicas": 3},
        {"for": {"kinds": ["Deployment"]}, "replicas": 1},
    ]});
    assert_eq!(
        findings(settings, &[deployment(json!(2))]),
        [row("minimum", "/spec/replicas", Some("3"))]
    );
}

#[test]
fn a_budget_that_lets_none_go_is_told_by_size() {
    let settings = json!({"minimum": 1, "spread": false});
    let blocked = |spec: Value, replicas: u64| {
        let objects = [deployment(json!(replicas)), budget(spec)];
        findings(settings.clone(), &objects)
    };
    let available = |proposed| [row("budget-blocks", "/spec/minAvailable", proposed)];
    assert_eq!(blocked(json!({"minAvailable": 3}), 3), available(Some("2")));
    assert_eq!(blocked(json!({"minAvailable": 2}), 3), []);
    assert_eq!(
        blocked(json!({"minAvailable": "100%"}), 2),
        available(Some("1"))
    );
    // 60 % of 2 is rounded up.
    assert_eq!(
        blocked(json!({"minAvailable": "60%"}), 2),
        available(Some("1"))
    );
    assert_eq!(blocked(json!({"minAvailable": "60%"}), 3), []);
    assert_eq!(blocked(json!({"minAvailable": 1}), 1), available(None));
    assert_eq!(
        blocked(json!({"maxUnavailable": "0%"}), 3),
        [row("budget-blocks", "/spec/maxUnavailable", Some("1"))]
    );
    assert_eq!(blocked(json!({"maxUnavailable": "1%"}), 3), []);
}

#[test]
fn a_workload_is_spread_by_what_selects_its_own_pods() {
    let spread = |spec: Value| {
        let mut object = deployment(json!(2));
        object["spec"]["template"]["spec"] = spec;
        findings(
            json!({"budgets": false, "topologyKeys": ["*/hostname"]}),
            &[object],
        )
    };
    let own = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}});
    let preferred = json!([{"weight": 1, "podAffinityTerm": own}]);
    for fine in [
        json!({"topologySpreadConstraints": [own]}),
        json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [own]}}}),
        json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}),
    ] {
        assert_eq!(spread(fine.clone()), [], "{fine}");
    }
    let field = "/spec/template/spec/topologySpreadConstraints";
    let proposed = r#"[{"labelSelector":{"matchLabels":{"app":"web"}},"maxSkew":1,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":"ScheduleAnyway"}]"#;
    for wrong in [
        json!({}),
        json!({"topologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname"}]}),
        json!({"topologySpreadConstraints": [{"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {}}]}),
        json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [own]}}}),
    ] {
        assert_eq!(
            spread(wrong.clone()),
            [row("spread", field, Some(proposed))],
            "{wrong}"
        );
    }
}

#[test]
fn settings_with_other_names_are_refused() {
    for wrong in [
        json!({"minReplicas": 2}),
        json!({"minimums": [{"replicas": 2}]}),
        json!({"minimum": -1}),
        json!({"exempt": [{}]}),
    ] {
        assert!(
            serde_json::from_value::<Settings>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}
