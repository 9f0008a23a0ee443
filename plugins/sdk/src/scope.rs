//! Whether a kind lives in a namespace: those of Kubernetes, and custom resources that are common.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Namespaced,
    Cluster,
}

type ByGroup = &'static [(&'static str, &'static [&'static str])];

/// Cluster-scoped kinds by group of Kubernetes. Each other kind of these groups is namespaced.
const BUILT_IN: ByGroup = &[
    (
        "",
        &["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
    ),
    ("apps", &[]),
    ("batch", &[]),
    ("autoscaling", &[]),
    ("policy", &["PodSecurityPolicy"]),
    ("coordination.k8s.io", &[]),
    ("discovery.k8s.io", &[]),
    ("events.k8s.io", &[]),
    (
        "certificates.k8s.io",
        &["CertificateSigningRequest", "ClusterTrustBundle"],
    ),
    (
        "networking.k8s.io",
        &["IngressClass", "IPAddress", "ServiceCIDR"],
    ),
    (
        "rbac.authorization.k8s.io",
        &["ClusterRole", "ClusterRoleBinding"],
    ),
    (
        "storage.k8s.io",
        &[
            "StorageClass",
            "CSIDriver",
            "CSINode",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
    ),
];

/// The same of custom resources.
const CUSTOM: ByGroup = &[
    ("gateway.networking.k8s.io", &["GatewayClass"]),
    ("cert-manager.io", &["ClusterIssuer"]),
    ("trust.cert-manager.io", &["Bundle"]),
    (
        "external-secrets.io",
        &[
            "ClusterExternalSecret",
            "ClusterSecretStore",
            "ClusterPushSecret",
        ],
    ),
    ("bitnami.com", &[]),
    ("networking.istio.io", &[]),
    ("security.istio.io", &[]),
    ("monitoring.coreos.com", &[]),
    ("argoproj.io", &["ClusterWorkflowTemplate"]),
    (
        "keda.sh",
        &["ClusterTriggerAuthentication", "ClusterCloudEventSource"],
    ),
    (
        "kyverno.io",
        &[
            "ClusterPolicy",
            "ClusterCleanupPolicy",
            "GlobalContextEntry",
        ],
    ),
];

/// Groups of which every kind is cluster-scoped.
const ALL_CLUSTER: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "node.k8s.io",
    "scheduling.k8s.io",
];

/// None for kinds that are not known here.
pub fn scope(group: &str, kind: &str) -> Option<Scope> {
    built_in(group, kind).or_else(|| listed(CUSTOM, group, kind))
}

/// Of the kinds that the host knows without a CustomResourceDefinition.
pub(crate) fn built_in(group: &str, kind: &str) -> Option<Scope> {
    match ALL_CLUSTER.contains(&group) {
        true => Some(Scope::Cluster),
        false => listed(BUILT_IN, group, kind),
    }
}

fn listed(table: ByGroup, group: &str, kind: &str) -> Option<Scope> {
    let (_, cluster) = table.iter().find(|(known, _)| *known == group)?;
    Some(match cluster.contains(&kind) {
        true => Scope::Cluster,
        false => Scope::Namespaced,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_namespaced_cluster_scoped_or_unknown() {
        for (group, kind, expected) in [
            ("", "Service", Some(Scope::Namespaced)),
            ("", "Namespace", Some(Scope::Cluster)),
            ("scheduling.k8s.io", "PriorityClass", Some(Scope::Cluster)),
            ("cert-manager.io", "Certificate", Some(Scope::Namespaced)),
            ("cert-manager.io", "ClusterIssuer", Some(Scope::Cluster)),
            ("example.org", "Widget", None),
        ] {
            assert_eq!(scope(group, kind), expected, "{group} {kind}");
        }
    }
}
