//! Bindings: their role, and the ServiceAccounts that get it.

use trimtab_plugin::Object;

use crate::inventory::Key;
use crate::judge::{Judge, Place};

const RBAC: &str = "rbac.authorization.k8s.io";

pub fn judge(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    if object.group() != RBAC || !object.kind().ends_with("RoleBinding") {
        return;
    }
    let role = object.at("/roleRef");
    let (kind, name) = (&role["kind"], role["name"].as_str().unwrap_or_default());
    let role = match kind.as_str() {
        Some("Role") => Some(("Role", home)),
        Some("ClusterRole") => Some(("ClusterRole", "")),
        _ => None,
    };
    if let Some((kind, namespace)) = role.filter(|_| !name.is_empty()) {
        let place = Place {
            rule: "role",
            object,
            field: "/roleRef/name".into(),
            why: "it binds".into(),
        };
        let key = Key {
            group: RBAC,
            kind,
            namespace,
            name,
        };
        judge.require(&place, key);
    }
    for (pointer, subject) in object.items("/subjects") {
        let name = subject["name"].as_str().unwrap_or_default();
        // Without a namespace the API server refuses it.
        let Some(namespace) = subject["namespace"].as_str() else {
            continue;
        };
        if subject["kind"] != "ServiceAccount" || name.is_empty() {
            continue;
        }
        let place = Place {
            rule: "subject",
            object,
            field: format!("{pointer}/name"),
            why: "it gives the role to".into(),
        };
        judge.require(&place, Key::core("ServiceAccount", namespace, name));
    }
}
