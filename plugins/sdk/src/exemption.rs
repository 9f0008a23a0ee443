//! What a platform team leaves alone.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{LabelSelector, Object, Pattern, Selection};

/// Objects, or containers of theirs, that rules leave alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
pub struct Exemption {
    rules: Vec<String>,
    objects: Selection,
    containers: Vec<Pattern>,
}

impl Exemption {
    fn covers(&self, rule: &str, object: &Object, container: Option<&str>) -> bool {
        (self.rules.is_empty() || self.rules.iter().any(|it| it == rule))
            && self.objects.covers(object)
            && (self.containers.is_empty()
                || container.is_some_and(|name| Pattern::any(&self.containers, name)))
    }

    /// Whether one of them covers a rule's finding about an object, or about one of its containers.
    pub fn any(list: &[Self], rule: &str, object: &Object, container: Option<&str>) -> bool {
        list.iter().any(|it| it.covers(rule, object, container))
    }
}

/// Objects that rules leave alone: those for which all that is given holds.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "Exemption")]
struct Written {
    /// Why, for those who read the settings.
    #[serde(rename = "reason")]
    _reason: String,
    /// The rules that leave them alone; empty: all of the plugin's.
    rules: Vec<String>,
    /// Kinds, as `Deployment` or `Deployment.apps`; empty: all.
    kinds: Vec<String>,
    /// Patterns of names; empty: all.
    names: Vec<Pattern>,
    /// Patterns of namespaces; empty: all.
    namespaces: Vec<Pattern>,
    /// The object's own labels, as in a selector of Kubernetes.
    labels: LabelSelector,
    /// The same for its annotations.
    annotations: LabelSelector,
    /// Patterns of containers' names; empty: the whole object.
    containers: Vec<Pattern>,
}

impl TryFrom<Written> for Exemption {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let objects = Selection {
            kinds: written.kinds,
            names: written.names,
            namespaces: written.namespaces,
            labels: written.labels,
            annotations: written.annotations,
        };
        if objects.is_empty() && written.containers.is_empty() {
            return Err(
                "an exemption names kinds, names, namespaces, labels, annotations or containers; this one would exempt everything",
            );
        }
        Ok(Self {
            rules: written.rules,
            objects,
            containers: written.containers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn covers(exemption: serde_json::Value, container: Option<&str>) -> bool {
        let object = Object::new(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web-canary", "namespace": "shop", "labels": {"tier": "front"}},
        }));
        let list = [serde_json::from_value(exemption).expect("it is an exemption")];
        Exemption::any(&list, "tag", &object, container)
    }

    #[test]
    fn all_that_is_given_must_hold() {
        assert!(covers(
            json!({"names": ["*-canary"], "namespaces": ["shop"]}),
            None
        ));
        assert!(!covers(
            json!({"names": ["*-canary"], "namespaces": ["prod-*"]}),
            None
        ));
        assert!(covers(
            json!({"labels": {"matchLabels": {"tier": "front"}}, "rules": ["tag"]}),
            None
        ));
        assert!(!covers(
            json!({"kinds": ["Deployment"], "rules": ["digest"]}),
            None
        ));
    }

    #[test]
    fn an_exemption_of_containers_covers_no_whole_object() {
        assert!(covers(
            json!({"containers": ["istio-*"]}),
            Some("istio-proxy")
        ));
        assert!(!covers(json!({"containers": ["istio-*"]}), Some("web")));
        assert!(!covers(json!({"containers": ["istio-*"]}), None));
    }

    #[test]
    fn an_exemption_of_everything_is_refused() {
        for wrong in [
            json!({}),
            json!({"rules": ["tag"]}),
            json!({"reason": "x", "labels": {}}),
            json!({"name": "x"}),
        ] {
            assert!(
                serde_json::from_value::<Exemption>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_schema_has_every_field_with_what_it_is() {
        let schema = schemars::schema_for!(Exemption).to_value();
        for field in [
            "reason",
            "rules",
            "kinds",
            "names",
            "namespaces",
            "labels",
            "annotations",
            "containers",
        ] {
            assert!(
                schema["properties"][field]["description"].is_string(),
                "{field}: {schema}"
            );
        }
        assert_eq!(schema["additionalProperties"], false);
    }
}
