//! Every way to say which objects a constraint is about, alone and two at once.

use serde_json::{Value, json};

use crate::compare::compare;
use crate::oracle::Oracle;
use crate::told;

fn template() -> Value {
    json!({
        "apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate",
        "metadata": {"name": "always"},
        "spec": {
            "crd": {"spec": {"names": {"kind": "Always"}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh",
                "rego": "package a\nviolation[{\"msg\": \"matched\"}] { input.review.operation == \"CREATE\" }"}],
        },
    })
}

/// A field of a match, with values that it may have.
fn fields() -> Vec<(&'static str, Vec<Value>)> {
    let names = |name: &'static str| {
        let values = [
            json!(["shop"]),
            json!(["shop-*"]),
            json!(["*-dev"]),
            json!(["*op*"]),
            json!(["*"]),
            json!(["**"]),
            json!(["lab", "bank"]),
            json!([]),
        ];
        (name, values.to_vec())
    };
    let selector = |name: &'static str| {
        let expressions = [
            json!({"key": "tier", "operator": "In", "values": ["front", "back"]}),
            json!({"key": "tier", "operator": "NotIn", "values": ["front"]}),
            json!({"key": "tier", "operator": "Exists"}),
            json!({"key": "tier", "operator": "DoesNotExist"}),
            json!({"key": "tier", "operator": "In", "values": []}),
            json!({"key": "tier", "operator": "Exists", "values": ["front"]}),
            json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "bank"]}),
        ];
        let mut values = vec![
            json!({}),
            json!({"matchLabels": {"tier": "front"}}),
            json!({"matchLabels": {"tier": "front", "team": "shop"}}),
        ];
        values.extend(
            expressions
                .into_iter()
                .map(|it| json!({"matchExpressions": [it]})),
        );
        (name, values)
    };
    vec![
        (
            "kinds",
            vec![
                json!([]),
                json!([{"apiGroups": [""], "kinds": ["ConfigMap"]}]),
                json!([{"apiGroups": ["*"], "kinds": ["Namespace", "Deployment"]}]),
                json!([{"kinds": ["*"], "apiGroups": ["apps"]}]),
                json!([{"kinds": ["ConfigMap"]}, {"apiGroups": ["apps", "extensions"]}]),
                json!([{}]),
                json!([{"apiGroups": ["v1"], "kinds": ["ConfigMap"]}]),
            ],
        ),
        (
            "scope",
            ["*", "Cluster", "Namespaced", "cluster", ""]
                .map(Value::from)
                .to_vec(),
        ),
        names("namespaces"),
        names("excludedNamespaces"),
        selector("labelSelector"),
        selector("namespaceSelector"),
        (
            "name",
            ["prices", "pri*", "*-canary", "*ice*", "*", "", "web-*"]
                .map(Value::from)
                .to_vec(),
        ),
        (
            "source",
            ["All", "Original", "Generated", "Other"]
                .map(Value::from)
                .to_vec(),
        ),
    ]
}

fn objects() -> Vec<Value> {
    let mut all = Vec::new();
    for (name, labels) in [
        ("shop", json!({"tier": "front", "team": "shop"})),
        ("shop-dev", json!({"tier": "back"})),
        ("bank", json!(null)),
    ] {
        all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}));
    }
    for (namespace, labels) in [
        ("shop", json!({"tier": "front"})),
        ("shop-dev", json!({"tier": "back", "team": "shop"})),
        ("bank", json!({})),
        ("lab", json!({"tier": "front", "team": "shop"})),
        ("unknown-dev", json!(null)),
    ] {
        for (version, kind, name) in [
            ("v1", "ConfigMap", "prices"),
            ("apps/v1", "Deployment", "web-canary"),
        ] {
            let metadata = json!({"name": name, "namespace": namespace, "labels": labels});
            all.push(json!({"apiVersion": version, "kind": kind, "metadata": metadata}));
        }
    }
    all.push(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "prices", "labels": {"tier": "front"}}}));
    all.push(json!({"apiVersion": "example.org/v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"tier": "front"}}}));
    all.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-", "name": "", "namespace": "shop"}}));
    all
}

fn constraint(number: usize, spec: Value) -> Value {
    json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "Always",
        "metadata": {"name": format!("c{number}")}, "spec": spec,
    })
}

#[test]
fn every_match_and_every_two_together_match_alike() {
    let fields = fields();
    let mut matches: Vec<Value> = vec![json!({})];
    for (at, (field, values)) in fields.iter().enumerate() {
        for value in values {
            matches.push(json!({*field: value}));
            for (other, others) in &fields[at + 1..] {
                let both = others.iter().map(|it| json!({*field: value, *other: it}));
                matches.extend(both);
            }
        }
    }
    let mut policies = vec![template()];
    let numbered = matches.into_iter().enumerate();
    policies.extend(numbered.map(|(number, it)| constraint(number, json!({"match": it}))));
    let lab = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab", "labels": {"tier": "front"}}});
    let mut oracle = Oracle::start();
    let compared = compare(&mut oracle, &policies, &objects(), &[lab]);
    told(compared.differences);
    assert!(policies.len() >= 1000, "{}", policies.len());
    assert!(compared.violations >= 5000, "{}", compared.violations);
    assert!(compared.unknown >= 100, "{}", compared.unknown);
    assert!(compared.refused >= 100, "{}", compared.refused);
}

#[test]
fn every_action_weighs_alike_and_what_is_none_is_refused_by_both() {
    let points = |names: &[&str]| {
        let all: Vec<Value> = names.iter().map(|it| json!({"name": it})).collect();
        json!(all)
    };
    let scoped = |actions: Value| json!({"enforcementAction": "scoped", "scopedEnforcementActions": actions});
    let (door, audit) = ("validation.gatekeeper.sh", "audit.gatekeeper.sh");
    let specs = [
        json!({}),
        json!({"enforcementAction": "deny"}),
        json!({"enforcementAction": "warn"}),
        json!({"enforcementAction": "dryrun"}),
        json!({"enforcementAction": "forbid"}),
        json!({"enforcementAction": 1}),
        json!({"enforcementAction": "scoped"}),
        json!({"enforcementAction": "deny", "scopedEnforcementActions": [{"action": "warn", "enforcementPoints": points(&["*"])}]}),
        scoped(json!([{"action": "deny", "enforcementPoints": points(&[door])}])),
        scoped(json!([{"action": "warn", "enforcementPoints": points(&[door, audit])}])),
        scoped(json!([{"action": "deny", "enforcementPoints": points(&[audit])}])),
        scoped(json!([{"action": "deny", "enforcementPoints": points(&["vap.k8s.io"])}])),
        scoped(json!([{"action": "dryrun", "enforcementPoints": points(&["*"])}])),
        scoped(
            json!([{"action": "dryrun", "enforcementPoints": points(&["gator.gatekeeper.sh"])},
            {"action": "warn", "enforcementPoints": points(&[door])}]),
        ),
        scoped(json!([{"action": "forbid", "enforcementPoints": points(&[door])}])),
        scoped(json!([{"action": "deny", "enforcementPoints": points(&["elsewhere"])}])),
        scoped(json!([{"action": "deny", "enforcementPoints": []}])),
        scoped(json!([{"action": "deny"}])),
        scoped(json!([{"enforcementPoints": points(&[door])}])),
        scoped(json!([])),
        scoped(json!("deny")),
        scoped(json!(["deny"])),
    ];
    let mut policies = vec![template()];
    let numbered = specs.into_iter().enumerate();
    policies.extend(numbered.map(|(number, spec)| constraint(number, spec)));
    let mut oracle = Oracle::start();
    let compared = compare(&mut oracle, &policies, &objects(), &[]);
    told(compared.differences);
    assert!(compared.refused >= 5, "{}", compared.refused);
}
