//! What a platform team says of what is not in its repository.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{Exemption, LabelSelector, Levels, Operator, Pattern};

use crate::References;

/// What exists besides the kits' objects, and how much each rule weighs.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Objects that something else makes: operators, other clusters' tools, people.
    pub external: Vec<External>,
    /// Pods that something else makes, which selectors may select.
    pub external_pods: Vec<ExternalPods>,
    /// `error`, `warning`, `info` or `ignore` by a rule's id.
    pub levels: Levels<References>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

/// Objects that exist without a kit: those for which all that is given holds.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
pub struct External(Written);

#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "External")]
struct Written {
    /// Who makes them, for those who read the settings.
    #[serde(rename = "reason")]
    _reason: String,
    /// Kinds, as `Secret` or `Gateway.networking.istio.io`; empty: all.
    kinds: Vec<String>,
    /// Patterns of names; empty: all.
    names: Vec<Pattern>,
    /// Patterns of namespaces; empty: all.
    namespaces: Vec<Pattern>,
}

impl TryFrom<Written> for External {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written.names.is_empty() && written.namespaces.is_empty() && written.kinds.is_empty()
        {
            true => Err("an entry names kinds, names or namespaces; this one would be everything"),
            false => Ok(Self(written)),
        }
    }
}

impl External {
    pub fn covers(&self, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        let Written {
            kinds,
            names,
            namespaces,
            ..
        } = &self.0;
        let of_kind = |it: &String| match it.split_once('.') {
            Some((named, of)) => named == kind && of == group,
            None => it == kind,
        };
        (kinds.is_empty() || kinds.iter().any(of_kind))
            && (names.is_empty() || Pattern::any(names, name))
            && (namespaces.is_empty() || Pattern::any(namespaces, namespace))
    }
}

/// Pods that exist without a kit.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalPods {
    /// Who makes them, for those who read the settings.
    #[serde(rename = "reason", default)]
    _reason: String,
    /// Patterns of namespaces; empty: all.
    #[serde(default)]
    namespaces: Vec<Pattern>,
    /// Labels with patterns of their values.
    labels: BTreeMap<String, Pattern>,
}

impl ExternalPods {
    /// Whether a selector could select them.
    pub fn fit(&self, namespace: &str, selector: &LabelSelector) -> bool {
        let has = |key: &str, value: &str| {
            let pattern = self.labels.get(key);
            pattern.is_some_and(|pattern| pattern.matches(value))
        };
        let mut equal = selector.match_labels.iter().flatten();
        let mut conditions = selector.match_expressions.iter().flatten();
        (self.namespaces.is_empty() || Pattern::any(&self.namespaces, namespace))
            && equal.all(|(key, value)| has(key, value))
            && conditions.all(|it| match it.operator {
                Operator::In => {
                    let mut values = it.values.iter().flatten();
                    values.any(|value| has(&it.key, value))
                }
                Operator::Exists => self.labels.contains_key(&it.key),
                Operator::NotIn | Operator::DoesNotExist => true,
            })
    }
}
