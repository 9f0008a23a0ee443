//! The host's own law, after all transformers: the platform team's grants.

use serde_json::Value;

use crate::kit::{Grants, SUBSTITUTE};
use crate::manifest::{Finding, Manifest, Scope, Scopes, pointer_token};

/// Labels and annotations that are the host's own.
const OWN: [(&str, &str); 2] = [
    ("labels", "applyset.kubernetes.io/"),
    ("annotations", "trimtab.io/"),
];
/// Keeps an object that leaves its kit.
const PRUNE_ANNOTATION: &str = "trimtab.io/prune";
const OWN_GROUP: &str = "trimtab.io";
/// Fields that the API server writes.
const SERVERS: [&str; 6] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
];

/// Fills in namespaces and enforces the grants for every kind whose scope `scopes` knows.
/// Called by the pipeline, and again at plan time with what discovery told, so that no object
/// passes unchecked. Kinds still unknown are left as they are.
pub fn settle(manifests: &mut [Manifest], grants: &Grants, scopes: &Scopes) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests {
        match scopes.of(&manifest.gvk().group_kind()) {
            Some(Scope::Cluster) => findings.extend(cluster_scoped(manifest, grants)),
            Some(Scope::Namespaced) => findings.extend(namespaced(manifest, grants)),
            None => {}
        }
        findings.extend(reserved(manifest));
        findings.extend(own_kind(manifest, grants));
    }
    findings
}

fn cluster_scoped(manifest: &mut Manifest, grants: &Grants) -> Option<Finding> {
    if let Some(metadata) = manifest
        .object
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
    {
        // kubectl passes over a namespace that cannot be.
        metadata.remove("namespace");
    }
    (!grants.cluster_scoped).then(|| {
        let message = format!(
            "{} is cluster-scoped, which this kit is not granted",
            manifest.key()
        );
        at(
            manifest,
            "/kind",
            Finding::host_error("cluster-scoped-not-granted", message),
        )
        .hint("move it to a kit that may have it, or ask the platform team for clusterScoped")
    })
}

fn namespaced(manifest: &mut Manifest, grants: &Grants) -> Option<Finding> {
    let key = manifest.key();
    let namespace =
        match (&key.namespace, &grants.namespace) {
            (Some(namespace), _) => namespace.to_string(),
            (None, Some(default)) => {
                manifest.object["metadata"]["namespace"] = Value::from(default.as_str());
                default.clone()
            }
            (None, None) => {
                let finding = Finding::host_error(
                    "no-namespace",
                    format!("{key} has no namespace, and neither has its kit"),
                );
                return Some(at(manifest, "/metadata/name", finding).hint(
                    "write metadata.namespace, or give the kit a namespace in the Repository",
                ));
            }
        };
    if grants.allowed_namespaces.is_empty() || grants.allowed_namespaces.contains(&namespace) {
        return None;
    }
    let message = format!("{key} is in a namespace that this kit is not granted");
    let mut finding = at(
        manifest,
        "/metadata/namespace",
        Finding::host_error("namespace-not-granted", message),
    );
    match &grants.allowed_namespaces[..] {
        [only] => finding.proposed = Some(only.clone()),
        several => finding.hint = Some(format!("it may be in {}", several.join(", "))),
    }
    Some(finding)
}

/// A Repository can grant anything to anybody, whatever namespace it is in: only a kit that may
/// have everything may have one. Kits are the host's to make.
fn own_kind(manifest: &Manifest, grants: &Grants) -> Option<Finding> {
    let gvk = manifest.gvk();
    if &*gvk.group != OWN_GROUP || (grants.cluster_scoped && &*gvk.kind != "Kit") {
        return None;
    }
    let (message, hint) = match &*gvk.kind {
        "Kit" => (
            "a Kit is made by the host, for each directory that is one",
            "call the file kit.yaml, and put it in the kit's directory",
        ),
        _ => (
            "a kit may have Trimtab's own kinds only where clusterScoped is granted",
            "leave it to the platform team: it says what kits may do",
        ),
    };
    let finding = Finding::host_error("own-kind-not-granted", message);
    Some(at(manifest, "/kind", finding).hint(hint))
}

/// What whoever writes a manifest may say to the host.
fn is_an_author_s(name: &str) -> bool {
    name == PRUNE_ANNOTATION || name == SUBSTITUTE
}

fn reserved(manifest: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(metadata) = manifest.object.get("metadata").and_then(Value::as_object) else {
        return findings;
    };
    for (map, prefix) in OWN {
        let names = metadata
            .get(map)
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|map| map.keys());
        for name in names.filter(|name| name.starts_with(prefix) && !is_an_author_s(name)) {
            let pointer = format!("/metadata/{map}/{}", pointer_token(name));
            let finding = Finding::host_error(
                "reserved-metadata",
                format!("{name} is the host's own to write"),
            );
            findings.push(at(manifest, &pointer, finding).hint("remove it"));
        }
    }
    let kept = metadata
        .get("annotations")
        .and_then(|all| all.get(PRUNE_ANNOTATION));
    if kept.is_some_and(|value| value != "keep") {
        let pointer = "/metadata/annotations/trimtab.io~1prune";
        let finding = Finding::host_error(
            "prune-annotation",
            format!("{PRUNE_ANNOTATION} has one value, which keeps the object"),
        );
        let mut finding = at(manifest, pointer, finding);
        finding.proposed = Some("keep".into());
        findings.push(finding);
    }
    for field in SERVERS
        .iter()
        .filter(|field| metadata.get(**field).is_some_and(|value| !value.is_null()))
    {
        let finding = Finding::host_error(
            "server-field",
            format!("metadata.{field} is the API server's to write"),
        );
        findings.push(at(manifest, &format!("/metadata/{field}"), finding).hint("remove it"));
    }
    findings
}

/// A finding about a field, at its place in the file, or at the nearest one that the file has.
pub(super) fn at(manifest: &Manifest, pointer: &str, finding: Finding) -> Finding {
    let place = manifest.place(pointer);
    let span = match place.leaf {
        true => place.value,
        false => place.key.unwrap_or(place.value),
    };
    finding
        .about(manifest.key())
        .field(pointer)
        .spanning(place.path, span)
}
