//! What the API server refuses of policies and bindings is an error here, and nothing else is.

use serde_json::{Value, json};

use super::Admission;

/// A place in a sound spec, and what stands there instead; whether it is sound still.
type Change = (&'static str, Value, bool);

fn changed(spec: &Value, (pointer, value, _): &Change) -> Value {
    let mut spec = spec.clone();
    if let Some(slot) = spec.pointer_mut(pointer) {
        *slot = value.clone();
        return spec;
    }
    let (of, name) = pointer.rsplit_once('/').expect("a pointer");
    spec.pointer_mut(of).expect(pointer)[name] = value.clone();
    spec
}

/// Both say of each whether it is sound.
fn same(admission: &Admission, kind: &str, spec: &Value, changes: &[Change]) {
    let name = |number: usize| {
        let of = kind.to_ascii_lowercase();
        format!("{}-{of}-{number}.", admission.platform.name)
    };
    let (mut all, mut wrong) = (String::new(), Vec::new());
    for (number, change) in changes.iter().enumerate() {
        let object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
            "metadata": {"name": name(number).trim_end_matches('.')},
            "spec": changed(spec, change),
        });
        all += &format!("{object}\n---\n");
        let asked = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
        let sent = admission.kubectl(&asked, &object.to_string());
        if sent.status.success() != change.2 {
            let told = String::from_utf8_lossy(&sent.stderr).into_owned();
            wrong.push(format!("the API server of {change:?}: {told}"));
        }
    }
    admission
        .platform
        .git
        .write("policies/unsound.yaml", all)
        .unwrap();
    let told = admission.check();
    for (number, change) in changes.iter().enumerate() {
        let named = format!("{kind} {} (", name(number).trim_end_matches('.'));
        let found = told.iter().any(|it| {
            let rule = it["rule"].as_str().unwrap_or_default();
            let message = it["message"].as_str().unwrap_or_default();
            rule.ends_with("/unevaluated") && it["severity"] == "error" && message.contains(&named)
        });
        if found == change.2 {
            wrong.push(format!("the plugin of {change:?}: {told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Changes of what all policies have.
fn of_policies() -> Vec<Change> {
    const RULE: &str = "/matchConstraints/resourceRules/0";
    let of_rule = |field: &str, value: Value, sound: bool| -> Change {
        (format!("{RULE}/{field}").leak(), value, sound)
    };
    let selector = |value: Value, sound: bool| -> Change {
        let selector = json!({"matchExpressions": [value]});
        ("/matchConstraints/namespaceSelector", selector, sound)
    };
    vec![
        ("/failurePolicy", json!("Ignore"), true),
        ("/failurePolicy", json!("ignore"), false),
        ("/variables", json!([]), true),
        (
            "/variables",
            json!([{"name": "a-b", "expression": "1"}]),
            false,
        ),
        ("/variables", json!([{"name": "a"}]), false),
        ("/variable", json!([]), false),
        ("/paramKind", json!({"kind": "ConfigMap"}), false),
        (
            "/matchConditions",
            json!([{"name": "a", "expression": "true", "message": "a"}]),
            false,
        ),
        (
            "/matchConditions",
            json!([{"name": "a", "expression": "true"}, {"name": "a", "expression": "true"}]),
            false,
        ),
        ("/matchConstraints", json!(null), false),
        ("/matchConstraints/matchPolicy", json!("exact"), false),
        ("/matchConstraints/resourceRules", json!([]), false),
        ("/matchConstraints/excludeResourceRules", json!([]), true),
        of_rule("scope", json!("Namespaced"), true),
        of_rule("scope", json!("namespaced"), false),
        of_rule("operations", json!(["create"]), false),
        of_rule("operations", json!([]), false),
        of_rule("operations", json!("CREATE"), false),
        of_rule("apiGroups", json!(["*", "apps"]), false),
        of_rule("apiVersions", json!([""]), false),
        of_rule("resources", json!([]), false),
        of_rule("resourceNames", json!(["a"]), true),
        of_rule("resource", json!(["pods"]), false),
        selector(json!({"key": "a", "operator": "In", "values": ["b"]}), true),
        selector(
            json!({"key": "a", "operator": "in", "values": ["b"]}),
            false,
        ),
        selector(json!({"key": "a", "operator": "NotIn"}), false),
        selector(
            json!({"key": "a", "operator": "Exists", "values": ["b"]}),
            false,
        ),
        selector(json!({"key": "a", "operator": "DoesNotExist"}), true),
        (
            "/matchConstraints/objectSelector",
            json!({"matchLabel": {"a": "b"}}),
            false,
        ),
        ("/matchConstraints/objectSelector", json!({}), true),
    ]
}

fn rules() -> Value {
    json!({"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["configmaps"]}]})
}

#[test]
fn a_policy_that_the_api_server_refuses_is_an_error() {
    let admission = Admission::new("cel-validate");
    let spec = json!({"matchConstraints": rules(), "validations": [{"expression": "true"}]});
    let mut changes = of_policies();
    changes.extend([
        (
            "/validations",
            json!([{"expression": "true", "reason": "Forbidden"}]),
            true,
        ),
        (
            "/validations",
            json!([{"expression": "true", "reason": "Nope"}]),
            false,
        ),
        ("/validations", json!([{"expression": " "}]), false),
        ("/validations", json!([{"expresion": "true"}]), false),
        ("/validations", json!({"expression": "true"}), false),
        ("/validations", json!([]), false),
        ("/validations", json!(null), false),
        (
            "/auditAnnotations",
            json!([{"key": "a", "valueExpression": "'a'"}]),
            true,
        ),
        ("/auditAnnotations", json!([{"key": "a"}]), false),
    ]);
    same(&admission, "ValidatingAdmissionPolicy", &spec, &changes);
    // Each has a policy that is there, so that it is no error for another reason.
    let policy = format!("{}-validatingadmissionpolicy-0", admission.platform.name);
    let sound = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": policy}, "spec": spec,
    });
    let file = "policies/sound.yaml";
    admission
        .platform
        .git
        .write(file, sound.to_string())
        .unwrap();
    let binding = json!({"policyName": policy, "validationActions": ["Deny"]});
    let param = |value: Value, sound: bool| -> Change { ("/paramRef", value, sound) };
    let changes = [
        ("/matchResources", json!({}), true),
        ("/matchResource", json!({}), false),
        ("/policyName", json!(""), false),
        ("/validationActions", json!(["Audit", "Warn"]), true),
        ("/validationActions", json!(["Deny", "Warn"]), false),
        ("/validationActions", json!(["Deny", "Deny"]), false),
        ("/validationActions", json!(["deny"]), false),
        ("/validationActions", json!([]), false),
        param(
            json!({"name": "a", "parameterNotFoundAction": "Allow"}),
            true,
        ),
        param(json!({"name": "a"}), false),
        param(json!({"parameterNotFoundAction": "Allow"}), false),
        param(
            json!({"name": "a", "selector": {}, "parameterNotFoundAction": "Deny"}),
            false,
        ),
    ];
    same(
        &admission,
        "ValidatingAdmissionPolicyBinding",
        &binding,
        &changes,
    );
}

#[test]
fn a_mutating_policy_that_the_api_server_refuses_is_an_error() {
    let admission = Admission::new("cel-mutate");
    let apply = json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}});
    let spec =
        json!({"matchConstraints": rules(), "reinvocationPolicy": "Never", "mutations": [apply]});
    let mut changes = of_policies();
    changes.extend([
        ("/reinvocationPolicy", json!(null), false),
        ("/reinvocationPolicy", json!("always"), false),
        ("/mutations", json!([]), false),
        ("/mutation", json!([]), false),
        ("/mutations/0/patchType", json!("JsonPatch"), false),
        ("/mutations/0/patchType", json!("JSONPatch"), false),
        ("/mutations/0/applyConfiguration", json!({}), false),
        ("/validations", json!([{"expression": "true"}]), false),
    ]);
    same(&admission, "MutatingAdmissionPolicy", &spec, &changes);
}
