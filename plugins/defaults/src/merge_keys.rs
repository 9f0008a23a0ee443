//! By which field the items of a list of Kubernetes are the same (`patchMergeKey` in its API).

/// Merge keys by the list's field, and by those that it may be below, nearest first; an empty one
/// is any.
const KEYS: &[(&str, &str, &str)] = &[
    ("containers", "", "name"),
    ("initContainers", "", "name"),
    ("ephemeralContainers", "", "name"),
    ("env", "", "name"),
    ("volumeMounts", "", "mountPath"),
    ("volumeDevices", "", "devicePath"),
    ("ports", "containers", "containerPort"),
    ("ports", "initContainers", "containerPort"),
    ("ports", "ephemeralContainers", "containerPort"),
    ("ports", "spec", "port"),
    ("volumes", "", "name"),
    ("imagePullSecrets", "", "name"),
    ("secrets", "", "name"),
    ("hostAliases", "", "ip"),
    ("topologySpreadConstraints", "", "topologyKey"),
    ("resourceClaims", "spec", "name"),
    ("schedulingGates", "", "name"),
    ("ownerReferences", "", "uid"),
    ("conditions", "", "type"),
    ("webhooks", "", "name"),
    ("taints", "", "key"),
];

/// Lists of plain values that are joined.
const SETS: &[&str] = &["finalizers"];

/// Kubernetes' own groups; of others it knows no merge keys, and lists are replaced.
const GROUPS: &[&str] = &["", "apps", "batch", "policy", "autoscaling"];

pub fn has_keys(group: &str) -> bool {
    GROUPS.contains(&group) || group.ends_with(".k8s.io")
}

/// The key of a list's items, by the fields from the object to the list.
pub fn merge_key(path: &[&str]) -> Option<&'static str> {
    let (list, above) = path.split_last()?;
    let above = above.last().copied().unwrap_or_default();
    let mut keys = KEYS.iter();
    keys.find(|(field, below, _)| field == list && (below.is_empty() || *below == above))
        .map(|(_, _, key)| *key)
}

pub fn is_set(path: &[&str]) -> bool {
    path.last().is_some_and(|field| SETS.contains(field))
}
