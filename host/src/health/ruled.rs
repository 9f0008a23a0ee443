//! Custom resources whose health a kit tells by expressions of its own.

use serde_json::Value;

use crate::expression::Expression;
use crate::kit::HealthRule;

use super::Health;
use super::conditions::conventional;

pub(super) fn ruled(object: &Value, rule: &HealthRule) -> Health {
    let variables = [("object", object)];
    let failed = rule.failed.as_ref().map(|it| it.holds(&variables));
    let current = || rule.current.holds(&variables);
    match (failed.unwrap_or(Ok(false)), current) {
        (Ok(true), _) => Health::Failed(words(object, rule.message.as_ref(), "`failed` holds")),
        (Ok(false), current) => match current() {
            Ok(true) => Health::Current,
            Ok(false) => {
                let words = words(object, rule.message.as_ref(), "`current` does not hold yet");
                Health::Progressing(words)
            }
            Err(fault) => cannot_tell(rule, &fault),
        },
        (Err(fault), _) => cannot_tell(rule, &fault),
    }
}

/// What the rule's own text says; else what the object's conditions say.
fn words(object: &Value, message: Option<&Expression>, otherwise: &str) -> String {
    let own = message.map(|it| it.text(&[("object", object)]));
    match own {
        Some(Ok(Some(text))) if !text.is_empty() => text,
        Some(Err(fault)) => format!("{otherwise}; {fault}"),
        _ => match conventional(object) {
            Health::Current => otherwise.into(),
            said => said.message().to_owned(),
        },
    }
}

/// Nobody can say that it is current, so it is not; the deadline makes that known.
fn cannot_tell(rule: &HealthRule, fault: &str) -> Health {
    Health::Progressing(format!(
        "the rule at {} cannot be heard: {fault}",
        rule.origin
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::health::assess;
    use crate::kit::HEALTH_VARIABLES;
    use crate::manifest::{GroupKind, Origin};

    fn rule(current: &str, failed: Option<&str>, message: Option<&str>) -> HealthRule {
        let parse = |text: &str| Expression::parse(text, &HEALTH_VARIABLES).expect("it parses");
        HealthRule {
            kind: GroupKind {
                group: "example.org".into(),
                kind: "Database".into(),
            },
            current: parse(current),
            failed: failed.map(parse),
            message: message.map(parse),
            origin: Origin::new("kit.yaml", 7),
        }
    }

    #[test]
    fn a_custom_resource_is_as_its_kit_s_rule_says() {
        let phases = rule(
            "object.status.phase == 'Ready'",
            Some("object.status.phase == 'Broken'"),
            Some("'phase ' + object.status.phase"),
        );
        let plain = rule("object.status.phase == 'Ready'", None, None);
        let wrong = rule("object.status.phase > 1", None, None);
        let message_wrong = rule("false", None, Some("object.status"));
        for (status, rule, expected) in [
            (json!({"phase": "Ready"}), &phases, "current"),
            (json!({"phase": "Broken"}), &phases, "failed phase Broken"),
            (
                json!({"phase": "Making"}),
                &phases,
                "progressing phase Making",
            ),
            (
                json!(null),
                &phases,
                "progressing `current` does not hold yet",
            ),
            (
                json!({"conditions": [{"type": "Ready", "status": "False", "message": "soon"}]}),
                &plain,
                "progressing soon",
            ),
            (
                json!({"phase": "Ready", "observedGeneration": 1}),
                &plain,
                "progressing its controller has not seen the newest spec yet",
            ),
            (
                json!({"phase": "x"}),
                &wrong,
                "progressing the rule at kit.yaml:7 cannot be heard",
            ),
            (
                json!({"phase": "x"}),
                &message_wrong,
                "progressing `current` does not hold yet; `object.status` is no text",
            ),
        ] {
            let database = json!({"apiVersion": "example.org/v1", "kind": "Database",
                "metadata": {"name": "a", "generation": 2}, "status": status});
            let health = assess(&database, std::slice::from_ref(rule));
            let said = format!("{health} {}", health.message());
            assert!(said.trim().starts_with(expected), "{said}");
        }
        let other =
            json!({"apiVersion": "example.org/v1", "kind": "Cache", "metadata": {"name": "a"}});
        assert!(assess(&other, &[phases]).is_current());
    }
}
