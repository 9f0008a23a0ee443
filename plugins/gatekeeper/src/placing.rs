//! Which namespace an object will be in. The host fills in what is missing for kinds that it
//! knows; of others it learns only from the cluster, after the rules were asked.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use trimtab_plugin::{Object, Scope, scope};

/// An object as it will be.
pub struct Placed<'o> {
    pub object: Cow<'o, Object>,
    /// Whether nobody knows if its kind is in a namespace, and it names none.
    pub guessed: bool,
}

/// By group and kind.
type Defined<'d> = BTreeMap<(&'d str, &'d str), Scope>;

/// `documents` are all that CustomResourceDefinitions may be among, `namespace` is the kit's.
pub fn place<'o>(
    documents: impl Iterator<Item = &'o Object>,
    objects: &'o [Object],
    namespace: &str,
) -> Vec<Placed<'o>> {
    let defined: Defined<'_> = documents.filter_map(definition).collect();
    let placed = objects.iter().map(|object| {
        if !object.namespace().is_empty() {
            return Placed {
                object: Cow::Borrowed(object),
                guessed: false,
            };
        }
        let (group, kind) = (object.group(), object.kind());
        let known = defined.get(&(group, kind)).copied();
        let known = known.or_else(|| scope(group, kind));
        let filled = (known != Some(Scope::Cluster))
            .then(|| filled(object, namespace))
            .flatten();
        Placed {
            object: filled.map_or(Cow::Borrowed(object), Cow::Owned),
            guessed: known.is_none(),
        }
    });
    placed.collect()
}

fn definition(object: &Object) -> Option<((&str, &str), Scope)> {
    if !object.is_kind("CustomResourceDefinition.apiextensions.k8s.io") {
        return None;
    }
    let group = object.at("/spec/group").as_str()?;
    let kind = object.at("/spec/names/kind").as_str()?;
    let scope = match object.at("/spec/scope") == "Cluster" {
        true => Scope::Cluster,
        false => Scope::Namespaced,
    };
    Some(((group, kind), scope))
}

/// None if there is nothing to fill in, or nowhere to.
fn filled(object: &Object, namespace: &str) -> Option<Object> {
    if namespace.is_empty() || !object.at("/metadata").is_object() {
        return None;
    }
    let mut filled = object.clone();
    let metadata = filled.value.get_mut("metadata")?.as_object_mut()?;
    metadata.insert("namespace".into(), Value::from(namespace));
    Some(filled)
}
