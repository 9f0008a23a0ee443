//! Which objects a constraint is about: `spec.match`, as Gatekeeper's match package reads it.

use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::{LabelSelector, Object, Operator};

use crate::placing::Placed;

/// A name with `*` in front, behind, or both. Elsewhere it is a `*`.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Wildcard(String);

impl Wildcard {
    fn matches(&self, name: &str) -> bool {
        let text = self.0.as_str();
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(rest), Some(_)) => name.contains(rest.strip_suffix('*').unwrap_or(rest)),
            (Some(end), None) => name.ends_with(end),
            (None, Some(start)) => name.starts_with(start),
            (None, None) => text == name,
        }
    }

    /// The beginning of a name says nothing of its end.
    fn matches_generate_name(&self, name: &str) -> bool {
        self.0.ends_with('*') && self.matches(name)
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Kinds {
    api_groups: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Match {
    source: Option<String>,
    kinds: Option<Vec<Kinds>>,
    scope: Option<String>,
    namespaces: Option<Vec<Wildcard>>,
    excluded_namespaces: Option<Vec<Wildcard>>,
    label_selector: Option<LabelSelector>,
    namespace_selector: Option<LabelSelector>,
    name: Option<Wildcard>,
}

/// What a match hangs on and nobody knows.
pub enum Unknown {
    /// A selector asks for labels of a namespace.
    Namespace,
    /// Whether the kind is in a namespace at all.
    Scope,
}

impl Unknown {
    pub fn told(&self, object: &Object) -> String {
        match self {
            Self::Namespace => format!(
                "its namespaceSelector asks for labels of the namespace {}, which is no object of the kit; add it to settings.namespaces",
                object.namespace()
            ),
            Self::Scope => format!(
                "its scope asks whether {} of {} is in a namespace, which is not known; give its CustomResourceDefinition by data",
                object.kind(),
                object.group()
            ),
        }
    }
}

impl Match {
    pub fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let read = Self::deserialize(value).map_err(|error| error.to_string())?;
        match read.source.as_deref() {
            None | Some("" | "All" | "Original" | "Generated") => {}
            Some(other) => {
                return Err(format!(
                    "source is {other:?}; it is All, Original or Generated"
                ));
            }
        }
        for (field, selector) in [
            ("labelSelector", &read.label_selector),
            ("namespaceSelector", &read.namespace_selector),
        ] {
            selector.as_ref().map_or(Ok(()), valid).map_err(|key| {
                format!("{field}: In and NotIn of {key:?} need values, Exists and DoesNotExist have none")
            })?;
        }
        Ok(read)
    }

    /// `namespace` is the object's Namespace, if it is known.
    pub fn matches(&self, placed: &Placed<'_>, namespace: Option<&Value>) -> Result<bool, Unknown> {
        let object = placed.object.as_ref();
        if placed.guessed && self.scope_is_against(object) {
            // What is asked of namespaces hangs on it as well.
            let fits = self.kind(object)
                && selects(self.label_selector.as_ref(), object.at("/metadata/labels"))
                && self.name(object)
                && self.source.as_deref() != Some("Generated");
            return if fits { Err(Unknown::Scope) } else { Ok(false) };
        }
        let fits = self.kind(object)
            && self.scope(object, namespace.is_some())
            && self.namespaces(object)
            && selects(self.label_selector.as_ref(), object.at("/metadata/labels"));
        // The order is Gatekeeper's: a namespace that is not known matters only to what is left.
        // Nothing is generated in a repository: what expansion would make is not there.
        Ok(fits
            && self.namespace_selector(object, namespace)?
            && self.name(object)
            && self.source.as_deref() != Some("Generated"))
    }

    fn kind(&self, object: &Object) -> bool {
        let has = |list: &Option<Vec<String>>, wanted: &str| {
            let list = list.as_deref().unwrap_or_default();
            list.is_empty() || list.iter().any(|it| it == "*" || it == wanted)
        };
        let kinds = self.kinds.as_deref().unwrap_or_default();
        kinds.is_empty()
            || kinds
                .iter()
                .any(|it| has(&it.kinds, object.kind()) && has(&it.api_groups, object.group()))
    }

    /// Of a kind that nobody knows: the guess would keep it from being matched.
    fn scope_is_against(&self, object: &Object) -> bool {
        match self.scope.as_deref() {
            Some("Cluster") => !object.namespace().is_empty(),
            Some("Namespaced") => object.namespace().is_empty(),
            _ => false,
        }
    }

    fn scope(&self, object: &Object, known: bool) -> bool {
        let namespaced = !is_namespace(object) && (known || !object.namespace().is_empty());
        match self.scope.as_deref() {
            Some("Cluster") => !namespaced,
            Some("Namespaced") => namespaced,
            _ => true,
        }
    }

    fn namespaces(&self, object: &Object) -> bool {
        let namespace = match is_namespace(object) {
            true => object.name(),
            false => object.namespace(),
        };
        if namespace.is_empty() && !is_namespace(object) {
            // What is in no namespace is matched by a list of namespaces.
            return true;
        }
        let one_of = |list: &[Wildcard]| list.iter().any(|it| it.matches(namespace));
        let allowed = self.namespaces.as_deref().unwrap_or_default();
        let excluded = self.excluded_namespaces.as_deref().unwrap_or_default();
        (allowed.is_empty() || one_of(allowed)) && !one_of(excluded)
    }

    fn namespace_selector(
        &self,
        object: &Object,
        namespace: Option<&Value>,
    ) -> Result<bool, Unknown> {
        let Some(selector) = &self.namespace_selector else {
            return Ok(true);
        };
        match namespace {
            _ if is_namespace(object) => Ok(selector.matches(object.at("/metadata/labels"))),
            Some(namespace) => Ok(selector.matches(&namespace["metadata"]["labels"])),
            None if object.namespace().is_empty() => Ok(true),
            None => Err(Unknown::Namespace),
        }
    }

    fn name(&self, object: &Object) -> bool {
        match &self.name {
            Some(name) if !name.0.is_empty() => {
                let generated = object.at("/metadata/generateName").as_str();
                name.matches(object.name())
                    || name.matches_generate_name(generated.unwrap_or_default())
            }
            _ => true,
        }
    }
}

pub fn is_namespace(object: &Object) -> bool {
    object.kind() == "Namespace" && object.group().is_empty()
}

fn selects(selector: Option<&LabelSelector>, labels: &Value) -> bool {
    selector.is_none_or(|it| it.matches(labels))
}

/// The key of a condition that the API server would refuse.
fn valid(selector: &LabelSelector) -> Result<(), &str> {
    for condition in selector.match_expressions.iter().flatten() {
        let values = condition.values.as_ref().is_some_and(|it| !it.is_empty());
        if values != matches!(condition.operator, Operator::In | Operator::NotIn) {
            return Err(&condition.key);
        }
    }
    Ok(())
}
