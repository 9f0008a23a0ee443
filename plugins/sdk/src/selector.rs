//! Label selectors, as Kubernetes has them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// `matchLabels` and `matchExpressions`; all of them must hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelSelector {
    /// Labels with the values that they must have.
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Conditions on labels.
    pub match_expressions: Option<Vec<Expression>>,
}

/// A condition on one label.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expression {
    /// The label's name.
    pub key: String,
    /// How its value is compared.
    pub operator: Operator,
    /// For `In` and `NotIn`.
    pub values: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    /// As it stands in an object; none if there is none, or if it is no selector. Where a selector
    /// is missing, Kubernetes selects nothing; where it is empty, everything.
    pub fn read(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    pub fn is_empty(&self) -> bool {
        self.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.match_expressions.as_ref().is_none_or(Vec::is_empty)
    }

    /// Whether it selects what has these labels.
    pub fn matches(&self, labels: &Value) -> bool {
        let label = |key: &str| labels.get(key).and_then(Value::as_str);
        let mut equal = self.match_labels.iter().flatten();
        let mut conditions = self.match_expressions.iter().flatten();
        equal.all(|(key, value)| label(key) == Some(value))
            && conditions.all(|condition| {
                let value = label(&condition.key);
                let among = || {
                    let mut values = condition.values.iter().flatten();
                    values.any(|it| Some(it.as_str()) == value)
                };
                match condition.operator {
                    Operator::In => among(),
                    Operator::NotIn => !among(),
                    Operator::Exists => value.is_some(),
                    Operator::DoesNotExist => value.is_none(),
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_selector_selects_what_kubernetes_selects() {
        let labels = json!({"app": "web", "tier": "front"});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": null}), true),
            (json!({"matchLabels": {"app": "web"}}), true),
            (
                json!({"matchLabels": {"app": "web", "tier": "back"}}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "team", "operator": "Exists"}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}),
                true,
            ),
        ] {
            let read = LabelSelector::read(&selector).expect("it is a selector");
            assert_eq!(read.matches(&labels), expected, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_none() {
        for wrong in [
            json!(null),
            json!("app=web"),
            json!({"app": "web"}),
            json!({"matchLabels": {"app": 1}}),
        ] {
            assert!(LabelSelector::read(&wrong).is_none(), "{wrong}");
        }
    }
}
