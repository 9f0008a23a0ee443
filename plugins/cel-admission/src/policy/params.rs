//! Params of a binding, found in the repository.

use trimtab_plugin::Object;

use super::kinds::is_built_in;
use super::run::World;
use super::{Admission, Binding, Policy, as_admitted};
use crate::value::{Key, Value};

/// With what a policy is evaluated.
pub enum Params {
    /// Once for each: its name, and what `params` is.
    Each(Vec<(String, Value)>),
    /// There are none here, which the API server might let pass.
    Missing(String),
    /// The API server would refuse, in these words.
    Refused(String),
}

impl World<'_> {
    /// For a request in a namespace.
    pub(super) fn params(&self, policy: &Policy, binding: &Binding, namespace: &str) -> Params {
        let (repository, kinds) = (&self.repository, &self.kinds);
        let (Some(kind), Some(wanted)) = (&policy.param_kind, &binding.param) else {
            return Params::Each(vec![(String::new(), Value::Null)]);
        };
        let of_kind = || repository.params(&kind.api_version, &kind.kind);
        let (group, _) = kind.api_version.rsplit_once('/').unwrap_or(("", ""));
        // Of a kind that is not known, those that are there tell.
        let namespaced = kinds.named(group, &kind.kind).map(|it| it.namespaced);
        let namespaced =
            namespaced.or_else(|| of_kind().next().map(|it| !it.namespace().is_empty()));
        let within = wanted.namespace.as_deref().unwrap_or(namespace);
        if namespaced == Some(true) && within.is_empty() {
            return Params::Refused(
            "failed to configure binding: cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".into(),
        );
        }
        if namespaced == Some(false) && wanted.namespace.is_some() {
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
            named && selected && (namespaced != Some(true) || repository.of_object(it) == within)
        };
        let mut found: Vec<(String, Value)> = Vec::new();
        for object in of_kind().filter(chosen) {
            // The kit's own of the same name is no other: the data's is what the policy is to hear.
            if found.iter().all(|(name, _)| name != object.name()) {
                let value = self.param(object);
                found.push((object.name().to_owned(), value));
            }
        }
        if !found.is_empty() {
            return Params::Each(found);
        }
        // What is not here may be in the cluster, so that nothing but a denial is told as a verdict.
        if wanted.needed && !policy.lenient {
            return Params::Refused(
                "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction".into(),
            );
        }
        let what = wanted.name.as_deref().unwrap_or("of its selector");
        let (version, kind) = (&kind.api_version, &kind.kind);
        Params::Missing(format!(
            "params {version} {kind} {what} are not among the objects and the data; give them by data"
        ))
    }

    fn param(&self, object: &Object) -> Value {
        let place = std::ptr::from_ref(object).addr();
        if let Some(known) = self.params.borrow().get(&place) {
            return known.clone();
        }
        let schema = self.repository.schema(object);
        let mut value = as_admitted(object, schema, "", Admission::Stored);
        if self.admission == Admission::Mutating
            && is_built_in(object)
            && let Value::Map(fields) = &value
        {
            // So mutations get what the API server has a type of its own for.
            let mut fields = (**fields).clone();
            for name in ["kind", "apiVersion"] {
                fields.remove(&Key::String(name.into()));
            }
            value = Value::Map(fields.into());
        }
        self.params.borrow_mut().insert(place, value.clone());
        value
    }
}
