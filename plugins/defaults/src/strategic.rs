//! Strategic merge patches, as Kubernetes defines them, and the same that only fill in.

use serde_json::{Map, Value};
use trimtab_plugin::Pattern;

use crate::merge_keys::{has_keys, is_set, merge_key};
use crate::patch::Mode;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// # Errors
/// What is wrong with its directives.
pub fn check(patch: &Value) -> Result<(), String> {
    match patch {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let known = match name.as_str() {
                DIRECTIVE => matches!(value.as_str(), Some("replace" | "delete" | "merge")),
                RETAIN => value.is_array(),
                name if name.starts_with('$') => {
                    (name.starts_with(DELETE_FROM) || name.starts_with(ORDER)) && value.is_array()
                }
                _ => return check(value),
            };
            match known {
                true => Ok(()),
                false => Err(format!(
                    "{name}: {value} is no directive; there are $patch: replace, delete or merge, $retainKeys: [...] and $deleteFromPrimitiveList/FIELD: [...]"
                )),
            }
        }),
        Value::Array(items) => items.iter().try_for_each(check),
        _ => Ok(()),
    }
}

/// Merges a patch into an object.
pub fn merge(value: &mut Value, patch: &Value, mode: Mode) {
    let version = value["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let merger = Merger {
        mode,
        keyed: has_keys(group),
    };
    if let (Some(fields), Some(patch)) = (value.as_object_mut(), patch.as_object()) {
        merger.object(fields, patch, &mut Vec::new());
    }
}

struct Merger {
    mode: Mode,
    keyed: bool,
}

impl Merger {
    fn fills(&self) -> bool {
        self.mode == Mode::OnlyIfMissing
    }

    fn object<'p>(
        &self,
        fields: &mut Map<String, Value>,
        patch: &'p Map<String, Value>,
        path: &mut Vec<&'p str>,
    ) {
        match directive(patch) {
            Some("replace") => {
                fields.clear();
                fields.extend(plain(patch));
                return;
            }
            Some("delete") => {
                fields.clear();
                return;
            }
            _ => {}
        }
        if let Some(kept) = patch.get(RETAIN).and_then(Value::as_array) {
            fields.retain(|name, _| kept.iter().any(|it| it == name));
        }
        for (name, patch) in patch {
            if let Some(list) = name.strip_prefix(DELETE_FROM) {
                if let (Some(items), Some(gone)) = (
                    fields.get_mut(list).and_then(Value::as_array_mut),
                    patch.as_array(),
                ) {
                    items.retain(|item| !gone.contains(item));
                }
                continue;
            }
            if name.starts_with('$') {
                continue;
            }
            path.push(name);
            self.field(fields, name, patch, path);
            path.pop();
        }
    }

    fn field<'p>(
        &self,
        fields: &mut Map<String, Value>,
        name: &str,
        patch: &'p Value,
        path: &mut Vec<&'p str>,
    ) {
        if patch.is_null() {
            fields.remove(name);
            return;
        }
        // A null in a manifest is a field that is left out.
        let missing = fields.get(name).is_none_or(Value::is_null);
        if missing {
            let deletes = patch.as_object().and_then(directive) == Some("delete");
            let made = self.made(patch, path);
            match deletes {
                true => drop(fields.remove(name)),
                false => drop(fields.insert(name.to_owned(), made)),
            }
            return;
        }
        match (fields.get_mut(name), patch) {
            (Some(Value::Object(_)), Value::Object(patch))
                if directive(patch) == Some("delete") =>
            {
                fields.remove(name);
            }
            (Some(Value::Object(fields)), Value::Object(patch)) => self.object(fields, patch, path),
            (Some(Value::Array(items)), Value::Array(patch)) => self.list(items, patch, path),
            (Some(value), patch) if !self.fills() => *value = self.made(patch, path),
            _ => {}
        }
    }

    /// What a patch makes where there is nothing.
    fn made<'p>(&self, patch: &'p Value, path: &mut Vec<&'p str>) -> Value {
        match patch {
            Value::Object(patch) => {
                let mut fields = Map::new();
                self.object(&mut fields, patch, path);
                Value::Object(fields)
            }
            Value::Array(patch) => {
                let mut items = Vec::new();
                self.list(&mut items, patch, path);
                // Patterns of items leave nothing where there are none.
                Value::Array(items)
            }
            other => other.clone(),
        }
    }

    fn list<'p>(&self, items: &mut Vec<Value>, patch: &'p [Value], path: &mut Vec<&'p str>) {
        let Some(key) = merge_key(path).filter(|_| self.keyed) else {
            return self.unkeyed(items, patch, path);
        };
        let replaces = |it: &&Value| is_directive(it, "replace") && it.get(key).is_none();
        if patch.iter().any(|it| replaces(&it)) {
            items.clear();
        }
        for patch in patch.iter().filter_map(Value::as_object) {
            let Some(wanted) = patch.get(key) else {
                continue;
            };
            let pattern = wanted
                .as_str()
                .filter(|it| it.contains(['*', '?']) && !it.contains('/'));
            let fits = |item: &Value| match pattern {
                Some(pattern) => item[key]
                    .as_str()
                    .is_some_and(|it| Pattern::new(pattern).matches(it)),
                None => item.get(key) == Some(wanted),
            };
            if directive(patch) == Some("delete") {
                items.retain(|item| !fits(item));
                continue;
            }
            let mut found = false;
            for item in items.iter_mut().filter(|item| fits(item)) {
                found = true;
                let own = item.get(key).cloned();
                if let Some(fields) = item.as_object_mut() {
                    self.object(fields, patch, path);
                    fields.extend(own.map(|own| (key.to_owned(), own)));
                }
            }
            if !found && pattern.is_none() {
                let mut fields = Map::new();
                self.object(&mut fields, patch, path);
                items.push(Value::Object(fields));
            }
        }
    }

    fn unkeyed<'p>(&self, items: &mut Vec<Value>, patch: &'p [Value], path: &mut Vec<&'p str>) {
        if is_set(path) {
            let new: Vec<Value> = patch
                .iter()
                .filter(|it| !items.contains(it))
                .cloned()
                .collect();
            items.extend(new);
        } else if !self.fills() || items.is_empty() {
            *items = patch
                .iter()
                .filter(|it| it.as_object().and_then(directive).is_none())
                .cloned()
                .collect();
        }
    }
}

fn directive(patch: &Map<String, Value>) -> Option<&str> {
    patch.get(DIRECTIVE).and_then(Value::as_str)
}

fn is_directive(patch: &Value, name: &str) -> bool {
    patch.as_object().and_then(directive) == Some(name)
}

/// Without directives.
fn plain(patch: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let fields = patch.iter().filter(|(name, _)| !name.starts_with('$'));
    fields.map(|(name, value)| (name.clone(), value.clone()))
}
