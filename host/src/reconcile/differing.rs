//! Two versions of an object side by side, as a person may see them. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};
use similar::TextDiff;

use crate::kit::SUBSTITUTE;
use crate::manifest::write_yaml;
use crate::pipeline::{MASK, Secrets, is_secret};
use crate::plan::{PART_OF_LABEL, PRUNE_ANNOTATION, leaves};

/// Lines around a change that are shown.
const CONTEXT: usize = 3;
/// Bytes of a version that is compared.
const BYTES: usize = 512 << 10;
/// How long a comparison may take; a coarser one comes of it then.
const PATIENCE: Duration = Duration::from_secs(2);
/// Fields that are named.
const FIELDS: usize = 100;
const CHANGED: &str = "*** (changed)";
/// What the API server keeps of its own.
const SERVERS: [&str; 7] = [
    "managedFields",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "selfLink",
];
/// Fields of a Secret that are no secret.
const OPEN: [&str; 5] = ["apiVersion", "kind", "type", "immutable", "metadata"];

/// What is different.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Difference {
    /// RFC 6901 pointers.
    pub fields: Vec<String>,
    /// A unified diff of YAML; nothing where it would be too large.
    pub text: Option<String>,
}

/// An object without what says nothing of what was wanted.
fn cleaned(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(map) = object.as_object_mut() else {
        return object;
    };
    map.remove("status");
    let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) else {
        return object;
    };
    SERVERS.iter().for_each(|name| drop(metadata.remove(*name)));
    let own = |name: &str| {
        let author_s = [PRUNE_ANNOTATION, SUBSTITUTE].contains(&name);
        name == PART_OF_LABEL || name.starts_with("trimtab.io/") && !author_s
    };
    for map in ["labels", "annotations"] {
        if let Some(names) = metadata.get_mut(map).and_then(Value::as_object_mut) {
            names.retain(|name, _| !own(name));
            if names.is_empty() {
                metadata.remove(map);
            }
        }
    }
    object
}

/// What is different between two versions of an object; nothing if nobody would want to know.
/// `names` stand above the two.
pub(super) fn difference(
    before: Option<&Value>,
    after: Option<&Value>,
    names: (&str, &str),
    secrets: &Secrets,
) -> Option<Difference> {
    let (before, after) = (before.map(cleaned), after.map(cleaned));
    if before == after {
        return None;
    }
    let fields = changed(before.as_ref(), after.as_ref(), secrets);
    let (mut old, mut new) = (before.unwrap_or_default(), after.unwrap_or_default());
    hide(&mut old, &mut new, secrets);
    let text = |object: &Value| match object {
        Value::Null => String::new(),
        object => write_yaml([object]),
    };
    let (old, new) = (text(&old), text(&new));
    let text = (old.len() <= BYTES && new.len() <= BYTES).then(|| {
        let mut config = TextDiff::configure();
        let diff = config.timeout(PATIENCE).diff_lines(&*old, &*new);
        let mut unified = diff.unified_diff();
        unified.context_radius(CONTEXT).header(names.0, names.1);
        unified.to_string()
    });
    Some(Difference { fields, text })
}

/// The fields that are different between two versions of an object, as RFC 6901 pointers, but for
/// what the host and the API server keep.
pub(super) fn changed_fields(before: &Value, after: &Value, secrets: &Secrets) -> Vec<String> {
    changed(Some(&cleaned(before)), Some(&cleaned(after)), secrets)
}

/// The fields that one version has and the other has not, or has another value for, their names
/// masked as the text has them.
fn changed(before: Option<&Value>, after: Option<&Value>, secrets: &Secrets) -> Vec<String> {
    let none = Value::Null;
    let (before, after) = (before.unwrap_or(&none), after.unwrap_or(&none));
    let all: BTreeSet<String> = [before, after]
        .into_iter()
        .flat_map(|object| leaves(object, usize::MAX))
        .collect();
    let differs = |pointer: &String| before.pointer(pointer) != after.pointer(pointer);
    let changed = all.into_iter().filter(|it| !it.is_empty() && differs(it));
    let mut changed: Vec<String> = changed
        .take(FIELDS)
        .map(|it| secrets.masked_pointer(&it))
        .collect();
    changed.dedup();
    changed
}

/// Takes secrets out of both versions, so that a value that changes is still seen to.
fn hide(old: &mut Value, new: &mut Value, secrets: &Secrets) {
    if is_secret(old) || is_secret(new) {
        let names: BTreeSet<String> = [&*old, &*new]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(|map| map.keys().cloned())
            .filter(|name| !OPEN.contains(&name.as_str()))
            .collect();
        for name in names {
            veil(slot(old, &name), slot(new, &name));
        }
        // What kubectl keeps there is the whole Secret.
        let annotations =
            |object: &mut Value| object.pointer_mut("/metadata/annotations").map(Value::take);
        let (mut was, mut is) = (annotations(old), annotations(new));
        veil(was.as_mut(), is.as_mut());
        for (object, value) in [(&mut *old, was), (&mut *new, is)] {
            if let (Some(there), Some(value)) = (object.pointer_mut("/metadata/annotations"), value)
            {
                *there = value;
            }
        }
    }
    mask(Some(old), Some(new), secrets);
}

fn slot<'v>(object: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    object.as_object_mut()?.get_mut(name)
}

/// Every value of a Secret, wherever it stands.
fn veil(old: Option<&mut Value>, new: Option<&mut Value>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
            for name in BTreeSet::from_iter(names) {
                veil(old.get_mut(&name), new.get_mut(&name));
            }
        }
        (Some(Value::Object(map)), other) | (other, Some(Value::Object(map))) => {
            map.values_mut().for_each(|value| veil(Some(value), None));
            veil(other, None);
        }
        (Some(old), Some(new)) => {
            let same = old == new;
            *old = MASK.into();
            *new = if same { MASK } else { CHANGED }.into();
        }
        (Some(only), None) | (None, Some(only)) => *only = MASK.into(),
        (None, None) => {}
    }
}

/// Texts that hold values of Secrets, names of fields among them.
fn mask(old: Option<&mut Value>, new: Option<&mut Value>, secrets: &Secrets) {
    match (old, new) {
        (Some(Value::String(old)), Some(Value::String(new))) => {
            let same = old == new;
            let (was, is) = (secrets.masked(old), secrets.masked(new));
            // Where a secret stands, there was another one, which may not be known any more.
            let replaced = !same && is != *new && was == *old;
            (*old, *new) = (if replaced { MASK.to_owned() } else { was }, is);
            if !same && old == new {
                new.push_str(" (changed)");
            }
        }
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
            for name in BTreeSet::from_iter(names) {
                mask(old.get_mut(&name), new.get_mut(&name), secrets);
            }
            masked_names(old, secrets);
            masked_names(new, secrets);
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            let pairs = old.len().max(new.len());
            for index in 0..pairs {
                mask(old.get_mut(index), new.get_mut(index), secrets);
            }
        }
        (old, new) => {
            for value in [old, new].into_iter().flatten() {
                match value {
                    Value::String(text) => *text = secrets.masked(text),
                    Value::Array(items) => {
                        items
                            .iter_mut()
                            .for_each(|it| mask(Some(it), None, secrets));
                    }
                    Value::Object(map) => {
                        map.values_mut()
                            .for_each(|it| mask(Some(it), None, secrets));
                        masked_names(map, secrets);
                    }
                    Value::Number(_) | Value::Bool(_) => {
                        let text = value.to_string();
                        let masked = secrets.masked(&text);
                        if masked != text {
                            *value = masked.into();
                        }
                    }
                    Value::Null => {}
                }
            }
        }
    }
}

fn masked_names(map: &mut Map<String, Value>, secrets: &Secrets) {
    if map.keys().any(|name| secrets.masked(name) != *name) {
        let taken = std::mem::take(map);
        map.extend(
            taken
                .into_iter()
                .map(|(name, value)| (secrets.masked(&name), value)),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(before: Option<Value>, after: Option<Value>, secrets: &Secrets) -> String {
        let difference = difference(before.as_ref(), after.as_ref(), ("live", "new"), secrets);
        difference.map_or_else(String::new, |it| it.text.expect("small"))
    }

    fn service(port: u16, more: Value) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {
            "name": "web", "uid": "1", "resourceVersion": "7", "managedFields": [],
            "labels": {PART_OF_LABEL: "applyset-x-v1"},
        }, "spec": {"ports": [{"port": port}]}, "status": {"loadBalancer": {}}});
        object["metadata"]["annotations"] = more;
        object
    }

    #[test]
    fn what_the_server_and_the_host_keep_is_no_difference() {
        let none = Secrets::default();
        let before = service(
            80,
            json!({"trimtab.io/origin": "a.yaml:1", "trimtab.io/revision": "1"}),
        );
        let mut after = service(
            80,
            json!({"trimtab.io/origin": "b.yaml:9", "trimtab.io/digest": "x"}),
        );
        after["metadata"]["resourceVersion"] = "8".into();
        assert_eq!(
            difference(Some(&before), Some(&after), ("", ""), &none),
            None
        );
        let after = service(81, json!({}));
        assert_eq!(
            text(Some(before.clone()), Some(after.clone()), &none),
            "--- live\n+++ new\n@@ -4,4 +4,4 @@\n   name: web\n spec:\n   ports:\n-  - port: 80\n+  - port: 81\n"
        );
        let fields = difference(Some(&before), Some(&after), ("", ""), &none)
            .expect("one")
            .fields;
        assert_eq!(fields, ["/spec/ports/0/port"]);
    }

    #[test]
    fn a_secret_shows_which_of_its_values_change_and_none_of_them() {
        let secret = |a: &str, b: &str| {
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": format!("{{\"data\":\"{a}\"}}")}},
                "type": "Opaque", "data": {"a": a, "b": b}, "odd": [a]})
        };
        let (before, after) = (
            secret("aHVudGVyMjI=", "c2FtZQ=="),
            secret("aHVudGVyMzM=", "c2FtZQ=="),
        );
        let shown = text(
            Some(before.clone()),
            Some(after.clone()),
            &Secrets::default(),
        );
        assert!(
            shown.contains("-  a: \"***\"\n+  a: \"*** (changed)\"\n   b: \"***\"\n"),
            "{shown}"
        );
        assert!(
            !shown.contains("aHVudGVy") && !shown.contains("c2FtZQ"),
            "{shown}"
        );
        for (before, after) in [(None, Some(after)), (Some(before), None)] {
            let shown = text(before, after, &Secrets::default());
            assert!(
                !shown.contains("aHVudGVy") && !shown.contains("c2FtZQ"),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_secret_s_value_elsewhere_is_masked_and_seen_to_change() {
        let mut secrets = Secrets::default();
        secrets.add_objects(&[
            json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "hunter22"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "aHVudGVyMzM="}}),
        ]);
        let map = |value: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"},
                "data": {"url": format!("https://u:{value}@example.org"), value: "x"}})
        };
        let both = (map("hunter22"), map("hunter33"));
        // Neither are the names of fields told, in the record or in an answer.
        assert_eq!(
            changed_fields(&both.0, &both.1, &secrets),
            ["/data/***", "/data/url"]
        );
        let shown = text(Some(both.0), Some(both.1), &secrets);
        assert!(
            shown.contains("https://u:***@example.org (changed)"),
            "{shown}"
        );
        assert!(!shown.contains("hunter"), "{shown}");
        let shown = text(None, Some(map("hunter33")), &secrets);
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
