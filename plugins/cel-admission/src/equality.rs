//! Equality where a part may be unknown: it is told only if it is so whatever the part is.

use std::collections::BTreeMap;

use crate::value::{Fault, Value};

/// # Errors
/// It hangs on something that nobody knows before there is a request.
pub fn equal(one: &Value, other: &Value) -> Result<bool, Fault> {
    match (one, other) {
        (Value::Unknown(what), _) | (_, Value::Unknown(what)) => Err(Fault::unknown(&**what)),
        (Value::List(items), Value::List(others)) => {
            for item in items.iter().chain(others.iter()) {
                if let Value::Unknown(what) = item {
                    return Err(Fault::unknown(&**what));
                }
            }
            if items.len() != others.len() {
                return Ok(false);
            }
            let pairs = items.iter().zip(others.iter());
            all(pairs.map(|(one, other)| equal(one, other)))
        }
        (Value::Map(fields), Value::Map(others)) => alike(fields, others),
        (Value::Structure(one), Value::Structure(other)) if one.name == other.name => {
            alike(&one.fields, &other.fields)
        }
        (Value::Optional(Some(one)), Value::Optional(Some(other))) => equal(one, other),
        _ => Ok(one == other),
    }
}

/// What is unknown might not be there either.
fn alike<K: Ord>(fields: &BTreeMap<K, Value>, others: &BTreeMap<K, Value>) -> Result<bool, Fault> {
    let missing = |value: &Value| match value {
        Value::Unknown(what) => Err(Fault::unknown(&**what)),
        _ => Ok(false),
    };
    let of_one = fields.iter().map(|(key, value)| {
        others
            .get(key)
            .map_or_else(|| missing(value), |other| equal(value, other))
    });
    let of_other = others.iter().filter(|(key, _)| !fields.contains_key(key));
    all(of_one.chain(of_other.map(|(_, value)| missing(value))))
}

/// Whether a value is among others.
///
/// # Errors
/// As of equality.
pub fn within(items: &[Value], value: &Value) -> Result<bool, Fault> {
    any(items.iter().map(|it| equal(it, value)))
}

/// Whether all hold; one that does not outweighs one that is unknown.
///
/// # Errors
/// One is unknown, and the others hold.
pub fn all(found: impl Iterator<Item = Result<bool, Fault>>) -> Result<bool, Fault> {
    settled(found, false)
}

/// # Errors
/// One is unknown, and no other holds.
pub fn any(found: impl Iterator<Item = Result<bool, Fault>>) -> Result<bool, Fault> {
    settled(found, true)
}

fn settled(found: impl Iterator<Item = Result<bool, Fault>>, settles: bool) -> Result<bool, Fault> {
    let mut fault = None;
    for one in found {
        match one {
            Ok(holds) if holds == settles => return Ok(settles),
            Ok(_) => {}
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    fault.map_or(Ok(!settles), Err)
}

/// What of a value is unknown, however deep.
pub fn unknown(value: &Value) -> Option<&str> {
    match value {
        Value::Unknown(what) => Some(what),
        Value::List(items) => items.iter().find_map(unknown),
        Value::Map(fields) => fields.values().find_map(unknown),
        Value::Structure(structure) => structure.fields.values().find_map(unknown),
        Value::Optional(Some(value)) => unknown(value),
        _ => None,
    }
}
