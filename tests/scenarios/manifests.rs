//! Files that several scenarios write.

use serde_json::{Value, json};

use crate::platform::Platform;

/// A kit.yaml whose spec says this.
pub fn kit_yaml(platform: &Platform, kit: &str, spec: &str) {
    let name = kit.rsplit('/').next().unwrap();
    let text = format!(
        "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {name}}}\nspec:\n{spec}"
    );
    platform
        .git
        .write(&format!("{kit}/kit.yaml"), text)
        .unwrap();
}

/// The definition of a namespaced kind with a status, whose objects may be anything.
pub fn definition(group: &str, plural: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    })
}
