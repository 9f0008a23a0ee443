//! Whose a field of a live object is, by `metadata.managedFields` (KEP-555, FieldsV1). Pure.

use serde_json::{Map, Value};

use super::names_item;
use crate::manifest::{pointer_name, pointer_token};

/// A field manager's entry in a live object's managedFields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owner {
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    pub subresource: Option<String>,
    /// RFC 3339, of the API server's clock.
    pub at: Option<String>,
    /// FieldsV1.
    pub fields: Value,
}

/// All of a live object's entries.
pub fn owners(live: &Value) -> Vec<Owner> {
    let entries = live.pointer("/metadata/managedFields");
    let entries = entries.and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value, name: &str| entry[name].as_str().map(str::to_owned);
    let owner = |entry: &Value| Owner {
        manager: text(entry, "manager").unwrap_or_default(),
        operation: text(entry, "operation").unwrap_or_default(),
        subresource: text(entry, "subresource").filter(|it| !it.is_empty()),
        at: text(entry, "time"),
        fields: entry["fieldsV1"].clone(),
    };
    entries.map(owner).collect()
}

/// Whether a set has a field of the object, itself or with a list or map that is owned as a whole.
pub fn owns(set: &Value, object: &Value, pointer: &str) -> bool {
    let (mut set, mut here) = (set, object);
    for token in pointer.split('/').skip(1) {
        let Some(below) = set.as_object() else {
            return false;
        };
        if below.is_empty() {
            // Owned as a whole: what is in it is its owner's.
            return true;
        }
        let name = pointer_name(token);
        let next = match here {
            Value::Array(items) => {
                let item = name.parse::<usize>().ok().and_then(|at| items.get(at));
                let Some(item) = item else { return false };
                here = item;
                below.iter().find(|(name, _)| names_item(name, item))
            }
            _ => {
                here = here.get(&name).unwrap_or(&Value::Null);
                below.get_key_value(&format!("f:{name}"))
            }
        };
        match next {
            Some((_, next)) => set = next,
            None => return false,
        }
    }
    // A map or list of which only what is in it is owned has `.` where it is owned itself.
    match set.as_object() {
        Some(below) => below.is_empty() || below.contains_key("."),
        None => false,
    }
}

/// Where a field of one object stands in another version of it: the manifest's in the live object,
/// or the other way round. Items of lists are told apart as the kit's set of fields has them.
pub fn counterpart(set: &Value, from: &Value, to: &Value, pointer: &str) -> Option<String> {
    let (mut set, mut here, mut there) = (Some(set), from, to);
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        let name = pointer_name(token);
        let below = set.and_then(Value::as_object);
        match (here, there) {
            (Value::Array(items), Value::Array(others)) => {
                let index: usize = name.parse().ok()?;
                let item = items.get(index)?;
                let meant = below.and_then(|below| meant(below, item, others));
                let at = match meant {
                    Some((at, below)) => {
                        set = Some(below);
                        at
                    }
                    // An atomic list: its items are where they are.
                    None => {
                        set = None;
                        index
                    }
                };
                (here, there) = (item, others.get(at)?);
                path = format!("{path}/{at}");
            }
            (Value::Object(map), Value::Object(other)) => {
                (here, there) = (map.get(&name)?, other.get(&name)?);
                set = below.and_then(|below| below.get(&format!("f:{name}")));
                path = format!("{path}/{token}");
            }
            _ => return None,
        }
    }
    Some(path)
}

/// Which of the others an item is: of those that a name of the set may mean, the one that says most
/// of its key.
fn meant<'s>(
    below: &'s Map<String, Value>,
    item: &Value,
    others: &[Value],
) -> Option<(usize, &'s Value)> {
    let names = below.iter().filter(|(name, _)| names_item(name, item));
    let candidates = names.flat_map(|(name, set)| {
        let same = others.iter().enumerate();
        let same = same.filter(|(_, other)| names_item(name, other));
        same.map(move |(at, other)| (said(name, item) + said(name, other), at, set))
    });
    // The first of those that say as much.
    let best = candidates.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, at, set)| (at, set))
}

/// How many fields of a key an item has.
fn said(name: &str, item: &Value) -> usize {
    let key = name
        .strip_prefix("k:")
        .and_then(|key| serde_json::from_str::<Map<String, Value>>(key).ok());
    let names = key.iter().flat_map(|key| key.keys());
    names
        .filter(|name| item.get(name.as_str()).is_some())
        .count()
}

/// Pointers of the fields of an object that have nothing below them, in the order of their names;
/// at most `limit`.
pub fn leaves(object: &Value, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    walk(object, String::new(), limit, &mut found);
    found
}

fn walk(value: &Value, at: String, limit: usize, found: &mut Vec<String>) {
    if found.len() >= limit {
        return;
    }
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let token = pointer_token(name);
                walk(value, format!("{at}/{token}"), limit, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                walk(item, format!("{at}/{index}"), limit, found);
            }
        }
        _ => found.push(at),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live() -> Value {
        json!({"spec": {
            "clusterIP": "10.0.0.1",
            "ports": [
                {"name": "extra", "port": 9, "protocol": "TCP"},
                {"port": 53, "protocol": "TCP", "targetPort": 53},
                {"port": 53, "protocol": "UDP", "name": "dns"},
            ],
            "selector": {"app": "web"},
        }, "metadata": {"labels": {"app": "web", "a/b": "c"}, "finalizers": ["x", "y"]}})
    }

    fn set() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:a/b": {}}, "f:finalizers": {".": {}, "v:\"y\"": {}}},
            "f:spec": {"f:selector": {}, "f:ports": {
                "k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
                "k:{\"port\":53,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}},
            }},
        })
    }

    #[test]
    fn a_field_is_owned_by_its_name_by_its_item_s_key_and_with_what_is_owned_whole() {
        for (pointer, owned) in [
            ("/metadata/labels/a~1b", true),
            ("/metadata/labels/app", false),
            ("/metadata/finalizers/1", true),
            ("/metadata/finalizers/0", false),
            ("/spec/selector/app", true),
            ("/spec/selector", true),
            ("/spec/ports/1/port", true),
            ("/spec/ports/1/targetPort", false),
            ("/spec/ports/1", true),
            ("/spec/ports/0/port", false),
            ("/spec/ports/2/name", true),
            ("/spec/ports", false),
            ("/spec/clusterIP", false),
            ("/spec/ports/7/port", false),
        ] {
            assert_eq!(owns(&set(), &live(), pointer), owned, "{pointer}");
        }
    }

    #[test]
    fn items_are_found_again_wherever_the_other_version_has_them() {
        let manifest = json!({"spec": {
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}, {"port": 53}],
            "selector": {"app": "web"},
        }, "metadata": {"labels": {"a/b": "c"}, "finalizers": ["y"]}});
        for (of_manifest, of_live) in [
            ("/spec/ports/0/name", "/spec/ports/2/name"),
            ("/spec/ports/1/port", "/spec/ports/1/port"),
            ("/metadata/labels/a~1b", "/metadata/labels/a~1b"),
            ("/metadata/finalizers/0", "/metadata/finalizers/1"),
        ] {
            let there = counterpart(&set(), &manifest, &live(), of_manifest);
            assert_eq!(there.as_deref(), Some(of_live), "{of_manifest}");
            let back = counterpart(&set(), &live(), &manifest, of_live);
            assert_eq!(back.as_deref(), Some(of_manifest), "{of_live}");
        }
        let none = counterpart(&set(), &live(), &manifest, "/spec/clusterIP");
        assert_eq!(none, None);
    }

    #[test]
    fn leaves_are_what_nothing_is_below_of_and_as_many_as_are_wanted() {
        let object = json!({"a": {"b/c": 1, "d": {}}, "e": [1, {"f": null}]});
        let all = ["/a/b~1c", "/a/d", "/e/0", "/e/1/f"];
        assert_eq!(leaves(&object, 10), all);
        assert_eq!(leaves(&object, 2), all[..2]);
    }
}
