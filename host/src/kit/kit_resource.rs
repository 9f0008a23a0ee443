//! The `Kit` in the cluster: one for each kit, its status written by the host, its spec by people.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Condition;
use crate::manifest::Finding;
use crate::source::Commit;

/// A kit of a Repository. The host makes it and writes its status; `spec` belongs to people.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[kube(
    group = "trimtab.io",
    version = "v1alpha1",
    kind = "Kit",
    plural = "kits",
    category = "trimtab",
    doc = "A kit of a Repository: made by the host, which writes its status; its spec belongs to people",
    namespaced,
    status = "KitStatus",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Applied","type":"string","jsonPath":".status.applied.short"}"#,
    printcolumn = r#"{"name":"Attempted","type":"string","jsonPath":".status.attempted.short"}"#,
    printcolumn = r#"{"name":"Objects","type":"integer","jsonPath":".status.objects"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name":"Author","type":"string","jsonPath":".status.attempted.author","priority":1}"#,
    printcolumn = r#"{"name":"Subject","type":"string","jsonPath":".status.attempted.subject","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KitSpec {
    /// Stops reconciling this kit; what is live stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// A revision as people want to see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// The full commit id.
    pub revision: String,
    /// Its first seven digits.
    pub short: String,
    pub author: String,
    pub subject: String,
    /// When it was committed, RFC 3339.
    pub committed_at: String,
    /// When the host got to the state that this describes, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl RevisionStatus {
    pub fn new(commit: &Commit, at: Option<String>) -> Self {
        let committed = jiff::Timestamp::from_second(commit.time).unwrap_or_default();
        Self {
            revision: commit.revision.to_string(),
            short: commit.revision.short().to_owned(),
            author: commit.author.clone(),
            subject: commit.subject.clone(),
            committed_at: committed.to_string(),
            at,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
// Kubernetes knows no unsigned formats, and warns of them.
pub struct FindingCounts {
    #[schemars(with = "i32")]
    pub errors: u32,
    #[schemars(with = "i32")]
    pub warnings: u32,
    #[schemars(with = "i32")]
    pub infos: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KitStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The Repository's name.
    #[serde(default)]
    pub repository: String,
    /// The kit's directory, from the root.
    #[serde(default)]
    pub path: String,
    /// The newest revision that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempted: Option<RevisionStatus>,
    /// The revision that is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<RevisionStatus>,
    /// Digest of the rendered objects that are live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Digest of the inputs (trees, plugins, settings) of the attempted revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// How many objects the kit has live.
    #[serde(default)]
    #[schemars(with = "i32")]
    pub objects: u32,
    #[serde(default)]
    pub finding_counts: FindingCounts,
    /// Of the attempted revision; errors first; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "findings_schema")]
    pub findings: Vec<Finding>,
}

pub(super) fn findings_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
    })
}
