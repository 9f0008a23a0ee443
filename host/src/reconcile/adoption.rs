//! Objects that are there already and belong to no kit: may a kit have them? Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::kit::AdoptPolicy;
use crate::manifest::{Finding, Manifest, ObjectKey};

/// Labels and annotations that deployment tools put on what they keep.
const MARKS: [&str; 9] = [
    "app.kubernetes.io/managed-by",
    "meta.helm.sh/release-name",
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "configsync.gke.io/resource-id",
    "kapp.k14s.io/app",
    "fleet.cattle.io/bundle-id",
];

/// Why a kit is refused an object; nothing if it may have it.
pub(super) fn refusal(
    policy: AdoptPolicy,
    key: &ObjectKey,
    live: &ObjectMeta,
    manifests: &[Manifest],
) -> Option<Finding> {
    let why = match policy {
        AdoptPolicy::Always => return None,
        AdoptPolicy::Never => "the kit's `adopt` is `never`".to_owned(),
        AdoptPolicy::UnlessManaged => managed(live)?,
    };
    let message = format!("{key} is there already, and is no kit's: {why}");
    let mut finding = Finding::host_error("not-adopted", message)
        .about(key.clone())
        .hint("delete it, give the manifest another name, or let the kit take it over: `adopt: always`");
    let manifest = manifests.iter().find(|manifest| manifest.key() == *key);
    finding.origin = manifest.map(|manifest| manifest.origin.clone());
    Some(finding)
}

/// By whom an object is kept.
fn managed(live: &ObjectMeta) -> Option<String> {
    let controller = live
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true));
    if let Some(owner) = controller {
        return Some(format!("{} {} keeps it", owner.kind, owner.name));
    }
    let marks = [&live.labels, &live.annotations].into_iter().flatten();
    let found = marks
        .flat_map(|map| MARKS.iter().filter_map(|mark| map.get_key_value(*mark)))
        .next();
    found.map(|(mark, value)| format!("another tool keeps it ({mark}: {value})"))
}
