//! `443` and `1024-9999`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// Ports that are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub fn new(from: u64, to: u64) -> Self {
        Self(vec![(from, to)])
    }

    /// Whether none is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, port: u64) -> bool {
        self.0
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&port))
    }

    /// The allowed port that is nearest; the lower one of two.
    pub fn nearest(&self, port: u64) -> Option<u64> {
        let ends = self.0.iter().map(|(from, to)| port.clamp(*from, *to));
        ends.min_by_key(|end| (end.abs_diff(port), *end))
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            match from == to {
                true => write!(f, "{comma}{from}")?,
                false => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Port(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Ranges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<Entry>::deserialize(deserializer)?;
        let ranges = entries.iter().map(|entry| match entry {
            Entry::Port(port) => valid(*port, *port).ok_or_else(|| port.to_string()),
            Entry::Text(text) => parse(text).ok_or_else(|| text.clone()),
        });
        let ranges = ranges.collect::<Result<Vec<_>, _>>();
        ranges.map(Self).map_err(|entry| {
            de::Error::custom(format!(
                "{entry:?} is no port (443) and no range (1024-9999)"
            ))
        })
    }
}

fn parse(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    valid(from.trim().parse().ok()?, to.trim().parse().ok()?)
}

fn valid(from: u64, to: u64) -> Option<(u64, u64)> {
    (1 <= from && from <= to && to <= 65535).then_some((from, to))
}

impl JsonSchema for Ranges {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ranges".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": {"anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 65535},
                {"type": "string", "pattern": "^[0-9]+(-[0-9]+)?$"}
            ]}
        })
    }
}
