//! The `Kit` in the cluster: one for each kit, its status written by the host, its spec by people.

use kube::{CustomResource, ResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, DeletionPolicy, GivenValues, KitPath, NotableStatus, PrunePolicy};
use crate::manifest::Finding;
use crate::source::Commit;

/// On a Kit or a Repository: when a person asked the host to look at it; any change of it asks.
pub const REQUESTED_ANNOTATION: &str = "trimtab.io/requested-at";

/// On a Kit: the kit's directory. A status, which says it as well, comes later.
pub const PATH_ANNOTATION: &str = "trimtab.io/path";

/// Kits carry their Repository's name in this label.
pub const REPOSITORY_LABEL: &str = "trimtab.io/repository";

impl Kit {
    /// The kit's directory, from the repository's root.
    pub fn path(&self) -> Option<KitPath> {
        let annotated = self.annotations().get(PATH_ANNOTATION).map(String::as_str);
        let path = annotated.or(self.status.as_ref().map(|status| status.path.as_str()))?;
        Some(KitPath::new(path))
    }

    /// The name of the Repository that it is of.
    pub fn repository(&self) -> Option<&str> {
        self.labels().get(REPOSITORY_LABEL).map(String::as_str)
    }
}

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
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.revision) || has(self.reason)",
    "message": "a kit is held at a revision for a reason: set spec.reason as well",
}]))]
pub struct KitSpec {
    /// Stops reconciling this kit; what is live stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// Holds the kit at a revision, by its id or the first seven digits or more, with the rules
    /// that it has there; what is committed meanwhile waits until this is taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^[0-9a-fA-F]{7,40}$"))]
    pub revision: Option<String>,
    /// Why it is held or suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1, "maxLength" = 1024))]
    pub reason: Option<String>,
    /// Who wants it so, as `trimtab rollback` and `trimtab suspend` fill it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = 256))]
    pub by: Option<String>,
    /// A revision, by its id or the first seven digits or more: what it deletes is meant, whatever
    /// the deletion budget says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_deletions: Option<String>,
    /// A revision, by its id or the first seven digits or more: what it changes is meant, whatever
    /// rules over changes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_changes: Option<String>,
    /// What becomes of the kit's objects when this Kit is deleted. If the repository still has the
    /// kit, it is made anew.
    #[serde(default, skip_serializing_if = "DeletionPolicy::is_default")]
    pub deletion_policy: DeletionPolicy,
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
    /// What its signature is worth: `unsigned`, `signed, not judged`, `good: NAME, KEY`,
    /// `accepted: REASON`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
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
            signature: commit.signature.told(),
            at,
        }
    }
}

/// A revision at which a kit was healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthyRevision {
    #[serde(flatten)]
    pub revision: RevisionStatus,
    /// Digest of what it rendered to.
    pub digest: String,
}

/// A revision of a kit that was rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// The full commit id.
    pub revision: String,
    /// What it was rendered from: it is not tried again while that is the same.
    pub inputs: String,
    /// Why it was rolled back.
    pub message: String,
}

/// An object of a kit that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthStatus {
    /// `Deployment.apps acme/shop`.
    pub object: String,
    /// `progressing`, `failed` or `terminating`.
    pub health: String,
    /// How far it is, and what is in its way.
    pub message: String,
}

/// What somebody else changed on an object of a kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftStatus {
    /// `Service acme/shop`.
    pub object: String,
    /// RFC 6901 pointers, at most 10.
    pub fields: Vec<String>,
    /// The field manager that changed it, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// When it was changed, by the API server's clock, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<String>,
    /// When the host put it right, or noticed it, RFC 3339.
    pub at: String,
    /// False where the kit only reports, and while the object is fought over.
    pub corrected: bool,
}

/// A hook of Helm's that has run: a Job or a Pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookStatus {
    /// `Job.batch acme/migrate`.
    pub object: String,
    /// Of the manifest that it ran by: it runs again when that is another.
    pub digest: String,
}

impl KitStatus {
    /// The last revision before the one that is live at which the kit was healthy, and was another.
    pub fn earlier(&self) -> Option<&RevisionStatus> {
        let live = self.applied.as_ref()?;
        let known = self
            .history
            .iter()
            .position(|it| it.revision.revision == live.revision);
        let after = known.map_or(0, |known| known + 1);
        let other = |it: &&HealthyRevision| {
            it.revision.revision != live.revision && Some(&it.digest) != self.digest.as_ref()
        };
        let found = self.history.iter().skip(after).find(other);
        found.map(|it| &it.revision)
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
    /// The last revision that was live and healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<RevisionStatus>,
    /// The last revisions that were live and healthy, newest first, at most 10: what
    /// `trimtab rollback` goes back to. They stay in the host's mirror.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HealthyRevision>,
    /// The revision that it is held at, as `spec.revision` named it when the kit was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The revision that was rolled back, until a newer commit changes the kit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// Digest of the rendered objects that are live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of the platform team's values that the live objects were rendered with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<GivenValues>,
    /// Digest of the inputs (trees, plugins, settings) of the attempted revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Kits that must be live before this one, as the revision that is live says; they are deleted
    /// after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What kit.yaml said of pruning when it was last read: it may be gone when it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<PrunePolicy>,
    /// What others changed on its objects, newest first; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<DriftStatus>,
    /// The ServiceAccount that the live revision was applied as, `namespace/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Objects that are not as they should be, failed ones first; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthStatus>,
    /// Hooks that have run, whether their objects are still there or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookStatus>,
    /// The kind of the kit's report of findings and the SHA-256 of what it says, as it was last
    /// written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// What a person may want to hear of that was last: how the kit is, and drift. Kept where the
    /// Repository has webhooks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<NotableStatus>,
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
