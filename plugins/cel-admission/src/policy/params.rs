//! Params of a binding, found in the repository.

use trimtab_plugin::Object;

use super::kinds::Kinds;
use super::names::Repository;
use super::{Admission, Binding, Policy, as_admitted};
use crate::value::Value;

/// With what a policy is evaluated.
pub enum Params {
    /// Once for each: its name, and what `params` is.
    Each(Vec<(String, Value)>),
    /// There are none, and the binding lets that pass.
    Missing(String),
    /// The API server would refuse, in these words.
    Refused(String),
}

pub fn params(
    policy: &Policy,
    binding: &Binding,
    namespace: &str,
    repository: &Repository<'_>,
    kinds: &Kinds,
) -> Params {
    let (Some(kind), Some(wanted)) = (&policy.param_kind, &binding.param) else {
        return Params::Each(vec![(String::new(), Value::Null)]);
    };
    let of_kind = |it: &&Object| it.api_version() == kind.api_version && it.kind() == kind.kind;
    let (group, _) = kind.api_version.rsplit_once('/').unwrap_or(("", ""));
    let namespaced = kinds.named(group, &kind.kind).map_or_else(
        || {
            repository
                .all()
                .filter(of_kind)
                .any(|it| !it.namespace().is_empty())
        },
        |it| it.namespaced,
    );
    let within = wanted.namespace.as_deref().unwrap_or(namespace);
    if namespaced && within.is_empty() {
        return Params::Refused(
            "failed to configure binding: cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".into(),
        );
    }
    if !namespaced && wanted.namespace.is_some() {
        return Params::Refused(
            "failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`".into(),
        );
    }
    let chosen = |it: &&Object| {
        let named = wanted.name.as_deref().is_none_or(|name| name == it.name());
        let selected = wanted
            .selector
            .as_ref()
            .is_none_or(|selector| selector.matches(it.at("/metadata/labels")));
        named && selected && (!namespaced || repository.of_object(it) == within)
    };
    let mut found: Vec<(String, Value)> = Vec::new();
    for object in repository.all().filter(of_kind).filter(chosen) {
        // The kit's own are newer than those of the data.
        if found.iter().all(|(name, _)| name != object.name()) {
            let mut object = object.clone();
            if kinds.is_built_in(group, &kind.kind)
                && let Some(fields) = object.value.as_object_mut()
            {
                // So the API server hands over what it has a type of its own for.
                fields.retain(|name, _| name != "kind" && name != "apiVersion");
            }
            let value = as_admitted(&object, "", Admission::Stored);
            found.push((object.name().to_owned(), value));
        }
    }
    if !found.is_empty() {
        return Params::Each(found);
    }
    match wanted.needed {
        true => Params::Refused(
            "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction".into(),
        ),
        false => {
            let what = wanted.name.as_deref().unwrap_or("of its selector");
            let (version, kind) = (&kind.api_version, &kind.kind);
            Params::Missing(format!(
                "params {version} {kind} {what} are not among the objects and the data, and parameterNotFoundAction is Allow"
            ))
        }
    }
}
