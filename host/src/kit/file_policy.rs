//! What a kit.yaml says of how the kit is kept.

use std::time::Duration;

use serde_json::{Map, Value};

use super::file::{
    HEALTH_FIELDS, HEALTH_RULE_FIELDS, IGNORE_FIELDS, OBJECT_FIELDS, PRUNE_FIELDS, RULE_FIELDS,
    Reader,
};
use super::pattern::is_dns_subdomain;
use super::policy::{HEALTH_VARIABLES, HealthRule, IGNORE_VARIABLES};
use super::rules::rule_fault;
use super::{Enforcement, IgnoreRule, KitPolicy, PrunePolicy, RuleEnforcement, durations};
use crate::expression::Expression;
use crate::manifest::{GroupKind, ObjectKey, Origin, Scopes};

/// Health rules of one kit.
const HEALTH_RULES: usize = 50;

impl Reader<'_> {
    pub(super) fn objects(&mut self, value: Option<&Value>) -> Vec<(ObjectKey, Origin)> {
        let mut found = Vec::new();
        for index in 0..self.count("/spec/dependsOnObjects", value) {
            let pointer = format!("/spec/dependsOnObjects/{index}");
            let object = self.mapping(&pointer, &OBJECT_FIELDS);
            let kind = self.text(&pointer, &object, "kind");
            let name = self.text(&pointer, &object, "name");
            let namespace = self.text(&pointer, &object, "namespace");
            let (Some(kind), Some(name)) = (kind, name) else {
                self.wrong(
                    &pointer,
                    "an object has a kind (Deployment.apps) and a name".into(),
                );
                continue;
            };
            let key = ObjectKey {
                group_kind: group_kind(&kind),
                namespace: namespace.map(Into::into),
                name: name.into(),
            };
            found.push((key, self.origin(&pointer)));
        }
        found
    }

    pub(super) fn service_account(
        &mut self,
        spec: &Map<String, Value>,
    ) -> Option<(String, Origin)> {
        let name = self.text("/spec", spec, "serviceAccount")?;
        let pointer = "/spec/serviceAccount";
        if !is_dns_subdomain(&name) {
            let message = format!("{name:?} is no name for a ServiceAccount (RFC 1123)");
            self.wrong(pointer, message);
        }
        Some((name, self.origin(pointer)))
    }

    pub(super) fn policy(&mut self, spec: &Map<String, Value>) -> KitPolicy {
        let prune = self.mapping("/spec/prune", &PRUNE_FIELDS);
        KitPolicy {
            prune: PrunePolicy {
                propagation: self.word("/spec/prune", &prune, "propagation"),
                delete_volume_claims: self.flag("/spec/prune", &prune, "deleteVolumeClaims"),
                delete_namespaces: self.flag("/spec/prune", &prune, "deleteNamespaces"),
            },
            drift: self.word("/spec", spec, "drift"),
            ignore: self.ignore(spec.get("ignore")),
            adopt: self.word("/spec", spec, "adopt"),
            health_deadline: self.health_deadline(),
            health_rules: self.health_rules(),
            on_failure: self.word("/spec", spec, "onFailure"),
        }
    }

    fn health_deadline(&mut self) -> Duration {
        let health = self.mapping("/spec/health", &HEALTH_FIELDS);
        let usual = KitPolicy::default().health_deadline;
        let Some(text) = self.text("/spec/health", &health, "deadline") else {
            return usual;
        };
        durations::parse(&text).unwrap_or_else(|| {
            let message = format!("{text:?} is no duration; write 30s, 5m or 1h30m");
            self.wrong("/spec/health/deadline", message);
            usual
        })
    }

    pub(super) fn rules(&mut self, value: Option<&Value>) -> Vec<RuleEnforcement> {
        let mut rules = Vec::new();
        for index in 0..self.count("/spec/rules", value) {
            let pointer = format!("/spec/rules/{index}");
            let fields = self.mapping(&pointer, &RULE_FIELDS);
            let rule = self.text(&pointer, &fields, "rule").unwrap_or_default();
            if let Some(fault) = rule_fault(&rule) {
                self.wrong(&format!("{pointer}/rule"), fault);
            }
            let enforce = match fields.get("enforce").and_then(Value::as_str) {
                Some("error") => Enforcement::Error,
                Some("warning") => Enforcement::Warning,
                _ => {
                    let message = "a kit makes a rule an `error` or a `warning`; it can only be stricter than the platform team";
                    self.wrong(&format!("{pointer}/enforce"), message.into());
                    continue;
                }
            };
            rules.push(RuleEnforcement { rule, enforce });
        }
        rules
    }

    fn health_rules(&mut self) -> Vec<HealthRule> {
        let health = self.mapping("/spec/health", &HEALTH_FIELDS);
        let at = "/spec/health/rules";
        let count = self.count(at, health.get("rules"));
        if count > HEALTH_RULES {
            let message = format!("{count} rules; a kit may have {HEALTH_RULES}");
            self.wrong(at, message);
            return Vec::new();
        }
        let rules = (0..count).filter_map(|index| self.health_rule(&format!("{at}/{index}")));
        rules.collect()
    }

    fn health_rule(&mut self, pointer: &str) -> Option<HealthRule> {
        let rule = self.mapping(pointer, &HEALTH_RULE_FIELDS);
        let kind = self.text(pointer, &rule, "kind");
        let mut expression = |name| self.expression(pointer, &rule, name, &HEALTH_VARIABLES);
        let (current, failed) = (expression("current"), expression("failed"));
        let message = expression("message");
        let (Some(kind), true) = (kind, rule.contains_key("current")) else {
            let message = "a health rule has a kind (Certificate.cert-manager.io) and `current`, a CEL expression";
            self.wrong(pointer, message.into());
            return None;
        };
        let kind = group_kind(&kind);
        if Scopes::default().of(&kind).is_some() {
            let message = format!("the health of {kind} is known; rules are for custom resources");
            self.wrong(&format!("{pointer}/kind"), message);
        }
        Some(HealthRule {
            kind,
            current: current?,
            failed,
            message,
            origin: self.origin(pointer),
        })
    }

    fn expression(
        &mut self,
        pointer: &str,
        map: &Map<String, Value>,
        name: &str,
        variables: &[&str],
    ) -> Option<Expression> {
        let text = self.text(pointer, map, name)?;
        match Expression::parse(&text, variables) {
            Ok(expression) => Some(expression),
            Err(message) => {
                self.wrong(&format!("{pointer}/{name}"), message);
                None
            }
        }
    }

    fn ignore(&mut self, value: Option<&Value>) -> Vec<IgnoreRule> {
        let count = self.count("/spec/ignore", value);
        let mut rules = Vec::new();
        for index in 0..count {
            let pointer = format!("/spec/ignore/{index}");
            let rule = self.mapping(&pointer, &IGNORE_FIELDS);
            let at = format!("{pointer}/fields");
            let fields = self.texts(&at, rule.get("fields"));
            let when = self.expression(&pointer, &rule, "when", &IGNORE_VARIABLES);
            if fields.is_empty() && !rule.contains_key("when") {
                self.wrong(
                    &pointer,
                    "it ignores no field; `fields` takes RFC 6901 pointers, `when` a CEL expression"
                        .into(),
                );
            }
            for (index, (field, _)) in fields.iter().enumerate() {
                if !field.starts_with('/') {
                    let message = format!("{field:?} is no RFC 6901 pointer; it begins with /");
                    self.wrong(&format!("{at}/{index}"), message);
                }
            }
            let kind = self.text(&pointer, &rule, "kind");
            let name = self.text(&pointer, &rule, "name");
            rules.push(IgnoreRule {
                kind,
                name,
                fields: fields.into_iter().map(|(field, _)| field).collect(),
                when,
                origin: self.origin(&pointer),
            });
        }
        rules
    }
}

/// `Deployment.apps`, `Service`.
fn group_kind(text: &str) -> GroupKind {
    let (kind, group) = text.split_once('.').unwrap_or((text, ""));
    GroupKind {
        group: group.into(),
        kind: kind.into(),
    }
}
