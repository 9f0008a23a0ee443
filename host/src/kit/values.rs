//! Which ConfigMaps and Secrets of the platform team kits may be given values from.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::{Pattern, is_dns_subdomain};
use super::{KitPath, RepositorySpec, SecretRef};

/// Sources of one Repository: each is a watch.
const SOURCES: usize = 100;

/// Values that kits may be given: a ConfigMap or a Secret in the Repository's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.configMapRef) != has(self.secretRef)",
    "message": "values come from one of configMapRef and secretRef",
}]))]
pub struct ValueSource {
    /// What a kit.yaml calls it.
    pub name: String,
    /// A ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapRef>,
    /// A Secret: what it holds is told nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The entry that a chart's values are in, as YAML. Variables are all entries.
    #[serde(default = "default_key")]
    pub key: String,
    /// Kits go on without it where it is not there.
    #[serde(default)]
    pub optional: bool,
    /// Directories, as in `kits[].path`, without captures: kits that may name it; every kit if none
    /// is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kits: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigMapRef {
    pub name: String,
}

fn default_key() -> String {
    "values.yaml".into()
}

impl ValueSource {
    /// A ConfigMap that every kit may name.
    pub fn config_map(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            config_map_ref: Some(ConfigMapRef {
                name: name.to_owned(),
            }),
            key: default_key(),
            ..Self::default()
        }
    }

    pub fn is_secret(&self) -> bool {
        self.secret_ref.is_some()
    }

    /// The object's name.
    pub fn object(&self) -> &str {
        let secret = self.secret_ref.as_ref().map(|it| it.name.as_str());
        let map = self.config_map_ref.as_ref().map(|it| it.name.as_str());
        secret.or(map).unwrap_or_default()
    }

    /// `the Secret vars`.
    pub fn shown(&self) -> String {
        let kind = match self.is_secret() {
            true => "Secret",
            false => "ConfigMap",
        };
        format!("the {kind} {}", self.object())
    }

    pub(super) fn grants(&self, kit: &KitPath) -> bool {
        let means = |pattern: &String| {
            let pattern = Pattern::parse(pattern);
            pattern.is_ok_and(|it| it.matches(kit.as_str()))
        };
        self.kits.is_empty() || self.kits.iter().any(means)
    }
}

/// What is wrong with them: a field below `spec`, and words.
pub(super) fn value_faults(spec: &RepositorySpec) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    if spec.values.len() > SOURCES {
        let count = spec.values.len();
        faults.push((
            "values".into(),
            format!("{count} sources; {SOURCES} can be named"),
        ));
    }
    let mut names = BTreeSet::new();
    for (index, source) in spec.values.iter().enumerate() {
        let mut fault = |field: &str, message: String| {
            faults.push((format!("values/{index}{field}"), message));
        };
        let name = &source.name;
        if !is_dns_subdomain(name) {
            let message = format!("{name:?} is no name as an object may have it (RFC 1123)");
            fault("/name", message);
        } else if !names.insert(name) {
            fault("/name", format!("{name:?} is named twice"));
        }
        if source.secret_ref.is_some() == source.config_map_ref.is_some() {
            fault(
                "",
                "values come from one of configMapRef and secretRef".into(),
            );
        } else if !is_dns_subdomain(source.object()) {
            let field = match source.is_secret() {
                true => "/secretRef/name",
                false => "/configMapRef/name",
            };
            let object = source.object();
            fault(
                field,
                format!("{object:?} is no name for an object (RFC 1123)"),
            );
        }
        if source.key.is_empty() {
            fault("/key", "the entry's name is empty".into());
        }
        for (at, pattern) in source.kits.iter().enumerate() {
            let field = format!("/kits/{at}");
            match Pattern::parse(pattern) {
                Err(error) => fault(&field, error),
                Ok(pattern) if !pattern.captures().is_empty() => {
                    fault(&field, "a capture says nothing here; write *".into());
                }
                Ok(_) => {}
            }
        }
    }
    faults
}
