//! Objects that the settings of a rule name.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{LabelSelector, Object, Pattern};

/// Objects for which all that is given holds.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Selection {
    /// Kinds, as `Deployment` or `Deployment.apps`; empty: all.
    pub kinds: Vec<String>,
    /// Patterns of names; empty: all.
    pub names: Vec<Pattern>,
    /// Patterns of namespaces; empty: all.
    pub namespaces: Vec<Pattern>,
    /// The object's own labels, as in a selector of Kubernetes.
    pub labels: LabelSelector,
    /// The same for its annotations.
    pub annotations: LabelSelector,
}

impl Selection {
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
            && self.names.is_empty()
            && self.namespaces.is_empty()
            && self.labels.is_empty()
            && self.annotations.is_empty()
    }

    pub fn covers(&self, object: &Object) -> bool {
        let named =
            |patterns: &[Pattern], name: &str| patterns.is_empty() || Pattern::any(patterns, name);
        (self.kinds.is_empty() || self.kinds.iter().any(|kind| object.is_kind(kind)))
            && named(&self.names, object.name())
            && named(&self.namespaces, object.namespace())
            && self.labels.matches(object.at("/metadata/labels"))
            && self.annotations.matches(object.at("/metadata/annotations"))
    }
}
