//! The `Repository`: what the platform team decides, and kit authors may not.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AdmissionPolicy, Condition, DeletionBudget, DeletionPolicy, Exemption, Notifications,
    NotificationsStatus, Reports, RevisionStatus, RuleEnforcement, SourceRule, ValueSource,
    Verification,
};
use crate::manifest::Finding;

/// A Git repository that describes a platform instance.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "trimtab.io",
    version = "v1alpha1",
    kind = "Repository",
    plural = "repositories",
    shortname = "trepo",
    category = "trimtab",
    doc = "A Git repository that describes a platform instance",
    namespaced,
    status = "RepositoryStatus",
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Revision","type":"string","jsonPath":".status.revision.short"}"#,
    printcolumn = r#"{"name":"Kits","type":"string","jsonPath":".status.summary"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name":"URL","type":"string","jsonPath":".spec.url","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.revision) || has(self.reason)",
    "message": "a platform is held at a revision for a reason: set spec.reason as well",
}]))]
pub struct RepositorySpec {
    /// `https://`, `http://`, `ssh://`, `user@host:path` or `file://`.
    pub url: String,
    /// What is followed; the branch `main` if nothing is said. At most one of its fields.
    #[serde(default, rename = "ref")]
    pub follow: RefSpec,
    /// Time between two polls: `30s`, `5m`, `1h`.
    #[serde(default = "default_interval")]
    pub interval: String,
    /// How long one exchange with the Git server may take.
    #[serde(default = "default_timeout")]
    pub timeout: String,
    /// Credentials, in the Repository's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Takes up only revisions that are signed by the keys that it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verification>,
    /// The cluster's version of Kubernetes, `1.34`, as plugins are told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Where remote bases and charts may come from, each pinned by a commit, a digest or
    /// trimtab.lock. Empty: nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceRule>,
    /// Plugins that run on every kit, after its own. No commit can take them off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Guardrail>,
    /// Which directories are kits, and what they may do. Empty: every directory with a
    /// kit.yaml, or the whole repository as one kit where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kits: Vec<KitRule>,
    /// What is made of findings of plugins' rules; the first that fits counts. What no entry means
    /// weighs as its rule says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleEnforcement>,
    /// Values that kits may be given from the cluster, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("maxItems" = 100))]
    pub values: Vec<ValueSource>,
    /// Findings that are known and let be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exemptions: Vec<Exemption>,
    /// Has a host that runs with `--admission` judge direct changes to objects in kits' namespaces
    /// by the guardrails; left out: nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<AdmissionPolicy>,
    /// Stops polling; what is live stays.
    #[serde(default)]
    pub suspend: bool,
    /// Holds the whole platform at a revision, by its id or the first seven digits or more; what is
    /// committed meanwhile waits until this is taken out.
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
    /// What becomes of all its kits' objects when the Repository is deleted.
    #[serde(default, skip_serializing_if = "DeletionPolicy::is_default")]
    pub deletion_policy: DeletionPolicy,
    /// What the findings of each kit are written as, for policy tools.
    #[serde(default, skip_serializing_if = "Reports::is_default")]
    pub reports: Reports,
    /// Whom the outcome of revisions is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
}

pub(super) fn default_interval() -> String {
    "30s".into()
}

pub(super) fn default_timeout() -> String {
    "60s".into()
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.branch), has(self.tag), has(self.semver), has(self.commit)].filter(given, given).size() <= 1",
    "message": "ref takes one of branch, tag, semver and commit",
}]))]
pub struct RefSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A SemVer range over the tags; the highest is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// A full commit id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guardrail {
    /// The component, from the repository's root.
    pub path: String,
    /// `sha256:` and 64 hexadecimal digits: a component of another digest stops every kit.
    pub digest: String,
    /// As the plugin's settings schema asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "free_form")]
    pub settings: Option<Value>,
    /// Files, and directories of YAML and JSON files, that the plugin is given to read; from the
    /// repository's root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    /// Units of fuel for one call, about one an instruction; 2,000,000,000 if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub fuel: Option<u64>,
    /// Whether it judges direct changes as well, where `admission` asks for that. It sees one
    /// object then: one that looks for others had better not.
    #[serde(default = "yes")]
    pub admission: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KitRule {
    /// Directories from the root, segment by segment: a name, `*` for any one name, or
    /// `{name}` for any one name that may be used below. `**` alone: every directory with a kit.yaml.
    pub path: String,
    /// Where objects without a namespace go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Make `namespace` if the cluster does not have it.
    #[serde(default = "yes")]
    pub create_namespace: bool,
    /// Where objects may be; `namespace` alone if that is given and this is not; any if neither is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_namespaces: Vec<String>,
    /// Whether cluster-scoped objects are allowed.
    #[serde(default)]
    pub cluster_scoped: bool,
    /// Files of a kit that are not rendered, as in a `.gitignore` in its directory; the kit's own
    /// `.trimtabignore` comes after these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// The ServiceAccount that the kits act as, in their namespace: its rights bound them. A kit
    /// cannot name another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Refuse kits that name no ServiceAccount.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_service_account: bool,
    /// How much one revision may delete of a kit; 20 objects and 50 % if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_budget: Option<DeletionBudget>,
    /// Units of fuel for one call of a plugin of the kit's own; 2,000,000,000 if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub plugin_fuel: Option<u64>,
}

fn yes() -> bool {
    true
}

fn free_form(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The newest revision that was taken up: fetched, verified if `spec.verify` asks for that, and
    /// evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionStatus>,
    /// The revision that the platform is held at by `spec.revision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<RevisionStatus>,
    /// The last revisions of which all kits were live and healthy, newest first, at most 10: what
    /// `trimtab rollback --all` goes back to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RevisionStatus>,
    /// What was followed to it: the URL and the ref. Signatures are looked at from it on, as long
    /// as the same is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<String>,
    /// Where the host's record had got to when this was written: a record that was cut off, or made
    /// anew, does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordStatus>,
    #[serde(default)]
    pub kits: KitCounts,
    /// `7 of 8 ready`.
    #[serde(default)]
    pub summary: String,
    /// What is wrong with the repository itself rather than with one kit; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "super::kit_resource::findings_schema")]
    pub findings: Vec<Finding>,
    /// What was told of it, and to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<NotificationsStatus>,
}

/// A place in the record's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordStatus {
    pub sequence: i64,
    /// SHA-256, 64 hexadecimal digits.
    pub hash: String,
    /// The place that a record before had got to, `NUMBER:HASH`: this one does not continue it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
}

impl RepositoryStatus {
    /// The last revision before the one that was taken up of which all kits were healthy.
    pub fn earlier(&self) -> Option<&RevisionStatus> {
        let taken = self.held.as_ref().or(self.revision.as_ref())?;
        let mut history = self.history.iter();
        let known = history.position(|it| it.revision == taken.revision);
        match known {
            Some(_) => history.next(),
            None => self.history.first(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KitCounts {
    #[schemars(with = "i32")]
    pub total: u32,
    #[schemars(with = "i32")]
    pub ready: u32,
    #[schemars(with = "i32")]
    pub progressing: u32,
    #[schemars(with = "i32")]
    pub unhealthy: u32,
    #[schemars(with = "i32")]
    pub refused: u32,
    #[schemars(with = "i32")]
    pub failed: u32,
    /// Of all of these, those that a person holds at a revision.
    #[schemars(with = "i32")]
    pub held: u32,
}
