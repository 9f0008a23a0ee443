//! AdmissionReview (admission.k8s.io/v1): what the API server asks, and what it is told.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::manifest::{Finding, GroupVersionKind, ObjectKey, Severity};

const API_VERSION: &str = "admission.k8s.io/v1";
/// Findings that a refusal tells; a terminal shows no more at once.
const TOLD: usize = 10;
/// Labels and annotations that the host writes, and no manifest has.
const OWN: [(&str, &str); 2] = [
    ("labels", "applyset.kubernetes.io/"),
    ("annotations", "trimtab.io/"),
];
/// Fields that the API server writes, and no manifest has.
const SERVERS: [&str; 6] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
];

/// Why a body is no review.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the body is no AdmissionReview of {API_VERSION}: {0}")]
    NoReview(String),
    #[error("the AdmissionReview is {0}; this webhook takes AdmissionReview of {API_VERSION}")]
    OtherVersion(String),
    #[error("the AdmissionReview has no request")]
    NoRequest,
    #[error("request.{0} is missing or empty")]
    Missing(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Request>,
}

/// What is asked. Fields that no verdict needs are passed over.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub uid: String,
    pub kind: Kind,
    #[serde(default)]
    pub sub_resource: Option<String>,
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    pub operation: String,
    #[serde(default)]
    pub user_info: UserInfo,
    #[serde(default)]
    object: Option<Value>,
    #[serde(default)]
    old_object: Option<Value>,
    #[serde(default)]
    options: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Kind {
    #[serde(default)]
    pub group: String,
    pub version: String,
    pub kind: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct UserInfo {
    #[serde(default)]
    pub username: String,
}

impl Request {
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let body: Body = serde_json::from_slice(body)
            .map_err(|error| Malformed::NoReview(without_values(&error)))?;
        if body.api_version != API_VERSION || body.kind != "AdmissionReview" {
            let found = format!("{} of {:?}", body.kind, body.api_version);
            return Err(Malformed::OtherVersion(found.chars().take(200).collect()));
        }
        let request = body.request.ok_or(Malformed::NoRequest)?;
        for (field, text) in [
            ("uid", &request.uid),
            ("kind.kind", &request.kind.kind),
            ("kind.version", &request.kind.version),
            ("operation", &request.operation),
        ] {
            if text.is_empty() {
                return Err(Malformed::Missing(field));
            }
        }
        if request.is_judged() && !request.object.as_ref().is_some_and(Value::is_object) {
            return Err(Malformed::Missing("object"));
        }
        Ok(request)
    }

    /// Whether there is a new object to judge. Other subresources are not registered; one that
    /// comes all the same is no object of its kind.
    pub(super) fn is_judged(&self) -> bool {
        let part = self.sub_resource.as_deref().unwrap_or_default();
        let whole = matches!(part, "" | "ephemeralcontainers" | "resize");
        whole && matches!(&*self.operation, "CREATE" | "UPDATE")
    }

    /// Whether an object on its way out loses finalizers, and nothing else happens to it: else it
    /// could never go.
    pub(super) fn is_leaving(&self) -> bool {
        let deleted = self.metadata("deletionTimestamp");
        if deleted.is_none_or(Value::is_null) {
            return false;
        }
        let (Some(mut before), mut after) = self.clone().into_manifests() else {
            return false;
        };
        for object in [&mut before, &mut after] {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.retain(|field, _| field != "finalizers" && !field.starts_with("deletion"));
            }
        }
        before == after
    }

    fn metadata(&self, field: &str) -> Option<&Value> {
        self.object.as_ref()?.get("metadata")?.get(field)
    }

    pub(super) fn key(&self) -> ObjectKey {
        let text = |field: &str| self.metadata(field).and_then(Value::as_str);
        let given = |text: &&str| !text.is_empty();
        let name = self.name.as_deref().filter(given);
        let name = name.or_else(|| text("name").filter(given));
        let name = name.or_else(|| text("generateName"));
        let namespace = self.namespace.as_deref().filter(given);
        ObjectKey {
            group_kind: GroupVersionKind::new(&self.api_version(), &self.kind.kind).group_kind(),
            namespace: namespace.map(Into::into),
            name: name.unwrap_or_default().into(),
        }
    }

    fn api_version(&self) -> String {
        match &*self.kind.group {
            "" => self.kind.version.clone(),
            group => format!("{group}/{}", self.kind.version),
        }
    }

    pub(super) fn field_manager(&self) -> &str {
        let options = self.options.as_ref();
        let manager = options.and_then(|options| options["fieldManager"].as_str());
        manager.unwrap_or_default()
    }

    /// The new object as its manifest would be, and the one that it replaces: without what the API
    /// server and the host write.
    pub(super) fn into_manifests(self) -> (Option<Value>, Value) {
        let key = self.key();
        let api_version = self.api_version();
        let manifest = |object| manifest(object, &api_version, &key);
        let before = self.old_object.filter(Value::is_object).map(manifest);
        (before, manifest(self.object.unwrap_or_default()))
    }
}

fn manifest(mut object: Value, api_version: &str, key: &ObjectKey) -> Value {
    object["apiVersion"] = api_version.into();
    object["kind"] = (&*key.group_kind.kind).into();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = (&*key.name).into();
    if let Some(namespace) = key.namespace.as_deref() {
        object["metadata"]["namespace"] = namespace.into();
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| !SERVERS.contains(&field.as_str()));
        for (map, prefix) in OWN {
            if let Some(names) = metadata.get_mut(map).and_then(Value::as_object_mut) {
                names.retain(|name, _| !name.starts_with(prefix));
            }
        }
    }
    object
}

/// serde's words without the values that it quotes: an object may be a Secret.
fn without_values(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Eof => "it ends too early",
        Category::Syntax | Category::Io => "it is not JSON",
        Category::Data => "a field is missing or of another type",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// What the API server is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Why it is refused.
    pub denied: Option<String>,
    pub warnings: Vec<String>,
}

impl Verdict {
    /// Of what the rules found; `warn` lets everything through. `source` is where the object is in
    /// Git, if a kit has it.
    pub(super) fn of(findings: &[Finding], warn: bool, source: Option<&str>) -> Self {
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        for finding in findings {
            match finding.severity {
                Severity::Error if !warn => errors.push(sentence(finding)),
                Severity::Error | Severity::Warning => warnings.push(sentence(finding)),
                Severity::Info => {}
            }
        }
        let denied = (!errors.is_empty()).then(|| refusal(&errors, source));
        Self { denied, warnings }
    }

    pub(super) fn response(&self, uid: &str) -> Value {
        let mut response = json!({ "uid": uid, "allowed": self.denied.is_none() });
        if let Some(message) = &self.denied {
            response["status"] = json!({"code": 403, "reason": "Forbidden", "message": message});
        }
        if !self.warnings.is_empty() {
            response["warnings"] = json!(self.warnings);
        }
        json!({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response})
    }
}

/// One line: a warning travels in an HTTP header.
fn sentence(finding: &Finding) -> String {
    let field = finding.field.as_deref().unwrap_or_default();
    let mut text = match field {
        "" => format!("[{}] {}", finding.rule, finding.message),
        field => format!("[{}] {field}: {}", finding.rule, finding.message),
    };
    if let Some(proposed) = &finding.proposed {
        text.push_str(&format!("; write {proposed} instead"));
    }
    text.replace(['\n', '\r'], " ")
}

fn refusal(errors: &[String], source: Option<&str>) -> String {
    let mut lines: Vec<String> = errors.iter().take(TOLD).cloned().collect();
    if errors.len() > TOLD {
        lines.push(format!("and {} more", errors.len() - TOLD));
    }
    if let Some(source) = source {
        lines.push(format!("the object is kept in Git, at {source}"));
    }
    lines.join("\n")
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
