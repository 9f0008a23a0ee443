//! How lists and maps are merged: by keys, or as a whole. The built-in kinds by a table, others by
//! the schema of their CustomResourceDefinition.

use serde_json::Value as Json;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Items are the same if these fields are.
    ByKeys(Vec<String>),
    /// A list of values, each once.
    Set,
    /// A mapping, field by field.
    ByFields,
    /// A whole, of which a mutation may not set a part.
    Atomic,
    Unknown,
}

pub enum Schema<'o> {
    BuiltIn,
    /// Its openAPIV3Schema.
    Defined(&'o Json),
    Unknown,
}

/// Lists with keys: the names that end the path, and the keys.
const KEYED: [(&str, &str); 20] = [
    ("spec/containers", "name"),
    ("spec/initContainers", "name"),
    ("spec/ephemeralContainers", "name"),
    ("spec/volumes", "name"),
    ("spec/imagePullSecrets", "name"),
    ("spec/hostAliases", "ip"),
    ("spec/resourceClaims", "name"),
    ("spec/schedulingGates", "name"),
    ("spec/evictionResponders", "name"),
    (
        "spec/topologySpreadConstraints",
        "topologyKey,whenUnsatisfiable",
    ),
    ("containers/env", "name"),
    ("containers/ports", "containerPort,protocol"),
    ("containers/volumeMounts", "mountPath"),
    ("containers/volumeDevices", "devicePath"),
    ("resources/claims", "name"),
    ("spec/ports", "port,protocol"),
    ("spec/drivers", "name"),
    ("metadata/ownerReferences", "uid"),
    ("/secrets", "name"),
    ("/webhooks", "name"),
];

/// Lists of values, each once, by the names that end the path.
const SETS: [&str; 5] = [
    "metadata/finalizers",
    "containers/bindMountOptions",
    "volumeMounts/bindMountOptions",
    "spec/volumeLifecycleModes",
    "spec/podCIDRs",
];

/// Other lists, each a whole.
const LISTS: [&str; 58] = [
    "accessModes",
    "add",
    "allowedTopologies",
    "args",
    "cidrs",
    "clusterIPs",
    "clusterRoleSelectors",
    "command",
    "drop",
    "egress",
    "endpoints",
    "envFrom",
    "externalIPs",
    "finalizers",
    "hostnames",
    "httpHeaders",
    "imagePullSecrets",
    "ingress",
    "ipFamilies",
    "items",
    "limits",
    "loadBalancerSourceRanges",
    "matchExpressions",
    "matchFields",
    "matchLabelKeys",
    "metrics",
    "monitors",
    "mountOptions",
    "nameservers",
    "nodeSelectorTerms",
    "options",
    "policies",
    "policyTypes",
    "portals",
    "ports",
    "preferredDuringSchedulingIgnoredDuringExecution",
    "readinessGates",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "resizePolicy",
    "restartPolicyRules",
    "rules",
    "scopes",
    "searches",
    "sources",
    "subjects",
    "subsets",
    "supplementalGroups",
    "sysctls",
    "taints",
    "targetWWNs",
    "tls",
    "tokenRequests",
    "tolerations",
    "topology",
    "topologyKeys",
    "values",
    "volumeClaimTemplates",
    "wwids",
];

/// Mappings whose names are free.
const FREE: [&str; 6] = [
    "labels/",
    "annotations/",
    "data/",
    "matchLabels/",
    "limits/",
    "requests/",
];

/// Mappings that are wholes, wherever they stand.
const MAPS: [&str; 24] = [
    "configMapKeyRef",
    "controllerExpandSecretRef",
    "controllerPublishSecretRef",
    "dataSource",
    "fieldRef",
    "fileKeyRef",
    "involvedObject",
    "labelSelector",
    "namespaceSelector",
    "nodeExpandSecretRef",
    "nodePublishSecretRef",
    "nodeSelector",
    "nodeStageSecretRef",
    "nodeTopology",
    "objectSelector",
    "podSelector",
    "related",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "resourceFieldRef",
    "roleRef",
    "scopeSelector",
    "secretKeyRef",
    "secretRef",
    "selector",
];

/// Mappings that are wholes in these places alone.
const PLACED: [&str; 4] = [
    "service/port",
    "nodeAffinity/required",
    "defaultBackend/resource",
    "backend/resource",
];

/// Lists of whose items each is a whole.
const ITEMS: [&str; 5] = [
    "spec/imagePullSecrets",
    "spec/evictionResponders",
    "metadata/ownerReferences",
    "/secrets",
    "/imagePullSecrets",
];

impl<'o> Schema<'o> {
    /// Whether each item of the list at a path is a whole.
    pub fn has_atomic_items(&self, path: &[String]) -> bool {
        match self {
            Self::BuiltIn => ITEMS.contains(&ending(path).as_str()),
            Self::Defined(schema) => {
                within(schema, path)["items"]["x-kubernetes-map-type"] == "atomic"
            }
            Self::Unknown => false,
        }
    }

    /// How the value at a path is merged; items of a list have no name in the path.
    pub fn merge(&self, path: &[String], value: &Json) -> Merge {
        match self {
            Self::BuiltIn => built_in(path, value),
            _ if path.first().is_some_and(|it| it == "metadata") => built_in(path, value),
            Self::Defined(schema) => defined(schema, path, value),
            Self::Unknown if value.is_array() => Merge::Unknown,
            Self::Unknown => Merge::ByFields,
        }
    }
}

/// The names that end a path. What is in a container is the same in all sorts of them.
fn ending(path: &[String]) -> String {
    let name = |back: usize| path.len().checked_sub(back).and_then(|at| path.get(at));
    let before = match name(2).map_or("", String::as_str) {
        "initContainers" | "ephemeralContainers" => "containers",
        before => before,
    };
    format!("{before}/{}", name(1).map_or("", String::as_str))
}

fn built_in(path: &[String], value: &Json) -> Merge {
    let Some(last) = path.last() else {
        return Merge::ByFields;
    };
    let ending = ending(path);
    if value.is_array() {
        if SETS.contains(&ending.as_str()) {
            return Merge::Set;
        }
        if let Some((_, keys)) = KEYED.iter().find(|(it, _)| *it == ending) {
            return Merge::ByKeys(keys.split(',').map(str::to_owned).collect());
        }
        return match LISTS.contains(&last.as_str()) {
            true => Merge::Atomic,
            false => Merge::Unknown,
        };
    }
    // Labels and their like may be called as they like.
    let free = FREE.iter().any(|it| ending.starts_with(it));
    let whole = MAPS.contains(&last.as_str()) || PLACED.contains(&ending.as_str());
    match whole && !free {
        true => Merge::Atomic,
        false => Merge::ByFields,
    }
}

fn within<'s>(schema: &'s Json, path: &[String]) -> &'s Json {
    let mut at = schema;
    for name in path {
        if at["items"].is_object() {
            at = &at["items"];
        }
        at = match &at["properties"][name] {
            Json::Null => &at["additionalProperties"],
            found => found,
        };
    }
    at
}

fn defined(schema: &Json, path: &[String], value: &Json) -> Merge {
    let at = within(schema, path);
    if !value.is_array() {
        return match at["x-kubernetes-map-type"] == "atomic" {
            true => Merge::Atomic,
            false => Merge::ByFields,
        };
    }
    match at["x-kubernetes-list-type"].as_str() {
        Some("map") => {
            let keys = at["x-kubernetes-list-map-keys"].as_array();
            let keys = keys.into_iter().flatten().filter_map(Json::as_str);
            Merge::ByKeys(keys.map(str::to_owned).collect())
        }
        Some("set") => Merge::Set,
        _ => Merge::Atomic,
    }
}
