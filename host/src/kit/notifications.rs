//! Whom the outcome of revisions is told, and what is kept of what was told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretRef;
use super::pattern::Pattern;
use crate::source::project_of;

/// Each is a connection of its own, kept by each Repository.
const WEBHOOKS: usize = 20;
/// Bytes of a template.
const TEMPLATE: usize = 16 << 10;
/// GitHub and GitLab take no longer ones.
const CONTEXT: usize = 255;

/// Whom the outcome of revisions is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notifications {
    /// The Git host shows it beside the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_status: Option<CommitStatusSpec>,
    /// At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Webhook>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitStatusSpec {
    /// Guessed from the Repository's URL if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// With the entry `token`, and `ca.crt` if the system's authorities are not to be trusted.
    pub secret_ref: SecretRef,
    /// Where the API is: `https://api.github.com`, `https://git.example.org/api/v4`. Made from the
    /// Repository's URL if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// `owner/name`; taken from the Repository's URL if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What the status is called; `trimtab/NAMESPACE.NAME` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Where the status leads to; `{revision}` is the commit's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_url: Option<String>,
    /// One status more for each kit that a revision changes, called `trimtab/KIT`, or `CONTEXT/KIT`
    /// where there is a context. At most 50 of a revision.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_kit: bool,
}

/// What kind of Git host it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Provider {
    GitHub,
    GitLab,
    Gitea,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhook {
    /// A DNS label; of no other webhook of the Repository.
    pub name: String,
    pub kind: WebhookKind,
    /// With the entries `url`, `token`, `headers`, `hmacKey` and `ca.crt`, as far as they are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Where it goes, if that is no secret: of `Generic` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A MiniJinja template of the body, of `Generic` only; JSON with all there is if nothing is
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Of what the template makes. Where it is JSON, values are written as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What it is told; everything but `Drift` if nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventKind>,
    /// Directories, as in `kits[].path`: it is told of these kits alone; of all if nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kits: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WebhookKind {
    Slack,
    Teams,
    Generic,
}

/// What a person may want to hear of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum EventKind {
    /// All that a revision changed is live and healthy.
    Applied,
    /// Findings keep a revision of a kit, or of the repository, from the cluster.
    Refused,
    /// The API server did not take all of a kit.
    Failed,
    /// Objects of a kit failed, or were not healthy in time.
    Unhealthy,
    RolledBack,
    /// A person holds a kit at a revision.
    Held,
    /// What was told as trouble is over.
    Recovered,
    /// Somebody changed an object of a kit by hand.
    Drift,
    /// The repository cannot be read.
    SourceFailed,
    /// The followed ref moved to what does not follow what it was.
    HistoryRewritten,
}

impl EventKind {
    /// Whether somebody had better look.
    pub fn is_trouble(self) -> bool {
        !matches!(self, Self::Applied | Self::Recovered)
    }
}

impl Webhook {
    /// Whether it is told of this.
    pub fn wants(&self, event: EventKind) -> bool {
        match self.events.is_empty() {
            true => event != EventKind::Drift,
            false => self.events.contains(&event),
        }
    }

    /// Whether it is told of a kit.
    pub fn wants_kit(&self, path: &str) -> bool {
        let means = |it: &String| Pattern::parse(it).is_ok_and(|it| it.matches(path));
        self.kits.is_empty() || self.kits.iter().any(means)
    }
}

/// What a person may want to hear of, and when it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotableStatus {
    pub event: EventKind,
    /// The full commit id, if it is of a revision.
    #[serde(default)]
    pub revision: String,
    /// Where the Ready condition does not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// RFC 3339.
    pub at: String,
}

/// What became of notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationsStatus {
    /// The Repository's own events, the newest of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<NotableStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetStatus>,
}

/// What one of those who are told has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// A webhook's name, `commit-status`, or for a kit's own `commit-status/KIT`.
    pub name: String,
    /// Events up to this time were delivered or given up, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Of the commit status that was delivered last: the full commit id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Of the same: `pending`, `success`, `failure`, `superseded` or `held`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// SHA-256 of its revision, its state and the kits that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Older revisions that were told as pending, and whose end is not told yet; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// When the events were that were given up, RFC 3339; at most 50. They are told again with the
    /// next one, and when the host starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<String>,
    /// Why the newest was not delivered; it is tried again for a day, unless it says that it was
    /// given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The name of the commit status among those who are told; no webhook can have it.
pub const COMMIT_STATUS: &str = "commit-status";

fn url_fault(text: &str) -> Option<String> {
    let parsed = text.parse::<http::Uri>().ok();
    let fits = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|it| !it.as_str().contains('@'))
    });
    (!fits).then(|| "it is no https:// or http:// URL, or it holds a user".to_owned())
}

/// What is wrong with them, by field below `spec/notifications`.
pub(super) fn notifications_faults(spec: &Notifications, url: &str) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    if let Some(status) = &spec.commit_status {
        let at = |field: &str| format!("commitStatus/{field}");
        let known = project_of(url);
        if let Some(fault) = status.api_url.as_deref().and_then(url_fault) {
            faults.push((at("apiUrl"), fault));
        }
        if let Some(fault) = status
            .target_url
            .as_deref()
            .and_then(|it| url_fault(&it.replace("{revision}", "0")))
        {
            faults.push((at("targetUrl"), fault));
        }
        if status
            .provider
            .or(known.as_ref().and_then(|it| guess(&it.host)))
            .is_none()
        {
            let words = "the Repository's url does not tell what kind of host it is; say GitHub, GitLab or Gitea";
            faults.push((at("provider"), words.into()));
        }
        if known.is_none() && status.api_url.is_none() {
            let words = "the Repository's url does not tell where the API is; say where";
            faults.push((at("apiUrl"), words.into()));
        }
        let project = status.project.clone().or(known.map(|it| it.project));
        if !project.is_some_and(|it| is_project(&it)) {
            faults.push((at("project"), "it is no owner/name".into()));
        }
        let context = status.context.as_deref().unwrap_or("trimtab");
        if context.trim().is_empty()
            || context.len() > CONTEXT
            || context.contains(char::is_control)
        {
            let words = format!("a context is a line of 1 to {CONTEXT} bytes");
            faults.push((at("context"), words));
        }
    }
    if spec.webhooks.len() > WEBHOOKS {
        let words = format!("there may be {WEBHOOKS} webhooks");
        faults.push(("webhooks".into(), words));
    }
    for (index, webhook) in spec.webhooks.iter().enumerate() {
        let twice = spec.webhooks[..index]
            .iter()
            .any(|it| it.name == webhook.name);
        for (field, fault) in webhook_faults(webhook, twice) {
            faults.push((format!("webhooks/{index}/{field}"), fault));
        }
    }
    faults
}

fn webhook_faults(webhook: &Webhook, twice: bool) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, words: String| faults.push((field.to_owned(), words));
    if !super::is_dns_label(&webhook.name) || webhook.name == COMMIT_STATUS {
        let words = format!("{:?} is no DNS label (RFC 1123), or is taken", webhook.name);
        fault("name", words);
    }
    if twice {
        fault(
            "name",
            format!("another webhook is called {:?}", webhook.name),
        );
    }
    let generic = webhook.kind == WebhookKind::Generic;
    match &webhook.url {
        Some(_) if !generic => fault(
            "url",
            "whoever has it may write there: it stands in the Secret, as `url`".into(),
        ),
        Some(url) => {
            if let Some(words) = url_fault(url) {
                fault("url", words);
            }
        }
        None if webhook.secret_ref.is_none() => fault(
            "secretRef",
            "there is no address: name a Secret with the entry `url`".into(),
        ),
        None => {}
    }
    if let Some(template) = &webhook.template {
        if !generic {
            fault("template", "only `Generic` takes a template".into());
        }
        if template.len() > TEMPLATE {
            fault("template", format!("it has more than {TEMPLATE} bytes"));
        } else if let Err(error) = minijinja::Environment::new().template_from_str(template) {
            fault("template", format!("it is no template: {error}"));
        }
    }
    if let Some(kind) = &webhook.content_type
        && (!generic || !kind.contains('/') || http::HeaderValue::from_str(kind).is_err())
    {
        let words = "only `Generic` takes it, and it is as `text/plain; charset=utf-8`";
        fault("contentType", words.into());
    }
    for (kit, pattern) in webhook.kits.iter().enumerate() {
        if let Err(words) = Pattern::parse(pattern) {
            fault(&format!("kits/{kit}"), words);
        }
    }
    faults
}

/// What kind of Git host has this name.
pub fn guess(host: &str) -> Option<Provider> {
    let first = host.split('.').next().unwrap_or_default();
    match (host, first) {
        ("github.com", _) | (_, "github") => Some(Provider::GitHub),
        ("gitlab.com", _) | (_, "gitlab") => Some(Provider::GitLab),
        ("codeberg.org", _) | (_, "gitea" | "forgejo") => Some(Provider::Gitea),
        _ => None,
    }
}

/// `owner/name`, with more names between on GitLab.
fn is_project(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'~');
    let part = |it: &str| !it.is_empty() && it != "." && it != ".." && it.bytes().all(fits);
    text.contains('/') && text.len() <= 512 && text.split('/').all(part)
}

#[cfg(test)]
#[path = "notifications_tests.rs"]
mod tests;
