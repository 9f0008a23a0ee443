//! Where remote bases and charts may come from: `spec.sources` of the Repository.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::{RepositorySpec, SecretRef};

/// A place that bases and charts may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceRule {
    /// What URLs may begin with, by whole segments of the path: `https://git.example.org/acme/`,
    /// `ssh://git@git.example.org/acme`, `oci://registry.example.org/charts`.
    pub url: String,
    /// Credentials for it, in the Repository's namespace, with the entries of the Repository's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// Those of one Repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<(Place, SourceRule)>);

impl Sources {
    /// Those that can be read; what is wrong with others is a fault of the spec.
    pub fn of(spec: &RepositorySpec) -> Self {
        let read = |rule: &SourceRule| Some((Place::parse(&rule.url).ok()?, rule.clone()));
        Self(spec.sources.iter().filter_map(read).collect())
    }

    /// The one that a URL is of: of several, the one that says most.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of_url(&self, url: &str) -> Result<&SourceRule, Unlisted> {
        let place = Place::parse(url).map_err(Unlisted::NoPlace)?;
        let found = self.0.iter().filter(|(prefix, _)| prefix.covers(&place));
        let longest = found.max_by_key(|(prefix, _)| prefix.depth());
        longest
            .map(|(_, rule)| rule)
            .ok_or_else(|| Unlisted::NotNamed(place.to_string()))
    }
}

/// Why nothing may be had of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlisted {
    NoPlace(String),
    /// As it is written in the Repository.
    NotNamed(String),
}

/// What is wrong with the sources of a spec: the field below `/spec`, and why.
pub(super) fn sources_faults(spec: &RepositorySpec) -> Vec<(String, String)> {
    let fault = |(index, rule): (usize, &SourceRule)| {
        let error = Place::parse(&rule.url).err()?;
        let message = format!("{:?} is no URL of a source: {error}", rule.url);
        Some((format!("sources/{index}/url"), message))
    };
    spec.sources.iter().enumerate().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_that_says_most_gives_the_credentials() {
        let rule = |url: &str, secret: &str| SourceRule {
            url: url.into(),
            secret_ref: Some(SecretRef {
                name: secret.into(),
            }),
        };
        let spec = RepositorySpec {
            sources: vec![
                rule("https://git.example.org/", "all"),
                rule("https://git.example.org/acme/base", "base"),
                rule("https://git.example.org/acme", "acme"),
            ],
            ..RepositorySpec::of("https://git.example.org/platform.git")
        };
        let sources = Sources::of(&spec);
        let secret = |url: &str| {
            let rule = sources.of_url(url).expect("listed");
            rule.secret_ref.as_ref().expect("a Secret").name.clone()
        };
        assert_eq!(secret("https://git.example.org/acme/base.git"), "base");
        assert_eq!(secret("https://git.example.org/acme/other"), "acme");
        assert_eq!(secret("https://git.example.org/x"), "all");
        let evil = sources.of_url("https://evil.org/acme");
        let named = Unlisted::NotNamed("https://evil.org/acme".into());
        assert_eq!(evil, Err(named));
    }

    #[test]
    fn a_source_that_is_no_url_is_a_fault_of_the_spec() {
        let mut spec = RepositorySpec::of("https://git.example.org/platform.git");
        spec.sources.push(SourceRule {
            url: "https://user:word@git.example.org/".into(),
            secret_ref: None,
        });
        let faults = sources_faults(&spec);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].0, "sources/0/url");
    }
}
