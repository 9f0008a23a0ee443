//! A chart in the repository, with the values that an Application gives it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::left::{Left, Object, quoted};
use super::super::tree::{Tree, rooted};
use crate::manifest::{Limits, read_value};

pub(super) struct Chart<'c> {
    pub path: &'c str,
    /// What `$name/…` leads to, by name.
    pub values: &'c BTreeMap<String, String>,
}

/// The fields of `spec.helm`.
pub(super) fn release(
    object: &Object,
    source: &str,
    chart: &Chart<'_>,
    tree: &Tree,
    left: &mut Vec<Left>,
) -> Map<String, Value> {
    let at = format!("{source}/helm");
    left.extend(object.unknown(
        &at,
        &[
            "valueFiles",
            "values",
            "valuesObject",
            "parameters",
            "releaseName",
            "ignoreMissingValueFiles",
            "version",
            "passCredentials",
            "skipTests",
        ],
    ));
    let mut helm = Map::new();
    helm.insert("chart".into(), format!("/{}", chart.path).into());
    let name = object.text(&format!("{at}/releaseName"));
    helm.insert("release".into(), name.unwrap_or(&object.name).into());
    let files = files(object, &at, chart, tree, left);
    if !files.is_empty() {
        helm.insert("valuesFiles".into(), files.into());
    }
    let mut values = values(object, &at, left);
    for index in 0..object.list(&format!("{at}/parameters")).len() {
        let pointer = format!("{at}/parameters/{index}");
        let name = object.text(&format!("{pointer}/name")).unwrap_or_default();
        let text = object
            .get(&format!("{pointer}/value"))
            .and_then(Value::as_str);
        let forced = object.flag(&format!("{pointer}/forceString")) == Some(true);
        let value = parameter(text.unwrap_or_default(), forced);
        let set = value.is_some_and(|value| put(&mut values, name, value));
        if !set {
            left.push(object.left(
                &pointer,
                format!(
                    "the parameter {} is more than a path of names and one value",
                    quoted(name)
                ),
                "write it into spec.helm.values of kit.yaml",
            ));
        }
    }
    if !values.is_empty() {
        helm.insert("values".into(), values.into());
    }
    helm
}

fn files(
    object: &Object,
    at: &str,
    chart: &Chart<'_>,
    tree: &Tree,
    left: &mut Vec<Left>,
) -> Vec<String> {
    let missing = object.flag(&format!("{at}/ignoreMissingValueFiles")) == Some(true);
    let mut files = Vec::new();
    for (index, name) in object.texts(&format!("{at}/valueFiles")).iter().enumerate() {
        let path = match name.strip_prefix('$').and_then(|it| it.split_once('/')) {
            Some((reference, rest)) if chart.values.contains_key(reference) => rooted(".", rest),
            _ if name.starts_with('/') => rooted(".", name),
            _ => rooted(chart.path, name),
        };
        match path.filter(|it| tree.has(it)) {
            Some(path) => files.push(format!("/{path}")),
            None if missing => {}
            None => left.push(object.left(
                &format!("{at}/valueFiles/{index}"),
                format!("there is no file {} in the clone", quoted(name)),
                "commit it, and name it in spec.helm.valuesFiles of kit.yaml",
            )),
        }
    }
    files
}

/// `valuesObject`, or the text of `values` where there is none.
fn values(object: &Object, at: &str, left: &mut Vec<Left>) -> Map<String, Value> {
    if let Some(values) = object.map(&format!("{at}/valuesObject")) {
        return values.clone();
    }
    let pointer = format!("{at}/values");
    let Some(text) = object.text(&pointer) else {
        return Map::new();
    };
    match read_value("values", text.as_bytes(), &Limits::default()) {
        Ok(Value::Object(values)) => values,
        Ok(Value::Null) => Map::new(),
        _ => {
            left.push(object.left(
                &pointer,
                "the text is no mapping in YAML",
                "write spec.helm.values of kit.yaml",
            ));
            Map::new()
        }
    }
}

/// A value as `helm --set` reads it; `None` for lists and escapes.
fn parameter(text: &str, forced: bool) -> Option<Value> {
    if text.contains([',', '{', '}', '\\']) {
        return None;
    }
    if forced {
        return Some(text.into());
    }
    let is_octal = text.len() > 1 && text.starts_with('0');
    Some(match text {
        "true" => true.into(),
        "false" => false.into(),
        "null" => return None,
        text if !is_octal && text.parse::<i64>().is_ok() => json!(text.parse::<i64>().ok()),
        text => text.into(),
    })
}

/// Sets what is at a path of names with dots between them.
fn put(values: &mut Map<String, Value>, path: &str, value: Value) -> bool {
    let names: Vec<&str> = path.split('.').collect();
    let plain = |it: &&str| !it.is_empty() && !it.contains(['[', ']', '\\', '=', ',']);
    let Some((last, above)) = names.split_last().filter(|_| names.iter().all(plain)) else {
        return false;
    };
    let mut here = values;
    for name in above {
        let next = here.entry(*name).or_insert_with(|| json!({}));
        if !next.is_object() {
            *next = json!({});
        }
        let Value::Object(map) = next else {
            return false;
        };
        here = map;
    }
    here.insert((*last).to_owned(), value);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_values_as_helm_sets_them() {
        let mut values = Map::new();
        for (name, text, forced) in [
            ("image.tag", "1.2.3", false),
            ("image.pull", "true", false),
            ("port", "8080", false),
            ("code", "0644", false),
            ("id", "12", true),
        ] {
            let value = parameter(text, forced).expect("one value");
            assert!(put(&mut values, name, value), "{name}");
        }
        let wanted = json!({"image": {"tag": "1.2.3", "pull": true}, "port": 8080, "code": "0644", "id": "12"});
        assert_eq!(Value::Object(values.clone()), wanted);
        assert!(!put(&mut values, "list[0]", json!(1)));
        assert_eq!(parameter("{a,b}", false), None);
    }
}
