//! The JSON Schema of a plugin's settings (draft 2020-12), which is hostile until checked.
//!
//! What it costs to check settings is bounded by the schema's size with all references written
//! out, times the size of the settings: a schema over that bound is refused, and what refers to
//! itself is left to the plugin, which checks its settings as well.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use super::SettingsFault;
use super::text::clean;
use crate::manifest::pointer_token;

/// Bytes of a schema.
const BYTES: usize = 256 << 10;
/// Values of a schema after its references are written out.
const VALUES: usize = 10_000;
/// Schemas inside of schemas, references written out.
const DEPTH: usize = 60;
/// Bytes of a compiled pattern, and of what matching keeps.
const PATTERN: usize = 256 << 10;
/// Faults of one settings that are told.
const FAULTS: usize = 20;

/// Keywords that name a schema, or say how it is told from others: nothing is looked up by them.
const NAMES: [&str; 8] = [
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$vocabulary",
    "$defs",
    "definitions",
];
/// Keywords that ask about all that other keywords said, again at each level.
const AGAIN: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];

pub(super) struct SettingsSchema(Validator);

impl SettingsSchema {
    /// # Errors
    /// What is wrong, to be read after "its settings schema".
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() > BYTES {
            return Err(format!(
                "has {} bytes, over the limit of {BYTES}",
                text.len()
            ));
        }
        let root: Value =
            serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        if !(root.is_object() || root.is_boolean()) {
            return Err("is no JSON Schema".into());
        }
        let mut expansion = Expansion {
            root: &root,
            following: Vec::new(),
            values: 0,
        };
        let schema = expansion.schema(&root, 0)?;
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN)
            .dfa_size_limit(PATTERN);
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns)
            .build(&schema)
            .map(Self)
            .map_err(|error| format!("is no JSON Schema: {}", clean(&error.to_string(), 300)))
    }

    pub(super) fn faults(&self, settings: &str) -> Vec<SettingsFault> {
        let Ok(settings) = serde_json::from_str(settings) else {
            return vec![SettingsFault {
                field: String::new(),
                message: "they are not JSON".into(),
            }];
        };
        let mut faults = Vec::new();
        for error in self.0.iter_errors(&settings) {
            tell(&error, &mut faults);
            if faults.len() >= FAULTS {
                faults.truncate(FAULTS);
                break;
            }
        }
        faults
    }
}

fn tell(error: &ValidationError<'_>, faults: &mut Vec<SettingsFault>) {
    let at = error.instance_path().as_str();
    let below = |name: &String| format!("{at}/{}", pointer_token(name));
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            faults.extend(unexpected.iter().map(|name| SettingsFault {
                field: below(name),
                message: format!("unknown field {:?}", clean(name, 64)),
            }));
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }
            if let Some(nearest) = nearest(context) =>
        {
            nearest.iter().for_each(|error| tell(error, faults));
        }
        // Without the value: settings may hold what is not to be shown.
        _ => faults.push(SettingsFault {
            field: at.to_owned(),
            message: clean(&error.masked().to_string(), 300),
        }),
    }
}

/// Of the alternatives, the one that fits furthest: its faults are the deepest.
fn nearest<'c, 'e>(context: &'c [Vec<ValidationError<'e>>]) -> Option<&'c [ValidationError<'e>]> {
    let depth = |errors: &&Vec<ValidationError<'e>>| {
        let paths = errors.iter().map(|it| it.instance_path().as_str());
        paths.map(|path| path.matches('/').count()).max()
    };
    let deepest = context
        .iter()
        .filter(|it| !it.is_empty())
        .max_by_key(depth)?;
    let alone = context
        .iter()
        .filter(|it| depth(it) == depth(&deepest))
        .count()
        == 1;
    alone.then_some(deepest)
}

/// Writes references out.
struct Expansion<'r> {
    root: &'r Value,
    /// References that are being written out.
    following: Vec<&'r str>,
    values: usize,
}

impl<'r> Expansion<'r> {
    fn schema(&mut self, schema: &'r Value, depth: usize) -> Result<Value, String> {
        self.count(1, depth)?;
        let Value::Object(keywords) = schema else {
            return Ok(schema.clone());
        };
        let mut written = Map::new();
        for (keyword, value) in keywords {
            let again = AGAIN.contains(&keyword.as_str());
            if NAMES.contains(&keyword.as_str()) || keyword == "$ref" || again && depth > 0 {
                continue;
            }
            written.insert(keyword.clone(), self.said(keyword, value, depth + 1)?);
        }
        if let Some(reference) = keywords.get("$ref") {
            let target = self.target(reference, depth + 1)?;
            if written.is_empty() {
                return Ok(target);
            }
            match written
                .entry("allOf")
                .or_insert_with(|| Value::Array(Vec::new()))
            {
                Value::Array(all) => all.push(target),
                _ => return Err("has an allOf that is no list".into()),
            }
        }
        Ok(Value::Object(written))
    }

    /// What a keyword says: a schema, several, or a plain value.
    fn said(&mut self, keyword: &str, value: &'r Value, depth: usize) -> Result<Value, String> {
        match (keyword, value) {
            ("properties" | "patternProperties" | "dependentSchemas", Value::Object(named)) => {
                let written = named
                    .iter()
                    .map(|(name, it)| Ok((name.clone(), self.schema(it, depth)?)));
                Ok(Value::Object(written.collect::<Result<_, String>>()?))
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                let written = schemas.iter().map(|it| self.schema(it, depth));
                Ok(Value::Array(written.collect::<Result<_, _>>()?))
            }
            (
                "items"
                | "contains"
                | "additionalProperties"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else"
                | "unevaluatedProperties"
                | "unevaluatedItems",
                _,
            ) => self.schema(value, depth),
            _ => {
                self.count(size(value), depth)?;
                Ok(value.clone())
            }
        }
    }

    fn target(&mut self, reference: &'r Value, depth: usize) -> Result<Value, String> {
        let Some(reference) = reference.as_str() else {
            return Err("has a $ref that is no text".into());
        };
        if self.following.contains(&reference) {
            return Ok(Value::Bool(true));
        }
        let pointer = reference.strip_prefix('#');
        let Some(target) = pointer.and_then(|pointer| self.root.pointer(pointer)) else {
            return Err(format!(
                "refers to {:?}, which it does not have",
                clean(reference, 64)
            ));
        };
        self.following.push(reference);
        let written = self.schema(target, depth);
        self.following.pop();
        written
    }

    fn count(&mut self, values: usize, depth: usize) -> Result<(), String> {
        self.values += values;
        if self.values > VALUES || depth > DEPTH {
            return Err(format!(
                "is too large: over {VALUES} values, or over {DEPTH} deep, with its references written out"
            ));
        }
        Ok(())
    }
}

/// Values in a value, itself among them.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(schema: Value, settings: Value) -> Vec<(String, String)> {
        let schema = SettingsSchema::read(&schema.to_string()).expect("a schema");
        let faults = schema.faults(&settings.to_string()).into_iter();
        faults.map(|fault| (fault.field, fault.message)).collect()
    }

    #[test]
    fn a_fault_is_told_at_its_field_and_without_its_value() {
        let schema = json!({
            "type": "object",
            "properties": {
                "port": {"$ref": "#/$defs/port"},
                "names": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
                "either": {"anyOf": [{"$ref": "#/$defs/deep"}, {"type": "null"}]},
            },
            "additionalProperties": false,
            "$defs": {
                "port": {"type": "integer", "minimum": 1},
                "deep": {"type": "object", "properties": {"port": {"$ref": "#/$defs/port"}}},
            },
        });
        assert_eq!(
            faults(
                schema.clone(),
                json!({"port": 80, "names": ["a"], "either": null})
            ),
            []
        );
        let settings = json!({
            "port": "s3cret", "names": ["a", "B-secret"], "a/b": 1, "either": {"port": 0},
        });
        let mut told = faults(schema, settings);
        told.sort();
        let fields: Vec<&str> = told.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(fields, ["/a~1b", "/either/port", "/names/1", "/port"]);
        assert_eq!(told[0].1, "unknown field \"a/b\"");
        assert!(!format!("{told:?}").contains("secret"), "{told:?}");
    }

    #[test]
    fn a_name_that_is_a_keyword_is_a_name_where_names_stand() {
        let schema = json!({
            "properties": {"definitions": {"type": "string"}, "$id": {"type": "string"}},
        });
        let told = faults(schema, json!({"definitions": 1, "$id": 2}));
        assert_eq!(told.len(), 2, "{told:?}");
    }

    #[test]
    fn a_schema_that_refers_to_itself_is_checked_as_far_as_it_is_written() {
        let schema = json!({
            "$ref": "#/$defs/tree",
            "$defs": {"tree": {
                "type": "object",
                "properties": {"left": {"$ref": "#/$defs/tree"}, "name": {"type": "string"}},
            }},
        });
        assert_eq!(faults(schema.clone(), json!({"left": {"left": 1}})), []);
        assert_eq!(faults(schema, json!({"name": 1})).len(), 1);
    }

    #[test]
    fn a_schema_that_grows_without_end_is_refused() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(format!("d{level}"), json!({"allOf": [next, next]}));
        }
        definitions.insert("d40".into(), json!(true));
        let bomb = json!({"$ref": "#/$defs/d0", "$defs": definitions});
        let refused = [
            bomb,
            json!({"$ref": "https://example.org/schema"}),
            json!({"$ref": "#/$defs/none"}),
            json!({"pattern": "(a{1000}){1000}"}),
            json!({"type": 3}),
            json!([]),
        ];
        for schema in refused {
            assert!(
                SettingsSchema::read(&schema.to_string()).is_err(),
                "{schema}"
            );
        }
    }
}
