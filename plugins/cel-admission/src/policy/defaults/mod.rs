//! An object as policies see it: the API server reads it into a type, which leaves out what is
//! empty, and fills in what a manifest does not say.

mod kinds;
mod pods;
mod schemas;
mod stored;
mod zero;

use serde_json::{Map, Value as Json, json};
use trimtab_plugin::Object;

use crate::library::quantity::Quantity;
use crate::value::Value;

use super::kinds::is_built_in;

/// When the object is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Mutating,
    /// After the API server has given it a uid and the like.
    Validating,
    /// It is another's parameter.
    Stored,
}

/// What only the API server gives an object.
const GIVEN: [&str; 3] = ["uid", "creationTimestamp", "managedFields"];

/// With the schema of its CustomResourceDefinition, if it has one.
pub fn as_admitted(
    object: &Object,
    schema: Option<&Json>,
    namespace: &str,
    admission: Admission,
) -> Value {
    let mut value = object.value.clone();
    fill(object, &mut value, schema, namespace);
    if admission != Admission::Validating {
        return Value::from_json(&value);
    }
    stored::prepare(object, &mut value);
    let mut value = Value::from_json(&value);
    for name in GIVEN {
        stored::unknown(&mut value, &["metadata", name]);
    }
    stored::mark(object, &mut value);
    value
}

/// Makes of a manifest what the API server reads of it.
pub fn fill(object: &Object, value: &mut Json, schema: Option<&Json>, namespace: &str) {
    match is_built_in(object) {
        true => zero::without(value),
        // The metadata of all kinds is of one type.
        false => value
            .get_mut("metadata")
            .into_iter()
            .for_each(zero::without),
    }
    if let Some(schema) = schema {
        schemas::fill(schema, value);
    }
    if !namespace.is_empty() {
        absent(value, "/metadata", "namespace", json!(namespace));
    }
    kinds::fill(object, value);
}

/// What is at a place, whose names need no escapes: `Value::pointer` takes its time to undo them.
fn found<'v>(value: &'v Json, path: &str) -> Option<&'v Json> {
    path.split('/')
        .skip(1)
        .try_fold(value, |at, name| at.get(name))
}

fn place<'v>(value: &'v mut Json, path: &str) -> Option<&'v mut Json> {
    path.split('/')
        .skip(1)
        .try_fold(value, |at, name| at.get_mut(name))
}

fn absent(value: &mut Json, at: &str, field: &str, default: Json) {
    if let Some(Json::Object(fields)) = place(value, at) {
        put(fields, field, default);
    }
}

/// Empty words and zeros are filled in as well, as the API server's types have no other way to say
/// that there is nothing.
fn put(fields: &mut Map<String, Json>, field: &str, default: Json) {
    let slot = fields.entry(field).or_insert(Json::Null);
    if slot.is_null() || *slot == "" {
        *slot = default;
    }
}

fn list<'v>(value: &'v mut Json, at: &str) -> impl Iterator<Item = &'v mut Map<String, Json>> {
    let items = place(value, at).and_then(Json::as_array_mut);
    items.into_iter().flatten().filter_map(Json::as_object_mut)
}

/// Quantities are written as Kubernetes writes them.
fn quantities(resources: Option<&mut Json>) {
    let Some(Json::Object(resources)) = resources else {
        return;
    };
    for field in ["limits", "requests"] {
        amounts(resources.get_mut(field));
    }
}

fn amounts(amounts: Option<&mut Json>) {
    let Some(Json::Object(amounts)) = amounts else {
        return;
    };
    for amount in amounts.values_mut() {
        let text = match &*amount {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => continue,
        };
        if let Ok(quantity) = Quantity::parse(&text) {
            *amount = quantity.canonical().into();
        }
    }
}
