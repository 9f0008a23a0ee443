//! Lists that are maps by some of their items' fields, and sets.

use serde_json::Value;

use crate::fault::{DUPLICATE, Fault, Pointer, WRONG_TYPE};
use crate::schema::{ListType, Schema};
use crate::values::same;

/// `item` is the schema of the list's items.
pub fn find(schema: &Schema, item: &Schema, value: &Value, at: &Pointer) -> Vec<Fault> {
    let Value::Array(items) = value else {
        return Vec::new();
    };
    if !matches!(schema.list_type, Some(ListType::Set | ListType::Map)) {
        return Vec::new();
    }
    let nulls: Vec<Fault> = (0..items.len())
        .filter(|index| items[*index].is_null())
        .map(|index| no_item(&at.item(index)))
        .collect();
    if !nulls.is_empty() {
        return nulls;
    }
    match schema.list_type {
        Some(ListType::Set) => set(items, at),
        Some(ListType::Map) => map(&schema.list_map_keys, item, items, at),
        _ => Vec::new(),
    }
}

/// Server-side apply cannot tell it from others.
fn no_item(at: &Pointer) -> Fault {
    let message = format!("{} is null; the API server refuses to apply it", at.name());
    Fault::error(WRONG_TYPE, at, message)
}

fn set(items: &[Value], at: &Pointer) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(first) = items[..index].iter().position(|it| same(it, item)) {
            let message = format!(
                "{} is item {first} once more, and {} takes each only once; the API server refuses it",
                at.item(index).name(),
                at.name()
            );
            faults.push(Fault::error(DUPLICATE, at.item(index), message));
        }
    }
    faults
}

fn map(keys: &[String], schema: &Schema, items: &[Value], at: &Pointer) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut known: Vec<Vec<Value>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Value::Object(fields) = item else {
            // It is told of by its type.
            known.push(Vec::new());
            continue;
        };
        let of = |key: &String| {
            let default = || schema.properties.get(key)?.default.clone();
            fields.get(key).cloned().or_else(default)
        };
        let own: Vec<Value> = keys
            .iter()
            .map(|it| of(it).unwrap_or(Value::Null))
            .collect();
        if let Some(first) = known.iter().position(|it| *it == own && !it.is_empty()) {
            let message = format!(
                "{} has the same {} as item {first}; the API server refuses it",
                at.item(index).name(),
                keys.join(" and ")
            );
            faults.push(Fault::error(DUPLICATE, at.item(index), message));
        }
        known.push(own);
    }
    faults
}
