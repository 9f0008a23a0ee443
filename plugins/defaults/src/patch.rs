//! One patch of the settings.

use json_patch::PatchOperation;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};
use trimtab_plugin::{Level, Selection};

use crate::{json, strategic};

/// Why a patch is not applied to an object.
pub struct Fault {
    pub rule: &'static str,
    /// RFC 6901 pointer to what is there of the place.
    pub field: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// What the author wrote stays.
    OnlyIfMissing,
    Override,
}

#[derive(Debug)]
enum How {
    Strategic(Value),
    Merge(Value),
    Json(Vec<PatchOperation>),
}

/// A patch, and the objects that it is for.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Patch {
    pub objects: Selection,
    pub on_failure: Level,
    mode: Mode,
    how: How,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Patch")]
struct Written {
    /// The objects; all of the kit's if it is left out.
    #[serde(rename = "for", default)]
    objects: Selection,
    /// `onlyIfMissing`, the default, leaves what the author wrote; `override` does not.
    #[serde(default = "only_if_missing")]
    mode: Mode,
    /// A strategic merge patch, with the merge keys of Kubernetes' own kinds.
    strategic: Option<Map<String, Value>>,
    /// A merge patch (RFC 7396).
    merge: Option<Map<String, Value>>,
    /// A JSON patch (RFC 6902).
    json: Option<Vec<Value>>,
    /// What is told where a JSON patch cannot be applied, or a patch would change what an object
    /// is: `error`, `warning`, `info` or `ignore`; `error` by default.
    #[serde(default = "error")]
    on_failure: Level,
}

impl JsonSchema for Patch {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

fn only_if_missing() -> Mode {
    Mode::OnlyIfMissing
}

fn error() -> Level {
    Level::Error
}

impl TryFrom<Written> for Patch {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let missing_only = written.mode == Mode::OnlyIfMissing;
        let how = match (written.strategic, written.merge, written.json) {
            (Some(patch), None, None) => How::Strategic(Value::Object(patch)),
            (None, Some(patch), None) => How::Merge(Value::Object(patch)),
            (None, None, Some(patch)) => {
                let patch = serde_json::from_value(Value::Array(patch));
                How::Json(patch.map_err(|error| format!("json: {error}"))?)
            }
            _ => return Err("a patch has one of strategic, merge and json".into()),
        };
        if missing_only {
            let fault = match &how {
                How::Strategic(patch) | How::Merge(patch) => takes_away(patch),
                How::Json(operations) => json::overwrites(operations),
            };
            if let Some(what) = fault {
                return Err(format!(
                    "{what} changes what the author wrote, which mode: onlyIfMissing never does; mode: override does"
                ));
            }
        }
        if let How::Strategic(patch) = &how {
            strategic::check(patch)?;
        }
        Ok(Self {
            objects: written.objects,
            on_failure: written.on_failure,
            mode: written.mode,
            how,
        })
    }
}

/// Directives, and a null, which deletes.
fn takes_away(patch: &Value) -> Option<String> {
    match patch {
        Value::Null => Some("null".into()),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let directive = name.starts_with('$').then(|| name.clone());
            directive.or_else(|| takes_away(value))
        }),
        Value::Array(items) => items.iter().find_map(takes_away),
        _ => None,
    }
}

impl Patch {
    /// # Errors
    /// Then the value is of no use.
    pub fn apply(&self, value: &mut Value) -> Result<(), Fault> {
        match (&self.how, self.mode) {
            (How::Strategic(patch), mode) => strategic::merge(value, patch, mode),
            (How::Merge(patch), Mode::Override) => json_patch::merge(value, patch),
            (How::Merge(patch), Mode::OnlyIfMissing) => fill(value, patch),
            (How::Json(operations), mode) => return json::apply(value, operations, mode),
        }
        Ok(())
    }
}

/// A merge patch, but what is there stays.
fn fill(value: &mut Value, patch: &Value) {
    if let (Value::Object(fields), Value::Object(patch)) = (value, patch) {
        for (name, patch) in patch {
            match fields.get_mut(name) {
                Some(value) => fill(value, patch),
                None => {
                    fields.insert(name.clone(), patch.clone());
                }
            }
        }
    }
}
