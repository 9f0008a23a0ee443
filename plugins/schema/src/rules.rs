//! x-kubernetes-validations: the rules in CEL of a CRD, each at its place in the object. Rules about
//! a change (they name oldSelf) are not asked of an object alone, as the server does not on creation.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as Cel;
use cel::objects::{Key, Map};
use serde_json::Value;

use crate::expression::{Evaluator, Trouble};
use crate::fault::{CEL_NOT_EVALUATED, Fault, Pointer, VALIDATION};
use crate::schema::{Kind, Schema, ValidationRule};

/// Names that stand for something in CEL, and are escaped as fields.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];
/// What rules see of a resource besides its own fields.
const METADATA: [&str; 2] = ["name", "generateName"];

pub struct Rules<'e> {
    pub evaluator: &'e Evaluator,
    /// Whether the server leaves `status` of what is applied aside.
    pub status_is_dropped: bool,
    pub faults: Vec<Fault>,
}

impl Rules<'_> {
    pub fn value(&mut self, schema: &Schema, value: &Value, at: &Pointer) {
        if value.is_null() || (self.status_is_dropped && at.is_within("/status")) {
            return;
        }
        if !schema.rules.is_empty() {
            let this = of_schema(schema, value);
            for rule in &schema.rules {
                self.rule(rule, &this, at);
            }
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let schema = schema.properties.get(name).or_else(|| schema.values());
                    if let Some(schema) = schema {
                        self.value(schema, value, &at.child(name));
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.value(schema, item, &at.item(index));
                    }
                }
            }
            _ => {}
        }
    }

    fn rule(&mut self, rule: &ValidationRule, this: &Cel, at: &Pointer) {
        if self.evaluator.names_old_self(&rule.rule) && !rule.optional_old_self {
            return;
        }
        let text = rule.rule.trim();
        let words = match self.evaluator.holds(&rule.rule, this) {
            Ok(true) => return,
            Ok(false) => self.message(rule, this),
            Err(Trouble::Fails(words)) => format!("the rule `{text}` fails: {words}"),
            Err(Trouble::NotEvaluated(words)) => {
                let message = format!(
                    "the rule `{text}` of {} is not evaluated: {words}; the API server evaluates it",
                    at.name()
                );
                self.faults
                    .push(Fault::warning(CEL_NOT_EVALUATED, at, message));
                return;
            }
        };
        let place = rule
            .field_path
            .as_deref()
            .map_or_else(|| at.clone(), |path| field_path(path, at));
        let message = format!("{}: {words}; the API server refuses it", place.name());
        let fault = Fault::error(VALIDATION, place, message);
        self.faults.push(match &rule.reason {
            Some(reason) => fault.tagged("reason", reason),
            None => fault,
        });
    }

    fn message(&self, rule: &ValidationRule, this: &Cel) -> String {
        let made = rule.message_expression.as_deref();
        let made = made.and_then(|it| self.evaluator.text(it, this));
        made.or_else(|| rule.message.as_deref().map(|it| it.trim().to_owned()))
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| format!("the rule `{}` does not hold", rule.rule.trim()))
    }
}

/// `.spec.ports` and `['a.b']`, below the place of the rule.
fn field_path(path: &str, at: &Pointer) -> Pointer {
    let mut place = at.clone();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("['") {
            let Some((name, after)) = inner.split_once("']") else {
                return place;
            };
            place = place.child(name);
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            if end == 0 {
                return place;
            }
            place = place.child(&plain[..end]);
            rest = &plain[end..];
        }
    }
    place
}

/// A value in the type that its schema gives it; fields that the schema does not know are not there.
fn of_schema(schema: &Schema, value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => {
            let real = schema.kind == Some(Kind::Number);
            match number.as_i64() {
                Some(whole) if !real => Cel::Int(whole),
                _ => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
            }
        }
        Value::String(text) => string(schema, text),
        Value::Array(items) => {
            let item = |it: &Value| match &schema.items {
                Some(schema) => of_schema(schema, it),
                None => of_schema(&Schema::default(), it),
            };
            Cel::List(Arc::new(items.iter().map(item).collect()))
        }
        Value::Object(fields) => {
            let mut known: HashMap<Key, Cel> = HashMap::new();
            let mut add = |name: String, value: Cel| {
                known.insert(Key::String(Arc::new(name)), value);
            };
            for (name, value) in fields {
                if let Some(schema) = schema.properties.get(name) {
                    if let Some(name) = escaped(name) {
                        add(name, of_schema(schema, value));
                    }
                } else if let Some(schema) = schema.values() {
                    add(name.clone(), of_schema(schema, value));
                }
            }
            if schema.embedded_resource {
                for name in ["apiVersion", "kind"] {
                    if let Some(value) = fields.get(name) {
                        add(name.into(), of_schema(&Schema::default(), value));
                    }
                }
                if let Some(Value::Object(metadata)) = fields.get("metadata") {
                    add("metadata".into(), names(metadata));
                }
            }
            let map = Arc::new(known);
            Cel::Map(Map { map })
        }
    }
}

fn names(metadata: &serde_json::Map<String, Value>) -> Cel {
    let name = |it: &str| {
        let value = metadata.get(it)?;
        let key = Key::String(Arc::new(it.to_owned()));
        Some((key, of_schema(&Schema::default(), value)))
    };
    let map = Arc::new(METADATA.into_iter().filter_map(name).collect());
    Cel::Map(Map { map })
}

fn string(schema: &Schema, text: &str) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    match schema.format.as_deref() {
        Some("date-time" | "datetime") => {
            chrono::DateTime::parse_from_rfc3339(text).map_or_else(|_| plain(), Cel::Timestamp)
        }
        Some("date") => chrono::DateTime::parse_from_rfc3339(&format!("{text}T00:00:00Z"))
            .map_or_else(|_| plain(), Cel::Timestamp),
        Some("duration") => duration(text).map_or_else(plain, Cel::Duration),
        Some("byte") => Cel::Bytes(Arc::new(text.as_bytes().to_vec())),
        _ => plain(),
    }
}

/// Of the form that both Go and CEL read.
fn duration(text: &str) -> Option<chrono::Duration> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|it: char| it.is_ascii_digit() || it == '.')
            .unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        rest = &rest[end..];
        nanoseconds += number * unit;
    }
    Some(chrono::Duration::nanoseconds((sign * nanoseconds) as i64))
}

/// A field's name as a rule writes it; none if a rule cannot name it.
fn escaped(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let text = name
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__");
    let word = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    let first = |it: u8| it.is_ascii_alphabetic() || it == b'_';
    let identifier = text.bytes().all(word) && text.bytes().next().is_some_and(first);
    identifier.then_some(text)
}
