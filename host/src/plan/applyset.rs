//! Kits as ApplySets (KEP-3659): the `Kit` object is the parent, a label makes the members.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::manifest::GroupKind;

/// On each member: the id of the set that it is part of.
pub const PART_OF_LABEL: &str = "applyset.kubernetes.io/part-of";
/// On the parent: its own id.
const ID_LABEL: &str = "applyset.kubernetes.io/id";
const TOOLING_ANNOTATION: &str = "applyset.kubernetes.io/tooling";
const KINDS_ANNOTATION: &str = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES_ANNOTATION: &str = "applyset.kubernetes.io/additional-namespaces";

/// On each member: the file and line that it came from, when it was last changed.
pub const ORIGIN_ANNOTATION: &str = "trimtab.io/origin";
/// On each member: the commit that last changed it.
pub const REVISION_ANNOTATION: &str = "trimtab.io/revision";
/// On each member: SHA-256 of the manifest as rendered.
pub const DIGEST_ANNOTATION: &str = "trimtab.io/digest";
/// On a namespace that the host made: the id of the set that it was made for.
pub const MADE_FOR_ANNOTATION: &str = "trimtab.io/made-for";
/// On an object that stays in the cluster when it leaves its kit; its author writes `keep`.
pub const PRUNE_ANNOTATION: &str = "trimtab.io/prune";
/// The same, as charts write it.
const HELM_PRUNE_ANNOTATION: &str = "helm.sh/resource-policy";

/// An ApplySet's id: `applyset-`, the SHA-256 of `NAME.NAMESPACE.KIND.GROUP` of its parent in
/// unpadded base64url, `-v1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(Arc<str>);

impl SetId {
    /// Of the `Kit` object with this name in this namespace.
    pub fn of_kit(name: &str, namespace: &str) -> Self {
        let hash = Sha256::digest(format!("{name}.{namespace}.Kit.trimtab.io"));
        Self(format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(hash)).into())
    }

    /// As it stands in a label.
    pub fn from_label(label: &str) -> Self {
        Self(label.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Prefix of every kit's field manager.
const MANAGER_PREFIX: &str = "trimtab/";
/// The API server refuses longer ones.
const MANAGER_LIMIT: usize = 128;

/// The field manager of a kit: `trimtab/` and the `Kit` object's namespace and name;
/// shortened with a hash where that is over the API server's 128 bytes.
pub fn field_manager(kit_object: &str, namespace: &str) -> String {
    let whole = format!("{MANAGER_PREFIX}{namespace}/{kit_object}");
    if whole.len() <= MANAGER_LIMIT {
        return whole;
    }
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(&whole)[..12]);
    // Names of Kubernetes objects are ASCII, so any byte is a boundary.
    format!("{}~{hash}", &whole[..MANAGER_LIMIT - hash.len() - 1])
}

/// The metadata that makes a `Kit` object an ApplySet's parent.
pub fn parent_metadata(
    id: &SetId,
    kinds: &BTreeSet<GroupKind>,
    namespaces: &BTreeSet<Arc<str>>,
) -> Value {
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    let namespaces: Vec<&str> = namespaces.iter().map(|namespace| &**namespace).collect();
    json!({
        "labels": { ID_LABEL: id.as_str() },
        "annotations": {
            TOOLING_ANNOTATION: concat!("trimtab/v", env!("CARGO_PKG_VERSION")),
            KINDS_ANNOTATION: kinds.join(","),
            NAMESPACES_ANNOTATION: namespaces.join(","),
        },
    })
}

/// Whether an object's annotations say that it stays when it leaves its kit.
pub fn is_kept<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> bool {
    // As Helm reads it.
    let helm = annotation(HELM_PRUNE_ANNOTATION).map(str::trim);
    annotation(PRUNE_ANNOTATION) == Some("keep")
        || helm.is_some_and(|policy| policy.eq_ignore_ascii_case("keep"))
}

/// The kinds that a parent's annotations name; entries that are not kinds are passed over.
pub fn group_kinds_of(annotations: &BTreeMap<String, String>) -> BTreeSet<GroupKind> {
    annotations
        .get(KINDS_ANNOTATION)
        .map(String::as_str)
        .unwrap_or_default()
        .split(',')
        .filter_map(group_kind)
        .collect()
}

/// `Deployment.apps`, `Service`.
fn group_kind(text: &str) -> Option<GroupKind> {
    let (kind, group) = text.split_once('.').unwrap_or((text, ""));
    (!kind.is_empty()).then(|| GroupKind {
        group: group.into(),
        kind: kind.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_one_that_the_kep_prescribes() {
        // Computed apart from this code, by sha256sum and basenc --base64url.
        let id = SetId::of_kit("vision", "trimtab-system");
        assert_eq!(
            id.as_str(),
            "applyset-ffyDE8m3FdYqKh4t9hfGEx9rlP4mh4ymYQ0dCxvnqjg-v1"
        );
    }

    #[test]
    fn a_field_manager_is_never_longer_than_the_api_server_takes() {
        assert_eq!(
            field_manager("kits.a", "trimtab-system"),
            "trimtab/trimtab-system/kits.a"
        );
        let long = "a".repeat(250);
        let other = format!("{long}b");
        assert_eq!(field_manager(&long, "n").len(), 128);
        assert_ne!(field_manager(&long, "n"), field_manager(&other, "n"));
    }
}
