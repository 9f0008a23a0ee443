//! Patterns of repositories: `ghcr.io`, `ghcr.io/acme`, `*.gcr.io/acme/web-*`, `nginx`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use trimtab_plugin::Pattern;
use trimtab_plugin::image::{names_registry, normalised, split_registry};

/// A registry or a repository and all below it. Each segment is a pattern of its own, so that
/// `ghcr.io` does not let in `ghcr.io.example.org`, nor `ghcr.io/acme` the neighbour `acme-evil`.
#[derive(Clone, Debug)]
pub struct Repositories {
    text: String,
    segments: Vec<Pattern>,
}

impl Repositories {
    fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('/').unwrap_or(text);
        let (first, rest) = match name.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        if name.contains('@') || rest.is_some_and(|rest| rest.contains(':')) {
            return Err(format!(
                "{text:?}: a pattern of repositories has no tag and no digest"
            ));
        }
        if name.split('/').any(str::is_empty) {
            return Err(format!(
                "{text:?} is no registry (ghcr.io) and no repository (ghcr.io/acme/web)"
            ));
        }
        let registry = names_registry(first) || first.contains(['*', '?']);
        let hub = matches!(first, "docker.io" | "index.docker.io");
        let text = match rest {
            None if hub => "docker.io".to_owned(),
            None if registry => first.to_owned(),
            // The star is whatever comes next, not an official image.
            Some(rest) if hub && rest.contains(['*', '?']) => format!("docker.io/{rest}"),
            Some(rest) if registry && !hub => format!("{first}/{rest}"),
            _ => {
                let (registry, path) = split_registry(name);
                normalised(registry, path)
            }
        };
        let segments = text.split('/').map(Pattern::new).collect();
        Ok(Self { text, segments })
    }

    pub fn contain(&self, repository: &str) -> bool {
        let mut segments = repository.split('/');
        self.segments.iter().all(|pattern| {
            segments
                .next()
                .is_some_and(|segment| pattern.matches(segment))
        })
    }

    /// Whether one of them contains a repository.
    pub fn find<'l>(list: &'l [Self], repository: &str) -> Option<&'l Self> {
        list.iter().find(|it| it.contain(repository))
    }

    /// The one repository that it names, if its last segment is that of another.
    pub fn instead_of(&self, repository: &str) -> Option<&str> {
        let last = |text: &str| text.rsplit('/').next().map(str::to_owned);
        let plain = self.segments.len() > 1 && !self.text.contains(['*', '?']);
        (plain && last(&self.text) == last(repository)).then_some(&self.text)
    }
}

impl fmt::Display for Repositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Repositories {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Repositories {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Repositories".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "description": "A registry (`ghcr.io`) or a repository (`ghcr.io/acme`, `nginx`) and all below it; `*` and `?` within a segment"
        })
    }
}
