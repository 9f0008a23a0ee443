//! A value with its places.

use serde_json::Value;

use super::Spans;

/// A value and where it stands.
pub(super) type Node = (Value, Spans);

/// Values and bytes of text in a value.
pub(super) fn weigh(value: &Value) -> (usize, usize) {
    match value {
        Value::Array(items) => items
            .iter()
            .map(weigh)
            .fold((1, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        Value::Object(map) => map.iter().fold((1, 0), |(nodes, bytes), (key, value)| {
            let (n, b) = weigh(value);
            (nodes + n + 1, bytes + b + key.len())
        }),
        Value::String(text) => (1, text.len()),
        _ => (1, 0),
    }
}
