//! Objects as Rego sees them: the review of one, and the inventory of all.

use std::collections::BTreeMap;

use regorus::Value as Rego;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use trimtab_plugin::Object;

use crate::Settings;
use crate::matching::is_namespace;
use crate::placing::Placed;

/// What the API server gives every Namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Namespaces whose labels are known, by name.
pub struct Namespaces(BTreeMap<String, Value>);

impl Namespaces {
    /// Those of the kit itself come before those of the settings.
    pub fn read(objects: &[Object], settings: &Settings) -> Self {
        let declared = settings.namespaces.iter().map(|(name, labels)| {
            let metadata = json!({"name": name, "labels": labels});
            (
                name.clone(),
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}),
            )
        });
        let own = objects
            .iter()
            .filter(|it| is_namespace(it))
            .map(|it| (it.name().to_owned(), it.value.clone()));
        let mut all: BTreeMap<String, Value> = declared.chain(own).collect();
        for (name, namespace) in &mut all {
            if let Value::Object(metadata) = &mut namespace["metadata"] {
                let labels = metadata.entry("labels").or_insert_with(|| json!({}));
                if labels.is_null() {
                    *labels = json!({});
                }
                if let Value::Object(labels) = labels {
                    labels.insert(NAME_LABEL.into(), name.as_str().into());
                }
            }
        }
        Self(all)
    }

    /// The Namespace that an object is in, if it is known.
    pub fn of(&self, object: &Object) -> Option<&Value> {
        self.0.get(object.namespace())
    }
}

/// `input.review`: the AdmissionRequest that creates the object, by nobody in particular.
pub fn review(object: &Object, namespace: Option<&Value>) -> Rego {
    let version = object.api_version();
    let version = version.rsplit('/').next().unwrap_or_default();
    let kind = json!({"group": object.group(), "version": version, "kind": object.kind()});
    let resource = json!({"group": "", "version": "", "resource": ""});
    let mut review = vec![
        ("uid", "".into()),
        ("kind", rego(&kind)),
        ("resource", rego(&resource)),
        ("operation", "CREATE".into()),
        ("userInfo", Rego::new_object()),
        ("object", rego(&object.value)),
        ("oldObject", Rego::Null),
        ("options", Rego::Null),
        ("namespaceObject", namespace.map_or(Rego::Null, rego)),
    ];
    for (field, value) in [("name", object.name()), ("namespace", object.namespace())] {
        if !value.is_empty() {
            review.push((field, value.into()));
        }
    }
    fields(review)
}

pub fn fields<'f>(of: impl IntoIterator<Item = (&'f str, Rego)>) -> Rego {
    Rego::from(
        of.into_iter()
            .map(|(name, it)| (name.into(), it))
            .collect::<BTreeMap<Rego, Rego>>(),
    )
}

/// What is JSON is a value of Rego.
pub fn rego(value: &Value) -> Rego {
    match value {
        Value::Null => Rego::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(_) => Rego::deserialize(value).unwrap_or(Rego::Undefined),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(rego).collect::<Vec<Rego>>().into(),
        Value::Object(named) => fields(named.iter().map(|(name, it)| (name.as_str(), rego(it)))),
    }
}

/// `data.inventory`: `cluster/VERSION/KIND/NAME` and `namespace/NAMESPACE/VERSION/KIND/NAME`.
pub fn inventory(objects: &[Placed<'_>]) -> Rego {
    let mut root = Map::new();
    for placed in objects {
        let object = placed.object.as_ref();
        let (version, kind, name) = (object.api_version(), object.kind(), object.name());
        // An empty group is none.
        let version = version.strip_prefix('/').unwrap_or(version);
        let path = match object.namespace() {
            "" => vec!["cluster", version, kind, name],
            namespace => vec!["namespace", namespace, version, kind, name],
        };
        put(&mut root, &path, &object.value);
    }
    rego(&Value::Object(root))
}

fn put(fields: &mut Map<String, Value>, path: &[&str], value: &Value) {
    match path {
        [] => {}
        [last] => {
            fields.insert((*last).to_owned(), value.clone());
        }
        [first, rest @ ..] => {
            let inner = fields.entry(*first).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
