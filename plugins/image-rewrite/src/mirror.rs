//! Registries and repositories, and what stands for them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use trimtab_plugin::image::{self, names_registry, normalised, split_registry};

#[derive(Debug, Default)]
pub struct Mirrors {
    /// From and to, the longest first.
    prefixes: Vec<(String, String)>,
    /// For all that has no other.
    all: Option<String>,
}

impl Mirrors {
    /// The repository to take instead; none if there is no mirror, or if it is of one already.
    pub fn instead_of(&self, repository: &str) -> Option<String> {
        let targets = self.prefixes.iter().map(|(_, to)| to).chain(&self.all);
        if targets
            .into_iter()
            .any(|to| below(to, repository).is_some())
        {
            return None;
        }
        let mut prefixes = self.prefixes.iter();
        let found = prefixes
            .find_map(|(from, to)| below(from, repository).map(|rest| format!("{to}{rest}")));
        found.or_else(|| Some(format!("{}/{repository}", self.all.as_ref()?)))
    }
}

/// What follows a prefix of whole segments.
fn below<'r>(prefix: &str, repository: &'r str) -> Option<&'r str> {
    let rest = repository.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn source(text: &str) -> Result<String, String> {
    let (name, starred) = match text.strip_suffix("/*") {
        Some(name) => (name, true),
        None => (text.strip_suffix('/').unwrap_or(text), false),
    };
    if name.contains(['*', '@']) || name.split('/').any(str::is_empty) {
        return Err(format!(
            "{text:?} is no registry (docker.io) and no repository (ghcr.io/acme), without tag and digest"
        ));
    }
    let first = name.split('/').next().unwrap_or_default();
    if names_registry(first) && !name.contains('/') {
        checked(&format!("{name}/x"))?;
        return Ok(match name {
            "index.docker.io" => "docker.io".to_owned(),
            _ => name.to_owned(),
        });
    }
    let (registry, path) = split_registry(name);
    let name = match (registry, starred) {
        ("docker.io" | "index.docker.io", true) => format!("docker.io/{path}"),
        _ => normalised(registry, path),
    };
    checked(&name).map(|()| name)
}

fn target(text: &str) -> Result<String, String> {
    let name = text.strip_suffix("/*").or(text.strip_suffix('/'));
    let name = name.unwrap_or(text);
    let first = name.split('/').next().unwrap_or_default();
    if !names_registry(first) {
        return Err(format!(
            "{text:?} does not begin with a registry (mirror.example)"
        ));
    }
    checked(&format!("{name}/x")).map(|()| name.to_owned())
}

/// Whether it could stand before a tag.
fn checked(name: &str) -> Result<(), String> {
    match image::parse(name) {
        Ok(image) if image.tag.is_none() && image.digest.is_none() => Ok(()),
        Ok(_) => Err(format!(
            "{name:?} has a tag or a digest; a mirror is for all of them"
        )),
        Err(fault) => Err(format!("{name:?}: {fault}")),
    }
}

impl<'de> Deserialize<'de> for Mirrors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, String>::deserialize(deserializer)?;
        let mut mirrors = Self::default();
        for (from, to) in written {
            let to = target(&to).map_err(de::Error::custom)?;
            if from == "*" {
                mirrors.all = Some(to);
                continue;
            }
            let from = source(&from).map_err(de::Error::custom)?;
            if mirrors.prefixes.iter().any(|(other, _)| *other == from) {
                return Err(de::Error::custom(format!("{from} has two mirrors")));
            }
            mirrors.prefixes.push((from, to));
        }
        mirrors
            .prefixes
            .sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        Ok(mirrors)
    }
}

impl JsonSchema for Mirrors {
    fn schema_name() -> Cow<'static, str> {
        "Mirrors".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
            "description": "Mirrors (`mirror.example/docker.io`) by registry (`docker.io`) or repository (`ghcr.io/acme`); `*` is all others"
        })
    }
}
