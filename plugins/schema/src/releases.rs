//! Which API versions went away, and when, by Kubernetes' deprecated API migration guide
//! (kubernetes.io/docs/reference/using-api/deprecation-guide). What went away between the releases
//! whose schemas are here is told by those.

use crate::builtin::{RELEASES, Release, group_of};

/// API versions, kinds, the minor release without them, and the API version to write instead.
type Row = (
    &'static str,
    &'static [&'static str],
    u32,
    Option<&'static str>,
);

const REMOVED: &[Row] = &[
    (
        "extensions/v1beta1",
        &["DaemonSet", "Deployment", "ReplicaSet"],
        16,
        Some("apps/v1"),
    ),
    (
        "extensions/v1beta1",
        &["NetworkPolicy"],
        16,
        Some("networking.k8s.io/v1"),
    ),
    ("extensions/v1beta1", &["PodSecurityPolicy"], 16, None),
    (
        "apps/v1beta1",
        &["Deployment", "StatefulSet", "ControllerRevision"],
        16,
        Some("apps/v1"),
    ),
    (
        "apps/v1beta2",
        &[
            "DaemonSet",
            "Deployment",
            "StatefulSet",
            "ReplicaSet",
            "ControllerRevision",
        ],
        16,
        Some("apps/v1"),
    ),
    ("settings.k8s.io/v1alpha1", &["PodPreset"], 20, None),
    ("batch/v2alpha1", &["CronJob"], 21, Some("batch/v1")),
    (
        "admissionregistration.k8s.io/v1beta1",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ],
        22,
        Some("admissionregistration.k8s.io/v1"),
    ),
    (
        "apiextensions.k8s.io/v1beta1",
        &["CustomResourceDefinition"],
        22,
        Some("apiextensions.k8s.io/v1"),
    ),
    (
        "apiregistration.k8s.io/v1beta1",
        &["APIService"],
        22,
        Some("apiregistration.k8s.io/v1"),
    ),
    (
        "authentication.k8s.io/v1beta1",
        &["TokenReview"],
        22,
        Some("authentication.k8s.io/v1"),
    ),
    (
        "authorization.k8s.io/v1beta1",
        &[
            "LocalSubjectAccessReview",
            "SelfSubjectAccessReview",
            "SubjectAccessReview",
        ],
        22,
        Some("authorization.k8s.io/v1"),
    ),
    (
        "certificates.k8s.io/v1beta1",
        &["CertificateSigningRequest"],
        22,
        Some("certificates.k8s.io/v1"),
    ),
    (
        "coordination.k8s.io/v1beta1",
        &["Lease"],
        22,
        Some("coordination.k8s.io/v1"),
    ),
    (
        "extensions/v1beta1",
        &["Ingress"],
        22,
        Some("networking.k8s.io/v1"),
    ),
    (
        "networking.k8s.io/v1beta1",
        &["Ingress", "IngressClass"],
        22,
        Some("networking.k8s.io/v1"),
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
        22,
        Some("rbac.authorization.k8s.io/v1"),
    ),
    (
        "scheduling.k8s.io/v1beta1",
        &["PriorityClass"],
        22,
        Some("scheduling.k8s.io/v1"),
    ),
    (
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
        22,
        Some("storage.k8s.io/v1"),
    ),
    ("batch/v1beta1", &["CronJob"], 25, Some("batch/v1")),
    (
        "discovery.k8s.io/v1beta1",
        &["EndpointSlice"],
        25,
        Some("discovery.k8s.io/v1"),
    ),
    (
        "events.k8s.io/v1beta1",
        &["Event"],
        25,
        Some("events.k8s.io/v1"),
    ),
    (
        "autoscaling/v2beta1",
        &["HorizontalPodAutoscaler"],
        25,
        Some("autoscaling/v2"),
    ),
    (
        "policy/v1beta1",
        &["PodDisruptionBudget"],
        25,
        Some("policy/v1"),
    ),
    ("policy/v1beta1", &["PodSecurityPolicy"], 25, None),
    (
        "node.k8s.io/v1beta1",
        &["RuntimeClass"],
        25,
        Some("node.k8s.io/v1"),
    ),
    (
        "autoscaling/v2beta2",
        &["HorizontalPodAutoscaler"],
        26,
        Some("autoscaling/v2"),
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta1",
        &["FlowSchema", "PriorityLevelConfiguration"],
        26,
        Some("flowcontrol.apiserver.k8s.io/v1"),
    ),
    (
        "storage.k8s.io/v1beta1",
        &["CSIStorageCapacity"],
        27,
        Some("storage.k8s.io/v1"),
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta2",
        &["FlowSchema", "PriorityLevelConfiguration"],
        29,
        Some("flowcontrol.apiserver.k8s.io/v1"),
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta3",
        &["FlowSchema", "PriorityLevelConfiguration"],
        32,
        Some("flowcontrol.apiserver.k8s.io/v1"),
    ),
];

/// What a release no longer has.
#[derive(Debug, PartialEq, Eq)]
pub struct Removal {
    /// The first minor release without it.
    pub minor: u32,
    pub instead: Option<&'static str>,
}

/// None if there never was such a kind, or if it is still there.
pub fn removal(release: &Release, api_version: &str, kind: &str) -> Option<Removal> {
    let row = REMOVED
        .iter()
        .find(|(version, kinds, _, _)| *version == api_version && kinds.contains(&kind));
    if let Some((_, _, minor, instead)) = row {
        return Some(Removal {
            minor: *minor,
            instead: *instead,
        });
    }
    let had = |it: &&Release| it.kind(api_version, kind).is_some();
    let last = RELEASES
        .iter()
        .filter(|it| it.minor < release.minor)
        .rfind(had)?;
    Some(Removal {
        minor: last.minor + 1,
        instead: newest(release, api_version, kind),
    })
}

/// The most stable version of a kind's group that a release has.
pub fn newest(release: &Release, api_version: &str, kind: &str) -> Option<&'static str> {
    release
        .versions(group_of(api_version), kind)
        .max_by_key(|it| stability(it))
}

/// What is deprecated in a release that still has it, in favour of what.
pub fn deprecation(release: &Release, api_version: &str, kind: &str) -> Option<String> {
    if (api_version, kind) == ("v1", "Endpoints") && release.minor >= 33 {
        return Some("an EndpointSlice of discovery.k8s.io/v1".into());
    }
    let newest = newest(release, api_version, kind)?;
    (is_preview(api_version) && !is_preview(newest)).then(|| newest.to_owned())
}

/// Alpha and beta versions are off unless the cluster turns them on: beta ones since 1.24, and all
/// that were on before are gone from the releases that are known here.
pub fn is_preview(api_version: &str) -> bool {
    stability(api_version).0 < 2
}

fn stability(api_version: &str) -> (u8, u32, u32) {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let number = |it: &str| it.parse().unwrap_or_default();
    let plain = version.trim_start_matches('v');
    for (rank, word) in [(0, "alpha"), (1, "beta")] {
        if let Some((major, minor)) = plain.split_once(word) {
            return (rank, number(major), number(minor));
        }
    }
    (2, number(plain), 0)
}
