//! Fields that are left to whoever changes them: `spec.ignore` of a kit.

use serde_json::{Value, json};

/// Kinds that are named without their group, and that group.
const GROUPS: [(&str, &str); 10] = [
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("DaemonSet", "apps"),
    ("ReplicaSet", "apps"),
    ("Job", "batch"),
    ("CronJob", "batch"),
    ("Ingress", "networking.k8s.io"),
    ("NetworkPolicy", "networking.k8s.io"),
    ("HorizontalPodAutoscaler", "autoscaling"),
    ("PodDisruptionBudget", "policy"),
];

/// `Deployment.apps`; a kind of an unknown group as it is.
pub(super) fn kind_of(kind: &str, group: Option<&str>) -> String {
    let known = GROUPS.iter().find(|it| it.0 == kind).map(|it| it.1);
    match group.or(known).filter(|it| !it.is_empty()) {
        Some(group) => format!("{kind}.{group}"),
        None => kind.to_owned(),
    }
}

pub(super) fn rule(kind: Option<String>, name: Option<&str>, fields: &[String]) -> Value {
    let mut rule = json!({});
    if let Some(kind) = kind {
        rule["kind"] = kind.into();
    }
    if let Some(name) = name {
        rule["name"] = name.into();
    }
    if !fields.is_empty() {
        rule["fields"] = json!(fields);
    }
    rule
}

/// Whether a selector that may be a regular expression means one name alone.
pub(super) fn is_plain(text: &str) -> bool {
    let fits = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.');
    text.bytes().all(fits)
}

/// A jq path of names and `[]` alone, as a pointer in which `*` is any one step.
pub(super) fn pointer_of(jq: &str) -> Option<String> {
    let mut pointer = String::new();
    for part in jq.strip_prefix('.')?.split('.') {
        let (name, items) = match part.strip_suffix("[]") {
            Some(name) => (name, "/*"),
            None => (part, ""),
        };
        let fits = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
        if name.is_empty() || !name.bytes().all(fits) {
            return None;
        }
        pointer.push_str(&format!("/{name}{items}"));
    }
    Some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jq_paths_of_names_and_all_items_are_pointers() {
        for (jq, pointer) in [
            (".spec.replicas", Some("/spec/replicas")),
            (
                ".spec.template.spec.containers[].image",
                Some("/spec/template/spec/containers/*/image"),
            ),
            (".spec.containers[] | select(.name == \"a\")", None),
            ("spec", None),
        ] {
            assert_eq!(pointer_of(jq).as_deref(), pointer, "{jq}");
        }
        assert_eq!(kind_of("Deployment", None), "Deployment.apps");
        assert_eq!(kind_of("Service", Some("")), "Service");
    }
}
