//! An OpenAPI v3 schema as Kubernetes uses it: of a built-in kind, or structural, of a CRD.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Schema {
    /// The name of a definition; of built-in kinds only.
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    pub format: Option<String>,
    pub nullable: bool,
    pub default: Option<Value>,
    #[serde(rename = "enum")]
    pub allowed: Option<Vec<Value>>,

    #[serde(deserialize_with = "or_default")]
    pub properties: BTreeMap<String, Schema>,
    pub additional_properties: Option<Additional>,
    #[serde(deserialize_with = "or_default")]
    pub required: Vec<String>,
    pub min_properties: Option<u64>,
    pub max_properties: Option<u64>,

    pub items: Option<Box<Schema>>,
    pub min_items: Option<u64>,
    pub max_items: Option<u64>,
    pub unique_items: bool,

    pub pattern: Option<String>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,

    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub exclusive_minimum: bool,
    pub exclusive_maximum: bool,
    pub multiple_of: Option<f64>,

    #[serde(deserialize_with = "or_default")]
    pub all_of: Vec<Schema>,
    #[serde(deserialize_with = "or_default")]
    pub any_of: Vec<Schema>,
    #[serde(deserialize_with = "or_default")]
    pub one_of: Vec<Schema>,
    pub not: Option<Box<Schema>>,

    #[serde(rename = "x-kubernetes-int-or-string")]
    pub int_or_string: bool,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub preserve_unknown_fields: bool,
    #[serde(rename = "x-kubernetes-embedded-resource")]
    pub embedded_resource: bool,
    #[serde(rename = "x-kubernetes-list-type")]
    pub list_type: Option<ListType>,
    #[serde(rename = "x-kubernetes-list-map-keys", deserialize_with = "or_default")]
    pub list_map_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-validations", deserialize_with = "or_default")]
    pub rules: Vec<ValidationRule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListType {
    Atomic,
    Set,
    Map,
}

/// What a map's values are; `true` is anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Additional {
    Any(bool),
    Of(Box<Schema>),
}

/// A rule in CEL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ValidationRule {
    pub rule: String,
    pub message: Option<String>,
    pub message_expression: Option<String>,
    pub reason: Option<String>,
    pub field_path: Option<String>,
    pub optional_old_self: bool,
}

/// The server reads null as what is not there.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl Schema {
    /// What the values of names that are not in `properties` are.
    pub fn values(&self) -> Option<&Schema> {
        match &self.additional_properties {
            Some(Additional::Of(schema)) => Some(schema),
            _ => None,
        }
    }

    /// Whether names that are not in `properties` stay.
    pub fn is_open(&self) -> bool {
        self.preserve_unknown_fields
            || matches!(
                self.additional_properties,
                Some(Additional::Any(true) | Additional::Of(_))
            )
    }
}

impl Kind {
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(number) if is_whole(number) => Some(Self::Integer),
            Value::Number(_) => Some(Self::Number),
            Value::String(_) => Some(Self::String),
            Value::Array(_) => Some(Self::Array),
            Value::Object(_) => Some(Self::Object),
        }
    }

    /// Whether a value of the other kind is one of this.
    pub fn takes(self, other: Option<Self>) -> bool {
        Some(self) == other || (self == Self::Number && other == Some(Self::Integer))
    }

    /// With its article.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "a list",
            Self::String => "a string",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
        }
    }
}

/// `1.0` is written as `1` on its way to the server.
fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|it| it.fract() == 0.0)
}
