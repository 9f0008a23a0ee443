//! Rego's functions and forms, and schemas of parameters, one by one.

use serde_json::{Value, json};

use crate::compare::compare;
use crate::oracle::Oracle;
use crate::told;

/// Of Rego v0, unless it says at its beginning that it is of v1.
fn template(number: usize, rego: &str, schema: Value) -> Value {
    let target = match rego.starts_with("# v1\n") {
        true => json!({"target": "admission.k8s.gatekeeper.sh",
            "code": [{"engine": "Rego", "source": {"version": "v1", "rego": rego}}]}),
        false => json!({"target": "admission.k8s.gatekeeper.sh", "rego": rego}),
    };
    json!({
        "apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate",
        "metadata": {"name": format!("t{number}")},
        "spec": {
            "crd": {"spec": {"names": {"kind": format!("T{number}")}, "validation": {"openAPIV3Schema": schema}}},
            "targets": [target],
        },
    })
}

fn constraint(number: usize, name: usize, parameters: &Value) -> Value {
    json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": format!("T{number}"),
        "metadata": {"name": format!("c{name}")}, "spec": {"parameters": parameters},
    })
}

fn object() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "tier": "front"}, "annotations": {"a/b": "x"}},
        "spec": {"replicas": 3, "paused": false, "nothing": null, "share": 0.25, "template": {"spec": {"containers": [
            {"name": "a", "image": "registry.example.org/a:1.2", "resources": {"limits": {"cpu": "100m", "memory": "1Gi"}}},
            {"name": "b", "image": "docker.io/b@sha256:00", "ports": [{"containerPort": 80}, {"containerPort": 8080}]},
        ]}}},
    })
}

/// Of `o`, the object, and `cs`, its containers.
const EXPRESSIONS: &str = include_str!("expressions.txt");

#[test]
fn every_expression_has_the_same_value() {
    let objects = [object()];
    let mut oracle = Oracle::start();
    let mut differences = Vec::new();
    let lines = EXPRESSIONS
        .lines()
        .filter(|it| !it.is_empty() && !it.starts_with('#'));
    let (mut asked, mut violations) = (0, 0);
    for (number, line) in lines.enumerate() {
        let expression = line.trim_start_matches("? ");
        let rego = format!(
            "package t\n\no := input.review.object\n\ncs := o.spec.template.spec.containers\n\n\
             violation[{{\"msg\": msg, \"details\": {{\"value\": v}}}}] {{\n  v := {expression}\n  msg := sprintf(\"%v\", [v])\n}}\n"
        );
        let policies = [
            template(number, &rego, json!({"type": "object"})),
            constraint(number, 0, &json!({})),
        ];
        let compared = compare(&mut oracle, &policies, &objects, &[]);
        violations += compared.violations;
        asked += 1;
        let told = compared.differences.iter();
        differences.extend(told.map(|it| format!("{expression}: {it}")));
        if line.starts_with("? ") == compared.lacking.is_empty() {
            differences.push(format!("{line}: lacking {:?}", compared.lacking));
        }
    }
    told(differences);
    assert!(asked >= 100 && violations >= 80, "{violations} of {asked}");
}

/// Whole modules, of which each is judged or refused.
const MODULES: &str = include_str!("modules.txt");

#[test]
fn every_module_is_taken_or_refused_and_judges_alike() {
    let objects = [object()];
    let mut oracle = Oracle::start();
    let mut differences = Vec::new();
    let (mut violations, mut refused) = (0, 0);
    for (number, module) in MODULES.split("\n====\n").enumerate() {
        let policies = [
            template(number, module, json!({"type": "object"})),
            constraint(number, 0, &json!({})),
        ];
        let compared = compare(&mut oracle, &policies, &objects, &[]);
        violations += compared.violations;
        refused += compared.refused;
        let told = compared.differences.iter();
        differences.extend(told.map(|it| format!("{module}\n: {it}")));
    }
    told(differences);
    assert!(violations >= 10 && refused >= 10, "{violations} {refused}");
}

#[test]
fn parameters_are_taken_refused_and_filled_in_alike() {
    let shapes = [
        json!({"type": "object"}),
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[a-z]+$"}}}),
        json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 1, "maximum": 5, "exclusiveMaximum": true, "multipleOf": 2}}}),
        json!({"type": "object", "properties": {"a": {"type": "number", "enum": [1, 2.5]}, "b": {"type": "boolean", "default": true}}}),
        json!({"type": "object", "properties": {"a": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "enum": ["x", "y"]}}}}),
        json!({"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1, "maxProperties": 2}}}),
        json!({"type": "object", "properties": {"a": {"x-kubernetes-int-or-string": true}}}),
        json!({"type": "object", "properties": {"a": {"type": "string", "nullable": true}, "b": {"type": "object", "default": {}, "properties": {"c": {"type": "integer", "default": 3}}}}}),
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "not": {"required": ["c"]}}),
        json!({"type": "object", "properties": {"a": {"description": "without a type"}}}),
        json!({"properties": {"a": {"type": "string"}}}),
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "object", "properties": {"a": {"type": "array"}}}),
        json!({"type": "object", "properties": {"a": {"type": "text"}}}),
        json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}),
        json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "{{|\\<|\\Qx\\E"}}}),
        json!({"type": "object", "properties": {"a": {"type": "string", "anyOf": [{"pattern": "("}, {"minLength": 1}]}}}),
        json!({"type": "object", "properties": {"a": {"type": "string", "not": {"pattern": "a**"}}}}),
    ];
    let values = [
        json!("x"),
        json!("xy"),
        json!("xyzw"),
        json!("X1"),
        json!(1),
        json!(2),
        json!(2.5),
        json!(5),
        json!(6),
        json!(true),
        json!(null),
        json!([]),
        json!(["x"]),
        json!(["x", "z"]),
        json!(["x", "y", "x"]),
        json!({}),
        json!({"k": "v"}),
        json!({"k": 1}),
        json!({"k": "v", "l": "w", "m": "x"}),
    ];
    let mut parameters = vec![
        json!({}),
        json!([]),
        json!("x"),
        json!({"b": "x"}),
        json!({"a": "xy", "b": "x"}),
    ];
    parameters.extend(values.iter().map(|it| json!({"a": it})));
    let rego = "package t\nviolation[{\"msg\": \"given\", \"details\": input.parameters}] { true }";
    let mut oracle = Oracle::start();
    let mut differences = Vec::new();
    let (mut violations, mut refused) = (0, 0);
    for (number, shape) in shapes.iter().enumerate() {
        let mut policies = vec![template(number, rego, shape.clone())];
        let all = parameters.iter().enumerate();
        policies.extend(all.map(|(name, it)| constraint(number, name, it)));
        let compared = compare(&mut oracle, &policies, &[object()], &[]);
        violations += compared.violations;
        refused += compared.refused;
        let told = compared.differences.iter();
        differences.extend(told.map(|it| format!("{shape}: {it}")));
    }
    told(differences);
    assert!(violations >= 50 && refused >= 150, "{violations} {refused}");
}
