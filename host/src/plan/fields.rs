//! Which fields of a manifest its kit still owns in the cluster, by `metadata.managedFields`
//! (KEP-555, FieldsV1). The API server takes a field from a manager when somebody else changes or
//! removes it, and it compares values as its types do: `500m` is `0.5`, and what it fills in by
//! default is nobody's. So whatever is missing from the kit's own set has been changed, and
//! nothing else has.

use serde_json::{Map, Value};

use crate::manifest::{GroupVersionKind, Scopes, pointer_name, pointer_token};

/// Of the metadata, what is not the API server's.
const METADATA: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

/// RFC 6901 pointers of the manifest's fields that are not in the set; list items by their index
/// in the manifest. `fields` is FieldsV1 as JSON text; nothing that is none has any field.
pub fn missing(manifest: &Value, fields: &str) -> Vec<String> {
    let set: Value = serde_json::from_str(fields).unwrap_or_default();
    let mut found = Missing {
        built_in: is_built_in(manifest),
        fields: Vec::new(),
    };
    for (name, value) in manifest.as_object().into_iter().flatten() {
        let below = || field(&set, name);
        match name.as_str() {
            // `status` is not taken from an apply, wherever it is a subresource.
            "apiVersion" | "kind" | "status" => {}
            "metadata" => {
                for name in METADATA {
                    if let Some(value) = value.get(name) {
                        let set = below().and_then(|set| field(set, name));
                        found.walk(value, set, format!("/metadata/{name}"));
                    }
                }
            }
            _ => found.walk(value, below(), pointer("", name)),
        }
    }
    found.fields
}

fn is_built_in(manifest: &Value) -> bool {
    let text = |name: &str| manifest[name].as_str().unwrap_or_default();
    let gvk = GroupVersionKind::new(text("apiVersion"), text("kind"));
    Scopes::default().of(&gvk.group_kind()).is_some()
}

fn field<'s>(set: &'s Value, name: &str) -> Option<&'s Value> {
    set.get(format!("f:{name}"))
}

fn pointer(above: &str, step: &str) -> String {
    format!("{above}/{}", pointer_token(step))
}

struct Missing {
    /// Of a custom resource a map that is owned with nothing in it may be one of which others took
    /// all that was in it: where its schema says little, the map itself is owned, too.
    built_in: bool,
    fields: Vec<String>,
}

impl Missing {
    fn walk(&mut self, value: &Value, set: Option<&Value>, at: String) {
        let Some(set) = set.and_then(Value::as_object) else {
            // Null says that a field is not set.
            if !value.is_null() {
                self.fields.push(at);
            }
            return;
        };
        // Owned as a whole: a scalar, an atomic list or map, or one with nothing in it.
        if set.is_empty() && (self.built_in || !value.is_object()) {
            return;
        }
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    self.walk(value, set.get(&format!("f:{name}")), pointer(&at, name));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    match items_set(item, set) {
                        Some(candidates) => self.fewest(item, &candidates, &at),
                        None => self.fields.push(at),
                    }
                }
            }
            _ => {}
        }
    }

    /// What is missing by the candidate that has the most.
    fn fewest(&mut self, item: &Value, candidates: &[&Value], at: &str) {
        let missing = |set: &&Value| {
            let mut found = Self {
                built_in: self.built_in,
                fields: Vec::new(),
            };
            found.walk(item, Some(set), at.to_owned());
            found.fields
        };
        let fewest = candidates.iter().map(missing).min_by_key(Vec::len);
        self.fields.extend(fewest.unwrap_or_default());
    }
}

/// The sets that an item of a list may be meant by: of a list of scalars by its value, of a list
/// of objects by the fields that are its key, of which the manifest may leave out those that have
/// a default.
fn items_set<'s>(item: &Value, set: &'s Map<String, Value>) -> Option<Vec<&'s Value>> {
    let found: Vec<&Value> = set
        .iter()
        .filter(|(name, _)| names_item(name, item))
        .map(|(_, below)| below)
        .collect();
    (!found.is_empty()).then_some(found)
}

/// Whether a name in a set may mean this item of a list.
pub fn names_item(name: &str, item: &Value) -> bool {
    match name.split_at_checked(2) {
        Some(("v:", value)) => {
            serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item)
        }
        Some(("k:", key)) => serde_json::from_str::<Map<String, Value>>(key).is_ok_and(|key| {
            key.iter()
                .all(|(name, value)| item.get(name).is_none_or(|own| own == value))
        }),
        _ => false,
    }
}

/// Whether a pattern, in which `*` is any one step, means a field or what it is in.
pub fn matches(pattern: &str, field: &str) -> bool {
    let mut steps = field.split('/');
    pattern.split('/').all(|wanted| {
        steps
            .next()
            .is_some_and(|step| wanted == "*" || wanted == step)
    })
}

/// Takes a field out of an object; items of lists are left in their places.
pub fn take_out(object: &mut Value, field: &str) {
    let Some((above, last)) = field.rsplit_once('/') else {
        return;
    };
    let name = pointer_name(last);
    if let Some(Value::Object(map)) = object.pointer_mut(above) {
        map.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn missing_of(manifest: &Value, set: &Value) -> Vec<String> {
        missing(manifest, &set.to_string())
    }

    fn service() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "labels": {"app": "web", "a/b": "c"}, "creationTimestamp": null},
            "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}], "selector": {"app": "web"}},
            "status": {"loadBalancer": {}},
        })
    }

    fn owned() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:app": {}, "f:a/b": {}}},
            "f:spec": {
                "f:ports": {
                    "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
                    "k:{\"port\":53,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {}},
                },
                "f:selector": {},
            },
        })
    }

    #[test]
    fn what_the_server_fills_in_and_calls_otherwise_is_no_drift() {
        assert_eq!(missing_of(&service(), &owned()), [""; 0]);
    }

    #[test]
    fn a_field_that_somebody_else_owns_is_told_where_the_manifest_has_it() {
        let mut set = owned();
        set["f:spec"]["f:ports"]["k:{\"port\":80,\"protocol\":\"TCP\"}"] = json!({".": {}});
        // An item of which only the item itself is owned.
        assert_eq!(missing_of(&service(), &set), ["/spec/ports/0/port"]);
        let ports = set["f:spec"]["f:ports"].as_object_mut().expect("a list");
        ports.remove("k:{\"port\":80,\"protocol\":\"TCP\"}");
        let labels = set["f:metadata"]["f:labels"]
            .as_object_mut()
            .expect("a map");
        labels.remove("f:a/b");
        assert_eq!(
            missing_of(&service(), &set),
            ["/metadata/labels/a~1b", "/spec/ports/0"]
        );
    }

    #[test]
    fn lists_of_scalars_are_compared_by_value_and_atomic_ones_as_a_whole() {
        let manifest = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": ["a", "b"]}, "args": ["x", "y"]});
        let set = json!({
            "f:metadata": {"f:finalizers": {".": {}, "v:\"a\"": {}}},
            "f:args": {},
        });
        assert_eq!(missing_of(&manifest, &set), ["/metadata/finalizers/1"]);
    }

    #[test]
    fn a_map_of_a_custom_resource_that_is_owned_empty_has_lost_what_was_in_it() {
        let custom =
            json!({"apiVersion": "example.org/v1", "kind": "Thing", "spec": {"a": 1}, "list": [1]});
        let set = json!({"f:spec": {}, "f:list": {}});
        assert_eq!(missing_of(&custom, &set), ["/spec/a"]);
        assert_eq!(
            missing_of(
                &custom,
                &json!({"f:spec": {".": {}, "f:a": {}}, "f:list": {}})
            ),
            [""; 0]
        );
    }

    #[test]
    fn nothing_owned_is_all_missing() {
        assert_eq!(missing(&service(), ""), ["/metadata/labels", "/spec"]);
    }

    #[test]
    fn patterns_mean_a_field_and_all_below_it() {
        assert!(matches("/spec/replicas", "/spec/replicas"));
        assert!(matches("/spec", "/spec/replicas"));
        assert!(matches(
            "/spec/containers/*/image",
            "/spec/containers/0/image"
        ));
        assert!(!matches("/spec/replicas", "/spec"));
        assert!(!matches("/spec/rep", "/spec/replicas"));
    }

    #[test]
    fn a_field_is_taken_out_by_its_pointer() {
        let mut object = service();
        take_out(&mut object, "/metadata/labels/a~1b");
        take_out(&mut object, "/spec/ports/0/port");
        take_out(&mut object, "/spec/nothing/here");
        assert_eq!(object["metadata"]["labels"], json!({"app": "web"}));
        assert_eq!(object["spec"]["ports"][0], json!({}));
    }
}
