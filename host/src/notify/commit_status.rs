//! A revision's outcome as Git hosts show it beside the commit.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::kit::{CommitStatusSpec, KitPath, Provider, guess};
use crate::source::project_of;

use super::address::entry;
use super::message::About;
use super::outgoing::Outgoing;
use super::text::{clipped, line};

/// Characters that a host takes of a description.
const GITHUB_DESCRIPTION: usize = 140;
const DESCRIPTION: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Success,
    Failure,
    /// A newer revision came before it was decided.
    Superseded,
    /// A person keeps it from the cluster, until they let go.
    Held,
}

impl State {
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Success,
        Self::Failure,
        Self::Superseded,
        Self::Held,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Superseded => "superseded",
            Self::Held => "held",
        }
    }

    pub(super) fn is_final(self) -> bool {
        self != Self::Pending
    }

    /// The host's word for it. None of them has one for what was not decided: GitHub's `error`
    /// says at least that it is no verdict on the commit.
    fn word(self, provider: Provider) -> &'static str {
        match (self, provider) {
            (Self::Pending, _) => "pending",
            (Self::Success, _) => "success",
            (Self::Failure, Provider::GitLab) => "failed",
            (Self::Failure, _) => "failure",
            (Self::Superseded | Self::Held, Provider::GitHub) => "error",
            (Self::Superseded | Self::Held, Provider::GitLab) => "canceled",
            (Self::Superseded | Self::Held, Provider::Gitea) => "warning",
        }
    }
}

/// What is to be told of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitState {
    /// The full commit id.
    pub revision: String,
    pub state: State,
    pub description: String,
    /// Those that it is about.
    pub kits: Vec<String>,
}

impl CommitState {
    pub fn new(revision: &str, state: State, description: &str) -> Self {
        Self {
            revision: revision.to_owned(),
            state,
            description: clipped(&line(description), DESCRIPTION),
            kits: Vec::new(),
        }
    }

    /// With the kits that it is about.
    pub fn of<'k>(self, kits: impl IntoIterator<Item = &'k KitPath>) -> Self {
        Self {
            kits: kits.into_iter().map(ToString::to_string).collect(),
            ..self
        }
    }

    /// What tells one from another of the same revision: not the words, which change.
    pub fn digest(&self) -> String {
        let told = (&self.revision, self.state.as_str(), &self.kits);
        let hash = Sha256::digest(format!("{told:?}"));
        hash.iter().take(8).map(|it| format!("{it:02x}")).collect()
    }
}

/// Where commit statuses go; it is valid, as the spec is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forge {
    provider: Provider,
    url: String,
    project: String,
    context: String,
    target_url: Option<String>,
}

impl Forge {
    pub(super) fn new(
        spec: &CommitStatusSpec,
        kit: Option<&str>,
        about: &About,
    ) -> Result<Self, String> {
        let known = project_of(&about.url);
        let told = known.as_ref().and_then(|it| guess(&it.host));
        let provider = spec.provider.or(told);
        let provider = provider.ok_or("what kind of Git host it is, is not said")?;
        let project = spec.project.clone();
        let project = project.or(known.as_ref().map(|it| it.project.clone()));
        let project = project.ok_or("which project it is, is not said")?;
        let api = match (&spec.api_url, known) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(known)) => match (provider, known.host.as_str()) {
                (Provider::GitHub, "github.com") => "https://api.github.com".into(),
                (Provider::GitHub, _) => format!("{}/api/v3", known.web),
                (Provider::GitLab, _) => format!("{}/api/v4", known.web),
                (Provider::Gitea, _) => format!("{}/api/v1", known.web),
            },
            (None, None) => return Err("where the API is, is not said".into()),
        };
        let context = match (kit, &spec.context) {
            (None, Some(context)) => context.clone(),
            (None, None) => format!("trimtab/{}.{}", about.namespace, about.name),
            (Some(kit), Some(context)) => clipped(&format!("{context}/{kit}"), DESCRIPTION),
            (Some(kit), None) => clipped(&format!("trimtab/{kit}"), DESCRIPTION),
        };
        Ok(Self {
            provider,
            url: api,
            project,
            context,
            target_url: spec.target_url.clone(),
        })
    }

    pub(super) fn outgoing(
        &self,
        told: &CommitState,
        secret: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Outgoing, String> {
        let token = entry(secret, "token")?.ok_or("the Secret has no entry `token`")?;
        let revision = &told.revision;
        let (url, authorization) = match self.provider {
            Provider::GitHub => (
                format!("{}/repos/{}/statuses/{revision}", self.url, self.project),
                format!("Bearer {token}"),
            ),
            Provider::GitLab => (
                format!(
                    "{}/projects/{}/statuses/{revision}",
                    self.url,
                    self.project.replace('/', "%2F")
                ),
                format!("Bearer {token}"),
            ),
            Provider::Gitea => (
                format!("{}/repos/{}/statuses/{revision}", self.url, self.project),
                format!("token {token}"),
            ),
        };
        let mut outgoing = Outgoing::new(Method::POST, &url, self.body(told).to_string())?;
        outgoing.header("content-type", "application/json")?;
        outgoing.secret_header("authorization", &authorization)?;
        if self.provider == Provider::GitHub {
            outgoing.header("accept", "application/vnd.github+json")?;
            outgoing.header("x-github-api-version", "2022-11-28")?;
        }
        outgoing.ca = entry(secret, "ca.crt")?;
        outgoing.secrets.push(token);
        Ok(outgoing)
    }

    fn body(&self, told: &CommitState) -> Value {
        let limit = match self.provider {
            Provider::GitHub => GITHUB_DESCRIPTION,
            Provider::GitLab | Provider::Gitea => DESCRIPTION,
        };
        let mut body = json!({
            "state": told.state.word(self.provider),
            "description": clipped(&told.description, limit),
        });
        // GitLab's name for a status' context.
        let context = match self.provider {
            Provider::GitLab => "name",
            Provider::GitHub | Provider::Gitea => "context",
        };
        body[context] = self.context.as_str().into();
        if let Some(url) = &self.target_url {
            body["target_url"] = url.replace("{revision}", &told.revision).into();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(url: &str, spec: &str, told: &CommitState) -> (String, Value) {
        let spec: CommitStatusSpec = serde_yaml::from_str(spec).expect("a spec");
        let about = About {
            namespace: "system".into(),
            name: "platform".into(),
            url: url.into(),
            provider: None,
        };
        let forge = Forge::new(&spec, None, &about).expect("a forge");
        let secret = BTreeMap::from([("token".to_owned(), b"word\n".to_vec())]);
        let outgoing = forge.outgoing(told, &secret).expect("made");
        let debug = format!("{outgoing:?}");
        assert!(!debug.contains("word"), "{debug}");
        let body = serde_json::from_str(&outgoing.body).expect("JSON");
        (outgoing.url.to_string(), body)
    }

    #[test]
    fn each_host_has_its_own_address_and_words() {
        let told = CommitState::new("abc123", State::Failure, "kits/a/b.yaml:1: wrong\n[a/b]");
        let plain = "secretRef: {name: s}";
        let (url, body) = sent("git@github.com:acme/platform.git", plain, &told);
        assert_eq!(
            url,
            "https://api.github.com/repos/acme/platform/statuses/abc123"
        );
        assert_eq!(
            body,
            json!({"state": "failure", "context": "trimtab/system.platform",
                "description": "kits/a/b.yaml:1: wrong [a/b]"})
        );
        let (url, body) = sent("https://gitlab.example.org/acme/sub/p.git", plain, &told);
        let expected = "https://gitlab.example.org/api/v4/projects/acme%2Fsub%2Fp/statuses/abc123";
        assert_eq!(url, expected);
        assert_eq!(
            (&body["state"], &body["name"]),
            (&json!("failed"), &json!("trimtab/system.platform"))
        );
        let more = "{secretRef: {name: s}, provider: Gitea, apiUrl: 'https://x.org/git/api/v1/', project: a/b, context: c, targetUrl: 'https://t.org/{revision}'}";
        let (url, body) = sent("file:///srv/git", more, &told);
        assert_eq!(url, "https://x.org/git/api/v1/repos/a/b/statuses/abc123");
        assert_eq!(
            (&body["context"], &body["target_url"]),
            (&json!("c"), &json!("https://t.org/abc123"))
        );
    }

    #[test]
    fn a_kit_has_a_status_of_its_own_beside_the_repositorys() {
        let about = About {
            namespace: "system".into(),
            name: "platform".into(),
            url: "https://github.com/acme/platform".into(),
            provider: None,
        };
        let context = |kit: Option<&str>, spec: &str| {
            let spec: CommitStatusSpec = serde_yaml::from_str(spec).expect("a spec");
            Forge::new(&spec, kit, &about).expect("a forge").context
        };
        let (plain, named) = (
            "secretRef: {name: s}",
            "{secretRef: {name: s}, context: live}",
        );
        let kit = Some("kits/acme/shop");
        assert_eq!(context(kit, plain), "trimtab/kits/acme/shop");
        assert_eq!(context(kit, named), "live/kits/acme/shop");
        assert_eq!(context(None, named), "live");
    }

    #[test]
    fn a_description_is_as_long_as_the_host_takes_it() {
        let told = CommitState::new("a", State::Success, &"ä".repeat(1000));
        let (_, body) = sent("https://github.com/a/b", "secretRef: {name: s}", &told);
        assert_eq!(
            body["description"].as_str().expect("text").chars().count(),
            140
        );
        let (_, body) = sent("https://gitea.com/a/b", "secretRef: {name: s}", &told);
        assert_eq!(
            body["description"].as_str().expect("text").chars().count(),
            255
        );
    }

    #[test]
    fn what_was_superseded_is_no_verdict() {
        let told = CommitState::new("a", State::Superseded, "by b");
        for (url, word) in [
            ("https://github.com/a/b", "error"),
            ("https://gitlab.com/a/b", "canceled"),
            ("https://codeberg.org/a/b", "warning"),
        ] {
            assert_eq!(sent(url, "secretRef: {name: s}", &told).1["state"], word);
        }
    }
}
