//! What a structural schema asks of a value besides its type.

use serde_json::{Number, Value};

use crate::fault::{Fault, Pointer, VALUE};
use crate::pattern;
use crate::schema::{Kind, Schema};

pub fn check(schema: &Schema, value: &Value, at: &Pointer) -> Vec<Fault> {
    let mut messages = Vec::new();
    let name = at.name();
    if let Some(allowed) = &schema.allowed
        && !allowed.iter().any(|it| same(it, value))
    {
        let list: Vec<String> = allowed.iter().take(20).map(Value::to_string).collect();
        messages.push(format!("{name} is none of {}", list.join(", ")));
    }
    match value {
        Value::String(text) => messages.extend(string(schema, text, &name)),
        Value::Number(number) => messages.extend(range(schema, number, &name)),
        Value::Array(items) => {
            messages.extend(size(
                items.len(),
                "items",
                schema.min_items,
                schema.max_items,
                &name,
            ));
            let twice =
                |(index, item): (usize, &Value)| items[..index].iter().any(|it| same(it, item));
            if schema.unique_items && items.iter().enumerate().any(twice) {
                messages.push(format!("{name} has an item twice"));
            }
        }
        Value::Object(fields) => {
            let (least, most) = (schema.min_properties, schema.max_properties);
            messages.extend(size(fields.len(), "fields", least, most, &name));
        }
        _ => {}
    }
    let fault = |it: String| Fault::error(VALUE, at, format!("{it}; the API server refuses it"));
    messages.into_iter().map(fault).collect()
}

fn size(
    length: usize,
    what: &str,
    least: Option<u64>,
    most: Option<u64>,
    name: &str,
) -> Option<String> {
    let length = length as u64;
    match (least, most) {
        (Some(least), _) if length < least => Some(format!(
            "{name} has {length} {what}; at least {least} are asked for"
        )),
        (_, Some(most)) if length > most => Some(format!(
            "{name} has {length} {what}; at most {most} are taken"
        )),
        _ => None,
    }
}

fn string(schema: &Schema, text: &str, name: &str) -> Vec<String> {
    let length = text.chars().count();
    let mut messages = Vec::new();
    let (least, most) = (schema.min_length, schema.max_length);
    messages.extend(size(length, "characters", least, most, name));
    if let Some(pattern) = &schema.pattern {
        match pattern::compile(pattern) {
            Ok(compiled) if compiled.is_match(text) => {}
            Ok(_) => messages.push(format!("{name} does not match {pattern}")),
            Err(error) => messages.push(format!(
                "{name}: the pattern {pattern} of its CRD is no regular expression: {error}"
            )),
        }
    }
    messages
}

fn range(schema: &Schema, number: &Number, name: &str) -> Vec<String> {
    let value = number.as_f64().unwrap_or(f64::NAN);
    let mut messages = Vec::new();
    if let Some(least) = schema.minimum {
        if schema.exclusive_minimum && value <= least {
            messages.push(format!("{name} is {number}; it is to be over {least}"));
        } else if value < least {
            messages.push(format!("{name} is {number}; the least is {least}"));
        }
    }
    if let Some(most) = schema.maximum {
        if schema.exclusive_maximum && value >= most {
            messages.push(format!("{name} is {number}; it is to be under {most}"));
        } else if value > most {
            messages.push(format!("{name} is {number}; the most is {most}"));
        }
    }
    if let Some(factor) = schema.multiple_of.filter(|it| *it > 0.0) {
        let times = value / factor;
        if (times - times.round()).abs() > 1e-9 {
            messages.push(format!(
                "{name} is {number}, which is no multiple of {factor}"
            ));
        }
    }
    messages
}

/// Equal as JSON, with `1` and `1.0` the same number.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let in_b =
                |(name, value): (&String, &Value)| b.get(name).is_some_and(|it| same(value, it));
            a.len() == b.len() && a.iter().all(in_b)
        }
        _ => a == b,
    }
}

/// The same value in the type that is asked for, as YAML, where there is no doubt about it.
pub fn in_another_type(schema: &Schema, value: &Value) -> Option<String> {
    match (schema.kind?, value) {
        (Kind::String, Value::Bool(_) | Value::Number(_)) => Some(format!("\"{value}\"")),
        (Kind::Integer, Value::String(text)) => {
            text.parse::<i64>().ok().map(|number| number.to_string())
        }
        (Kind::Number, Value::String(text)) => text
            .parse::<f64>()
            .ok()
            .filter(|it| it.is_finite())
            .map(|_| text.clone()),
        (Kind::Boolean, Value::String(text)) => {
            matches!(text.as_str(), "true" | "false").then(|| text.clone())
        }
        (Kind::Array, Value::Object(_)) => None,
        _ => None,
    }
}
