use super::*;
use serde_json::json;

fn with(pointer: &str, value: Json) -> Vec<String> {
    let mut spec = json!({
        "matchConstraints": {
            "namespaceSelector": {"matchExpressions": [
                {"key": "a", "operator": "In", "values": ["b"]}]},
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                "operations": ["CREATE"], "resources": ["pods"], "scope": "*"}],
        },
        "variables": [{"name": "a", "expression": "1"}],
        "validations": [{"expression": "true"}],
    });
    if let Some(slot) = spec.pointer_mut(pointer) {
        *slot = value;
    } else {
        spec[pointer.trim_start_matches('/')] = value;
    }
    faults("ValidatingAdmissionPolicy", &spec)
}

#[test]
fn what_the_api_server_refuses_is_refused() {
    assert_eq!(
        with("/failurePolicy", json!("Ignore")),
        Vec::<String>::new()
    );
    let rule = "/matchConstraints/resourceRules/0";
    let condition = "/matchConstraints/namespaceSelector/matchExpressions/0";
    for (pointer, value, words) in [
        ("/validations", json!(null), "spec has neither"),
        ("/validations", json!([]), "spec has neither"),
        (
            "/validations",
            json!({"expression": "false"}),
            "spec.validations is no list",
        ),
        (
            "/validation",
            json!([]),
            "spec.validation: there is no such field",
        ),
        (
            "/validations/0",
            json!({"expresion": "false"}),
            "spec.validations[0].expresion",
        ),
        (
            "/validations/0",
            json!({"expression": " "}),
            "spec.validations[0].expression is",
        ),
        (
            "/failurePolicy",
            json!("ignore"),
            "spec.failurePolicy is \"ignore\"",
        ),
        (
            "/matchConstraints/resourceRules",
            json!([]),
            "spec.matchConstraints.resourceRules",
        ),
        (
            &format!("{rule}/scope"),
            json!("namespaced"),
            "].scope is \"namespaced\"",
        ),
        (
            &format!("{rule}/operations"),
            json!(["create"]),
            "].operations[0] is \"create\"",
        ),
        (
            &format!("{rule}/operations"),
            json!(["*", "CREATE"]),
            "].operations has others",
        ),
        (
            &format!("{rule}/operations"),
            json!("CREATE"),
            "].operations is no list",
        ),
        (
            &format!("{rule}/resources"),
            json!([]),
            "].resources is missing",
        ),
        (
            &format!("{rule}/apiVersions"),
            json!([""]),
            "].apiVersions has an empty one",
        ),
        (
            &format!("{condition}/operator"),
            json!("in"),
            "].operator is \"in\"",
        ),
        (
            &format!("{condition}/values"),
            json!([]),
            "]: In needs values",
        ),
        (
            &format!("{condition}/operator"),
            json!("Exists"),
            "]: Exists takes no values",
        ),
        ("/variables/0/name", json!("a-b"), "spec.variables[0].name"),
    ] {
        let found = with(pointer, value.clone());
        assert!(
            found.iter().any(|it| it.contains(words)),
            "{pointer} {value}: {found:?}"
        );
    }
    for (kind, spec, words) in [
        (
            "MutatingAdmissionPolicy",
            json!({"mutations": []}),
            "spec.mutations is missing",
        ),
        (
            "MutatingAdmissionPolicy",
            json!({}),
            "spec.reinvocationPolicy is missing",
        ),
        (
            "ValidatingAdmissionPolicyBinding",
            json!([]),
            "spec is no mapping",
        ),
        (
            "ValidatingAdmissionPolicyBinding",
            json!({"policyName": "a", "validationActions": ["Deny", "Warn"]}),
            "either Deny or Warn",
        ),
        (
            "MutatingAdmissionPolicyBinding",
            json!({"policyName": "a", "paramRef": {"name": "a"}}),
            "spec.paramRef.parameterNotFoundAction is missing",
        ),
    ] {
        let found = faults(kind, &spec);
        assert!(
            found.iter().any(|it| it.contains(words)),
            "{spec}: {found:?}"
        );
    }
}
