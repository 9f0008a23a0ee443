//! How the kinds are called in a request: the built-in ones by a table, others by their
//! CustomResourceDefinition, the rest by a guess.

use std::collections::BTreeMap;

use trimtab_plugin::Object;

/// Group, kind, plural; the cluster's own marked by a `!`.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "",
        "Binding:bindings ConfigMap:configmaps Endpoints:endpoints Event:events LimitRange:limitranges Namespace:!namespaces Node:!nodes PersistentVolume:!persistentvolumes PersistentVolumeClaim:persistentvolumeclaims Pod:pods PodTemplate:podtemplates ReplicationController:replicationcontrollers ResourceQuota:resourcequotas Secret:secrets Service:services ServiceAccount:serviceaccounts",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicy:!mutatingadmissionpolicies MutatingAdmissionPolicyBinding:!mutatingadmissionpolicybindings MutatingWebhookConfiguration:!mutatingwebhookconfigurations ValidatingAdmissionPolicy:!validatingadmissionpolicies ValidatingAdmissionPolicyBinding:!validatingadmissionpolicybindings ValidatingWebhookConfiguration:!validatingwebhookconfigurations",
    ),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition:!customresourcedefinitions",
    ),
    ("apiregistration.k8s.io", "APIService:!apiservices"),
    (
        "apps",
        "ControllerRevision:controllerrevisions DaemonSet:daemonsets Deployment:deployments ReplicaSet:replicasets StatefulSet:statefulsets",
    ),
    (
        "autoscaling",
        "HorizontalPodAutoscaler:horizontalpodautoscalers",
    ),
    ("batch", "CronJob:cronjobs Job:jobs"),
    (
        "certificates.k8s.io",
        "CertificateSigningRequest:!certificatesigningrequests ClusterTrustBundle:!clustertrustbundles PodCertificateRequest:podcertificaterequests",
    ),
    (
        "coordination.k8s.io",
        "Lease:leases LeaseCandidate:leasecandidates",
    ),
    ("discovery.k8s.io", "EndpointSlice:endpointslices"),
    ("events.k8s.io", "Event:events"),
    (
        "flowcontrol.apiserver.k8s.io",
        "FlowSchema:!flowschemas PriorityLevelConfiguration:!prioritylevelconfigurations",
    ),
    (
        "networking.k8s.io",
        "IPAddress:!ipaddresses Ingress:ingresses IngressClass:!ingressclasses NetworkPolicy:networkpolicies ServiceCIDR:!servicecidrs",
    ),
    ("node.k8s.io", "RuntimeClass:!runtimeclasses"),
    ("policy", "PodDisruptionBudget:poddisruptionbudgets"),
    (
        "rbac.authorization.k8s.io",
        "ClusterRole:!clusterroles ClusterRoleBinding:!clusterrolebindings Role:roles RoleBinding:rolebindings",
    ),
    (
        "resource.k8s.io",
        "DeviceClass:!deviceclasses ResourceClaim:resourceclaims ResourceClaimTemplate:resourceclaimtemplates ResourceSlice:!resourceslices",
    ),
    ("scheduling.k8s.io", "PriorityClass:!priorityclasses"),
    (
        "storage.k8s.io",
        "CSIDriver:!csidrivers CSINode:!csinodes CSIStorageCapacity:csistoragecapacities StorageClass:!storageclasses VolumeAttachment:!volumeattachments VolumeAttributesClass:!volumeattributesclasses",
    ),
];

/// Versions of built-in groups of which one object has several.
const VERSIONS: [(&str, &str, &[&str]); 3] = [
    ("autoscaling", "HorizontalPodAutoscaler", &["v2", "v1"]),
    ("resource.k8s.io", "", &["v1", "v1beta2", "v1beta1"]),
    (
        "admissionregistration.k8s.io",
        "",
        &["v1", "v1beta1", "v1alpha1"],
    ),
];

#[derive(Clone, Debug)]
pub struct Resource {
    pub group: String,
    pub plural: String,
    pub namespaced: bool,
    /// All that the API server makes of it.
    pub versions: Vec<String>,
    /// Whether a version is made another by exchanging its name alone.
    pub same_in_all_versions: bool,
    pub guessed: bool,
}

impl Resource {
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }
}

/// What is known of kinds.
pub struct Kinds {
    defined: BTreeMap<(String, String), Resource>,
    /// Whether the kit has a namespace, in which the host puts what has none.
    filled_in: bool,
}

impl Kinds {
    /// With those that CustomResourceDefinitions define.
    pub fn of<'o>(objects: impl Iterator<Item = &'o Object>, filled_in: bool) -> Self {
        let defined = objects
            .filter(|it| {
                it.kind() == "CustomResourceDefinition" && it.group() == "apiextensions.k8s.io"
            })
            .map(|it| {
                let field = |pointer: &str| it.at(pointer).as_str().unwrap_or_default().to_owned();
                let versions = it
                    .items("/spec/versions")
                    .filter(|(_, it)| it["served"] != false);
                let resource = Resource {
                    group: field("/spec/group"),
                    plural: field("/spec/names/plural"),
                    namespaced: it.at("/spec/scope") != "Cluster",
                    versions: versions
                        .filter_map(|(_, it)| it["name"].as_str().map(str::to_owned))
                        .collect(),
                    same_in_all_versions: it.at("/spec/conversion/strategy") != "Webhook",
                    guessed: false,
                };
                (
                    (resource.group.clone(), field("/spec/names/kind")),
                    resource,
                )
            });
        Self {
            defined: defined.collect(),
            filled_in,
        }
    }

    pub fn resource(&self, object: &Object) -> Resource {
        self.named(object.group(), object.kind())
            .unwrap_or_else(|| Resource {
                group: object.group().to_owned(),
                plural: guess(object.kind()),
                namespaced: !object.namespace().is_empty() || self.filled_in,
                versions: Vec::new(),
                same_in_all_versions: true,
                guessed: true,
            })
    }

    pub fn named(&self, group: &str, kind: &str) -> Option<Resource> {
        let key = (group.to_owned(), kind.to_owned());
        built_in(group, kind).or_else(|| self.defined.get(&key).cloned())
    }
}

pub fn is_built_in(object: &Object) -> bool {
    built_in(object.group(), object.kind()).is_some()
}

fn built_in(group: &str, kind: &str) -> Option<Resource> {
    let (_, kinds) = BUILT_IN.iter().find(|(it, _)| *it == group)?;
    let mut kinds = kinds.split(' ').filter_map(|it| it.split_once(':'));
    let (_, plural) = kinds.find(|(it, _)| *it == kind)?;
    let versions = VERSIONS
        .iter()
        .find(|(of, only, _)| *of == group && (only.is_empty() || *only == kind));
    Some(Resource {
        group: group.to_owned(),
        plural: plural.trim_start_matches('!').to_owned(),
        namespaced: !plural.starts_with('!'),
        versions: versions
            .map(|(.., versions)| versions.iter().map(|it| (*it).to_owned()).collect())
            .unwrap_or_default(),
        same_in_all_versions: false,
        guessed: false,
    })
}

/// As Kubernetes itself guesses where it must.
fn guess(kind: &str) -> String {
    let singular = kind.to_ascii_lowercase();
    if let Some(stem) = singular.strip_suffix('y') {
        return format!("{stem}ies");
    }
    match singular.ends_with('s') {
        true => format!("{singular}es"),
        false => format!("{singular}s"),
    }
}
