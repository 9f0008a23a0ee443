//! How much a rule weighs, where a plugin's settings may say so.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::{Rule, Severity};

/// The words are those of a Repository's `rules`; `off` would be a boolean in YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warning,
    Info,
    Ignore,
}

impl Level {
    /// None: nothing is told.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Ignore => None,
        }
    }
}

/// Levels of a plugin's rules by their ids. An id that is none of them is refused.
pub struct Levels<R> {
    given: BTreeMap<String, Level>,
    rule: PhantomData<R>,
}

impl<R> Levels<R> {
    /// What the settings say of a rule, or what it is without.
    pub fn of(&self, rule: &str, otherwise: Level) -> Level {
        self.given.get(rule).copied().unwrap_or(otherwise)
    }
}

impl<R> Default for Levels<R> {
    fn default() -> Self {
        Self {
            given: BTreeMap::new(),
            rule: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Levels<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.given.fmt(f)
    }
}

fn ids<R: Rule>() -> impl Iterator<Item = &'static str> {
    R::RULES.iter().map(|(id, _)| *id)
}

impl<'de, R: Rule> Deserialize<'de> for Levels<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = BTreeMap::<String, Level>::deserialize(deserializer)?;
        if let Some(unknown) = given.keys().find(|id| !ids::<R>().any(|it| it == *id)) {
            let known: Vec<&str> = ids::<R>().collect();
            return Err(de::Error::custom(format!(
                "{unknown:?} is no rule of {}; there are {}",
                R::NAME,
                known.join(", ")
            )));
        }
        Ok(Self {
            given,
            rule: PhantomData,
        })
    }
}

impl<R: Rule> JsonSchema for Levels<R> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Levels".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let level = serde_json::json!({"enum": ["error", "warning", "info", "ignore"]});
        let properties: serde_json::Map<String, serde_json::Value> = ids::<R>()
            .map(|id| (id.to_owned(), level.clone()))
            .collect();
        json_schema!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false
        })
    }
}
