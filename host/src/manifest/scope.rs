//! Whether a kind lives in a namespace.

use std::collections::BTreeMap;

use serde_json::Value;

use super::GroupKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Namespaced,
    Cluster,
}

/// What is known of kinds: those built into Kubernetes, those of CRDs that were read, and
/// those that a cluster told of.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    learnt: BTreeMap<GroupKind, Scope>,
}

impl Scopes {
    pub fn of(&self, kind: &GroupKind) -> Option<Scope> {
        self.learnt.get(kind).copied().or_else(|| built_in(kind))
    }

    pub fn learn(&mut self, kind: GroupKind, scope: Scope) {
        self.learnt.insert(kind, scope);
    }

    /// The kind that an object defines, if it is a CustomResourceDefinition.
    pub fn defined_by(object: &Value) -> Option<(GroupKind, Scope)> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        if text("/kind") != Some("CustomResourceDefinition") {
            return None;
        }
        let kind = GroupKind {
            group: text("/spec/group")?.into(),
            kind: text("/spec/names/kind")?.into(),
        };
        let cluster = text("/spec/scope") == Some("Cluster");
        Some((
            kind,
            if cluster {
                Scope::Cluster
            } else {
                Scope::Namespaced
            },
        ))
    }
}

/// The API groups of Kubernetes itself, and the host's own. A kind in one of them that is not named here as
/// cluster-scoped is namespaced; a group that is not here is not known.
fn built_in(kind: &GroupKind) -> Option<Scope> {
    let cluster: &[&str] = match &*kind.group {
        "" => &["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
        // Gone since 1.25, and still in repositories.
        "policy" => &["PodSecurityPolicy"],
        "admissionregistration.k8s.io"
        | "apiextensions.k8s.io"
        | "apiregistration.k8s.io"
        | "flowcontrol.apiserver.k8s.io"
        | "node.k8s.io"
        | "scheduling.k8s.io" => {
            return Some(Scope::Cluster);
        }
        "certificates.k8s.io" => &["CertificateSigningRequest", "ClusterTrustBundle"],
        "networking.k8s.io" => &["IngressClass", "IPAddress", "ServiceCIDR"],
        "rbac.authorization.k8s.io" => &["ClusterRole", "ClusterRoleBinding"],
        "storage.k8s.io" => &[
            "StorageClass",
            "CSIDriver",
            "CSINode",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
        "apps"
        | "batch"
        | "autoscaling"
        | "coordination.k8s.io"
        | "discovery.k8s.io"
        | "events.k8s.io"
        | "trimtab.io" => &[],
        _ => return None,
    };
    Some(if cluster.contains(&&*kind.kind) {
        Scope::Cluster
    } else {
        Scope::Namespaced
    })
}
