//! ValidatingAdmissionPolicy objects of the repository, judged on a kit's objects before they are
//! applied.

use cel_admission::policy::{
    Admission, Binding, Found, Policy, Reading, Request, Validation, What, World, conditions,
    field, in_expression, policies,
};
use cel_admission::{Fault, Value, evaluate};
use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{Context, Finished, Object, Report, Rule, Validator};

const KIND: &str = "ValidatingAdmissionPolicy";
/// Bytes of a message that an expression makes.
const MESSAGE: usize = 5 * 1024;

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Weight {
    #[default]
    Error,
    Warning,
    Info,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// How a policy weighs that cannot be evaluated before there is a request, or that the API
    /// server would not take.
    pub unevaluated: Weight,
}

pub struct CelValidate;

impl Rule for CelValidate {
    type Settings = Settings;
    const NAME: &'static str = "cel-validate";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Judges objects by the repository's ValidatingAdmissionPolicies, as the API server would.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "validation",
            "What a ValidatingAdmissionPolicy asks for holds, by the actions of its binding",
        ),
        (
            "unevaluated",
            "Every policy can be evaluated before there is a request",
        ),
        (
            "unbound",
            "Every policy has a binding: without one it does nothing",
        ),
        (
            "updates",
            "A policy is for new objects as well: changes and deletions are not judged here",
        ),
        (
            "ignored",
            "No expression fails where failurePolicy is Ignore",
        ),
        (
            "params",
            "The params of a binding are among the objects and the data",
        ),
        ("annotation", "What a policy would write into the audit log"),
        (
            "resource",
            "How a kind is called in a request is known, and no guess",
        ),
    ];
}

impl Validator for CelValidate {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let Reading { policies, faults } = policies(KIND, objects, &context.data);
        let mut told = Told {
            report,
            objects,
            context,
        };
        for (index, words) in faults {
            told.unevaluated(told.place(index), words);
        }
        for policy in &policies {
            told.of_policy(policy);
        }
        let namespace = &context.namespace;
        let world = World::new(objects, &context.data, namespace, Admission::Validating);
        for (object, plural) in world.guesses(&policies, objects) {
            let (group, kind) = (object.group(), object.kind());
            let message = format!(
                "{kind} of {group} is taken to be the resource {plural}; give its CustomResourceDefinition by data"
            );
            told.report.warning("resource", message, object, "");
        }
        let mut missing = Vec::new();
        for object in objects {
            for found in world.found(&policies, object) {
                told.of_object(object, found, &mut missing);
            }
        }
    }
}

trimtab_plugin::export_validator!(CelValidate);

struct Told<'r> {
    report: &'r mut Report,
    objects: &'r [Object],
    context: &'r Context<Settings>,
}

impl<'r> Told<'r> {
    /// One of the kit's objects, or none of them.
    fn place(&self, index: Option<usize>) -> Object {
        match index.and_then(|index| self.objects.get(index)) {
            Some(object) => object.clone(),
            None => Object::new(serde_json::Value::Null),
        }
    }

    fn unevaluated(&mut self, object: Object, words: String) -> Finished<'_> {
        match self.context.settings.unevaluated {
            Weight::Error => self.report.error("unevaluated", words, &object, ""),
            Weight::Warning => self.report.warning("unevaluated", words, &object, ""),
            Weight::Info => self.report.info("unevaluated", words, &object, ""),
        }
    }

    fn of_policy(&mut self, policy: &Policy) {
        let (name, origin) = (&policy.name, &policy.origin);
        let place = self.place(policy.index);
        if policy.bindings.is_empty() {
            let message = format!("{KIND} {name} ({origin}) has no binding: it does nothing");
            let told = self.report.warning("unbound", message, &place, "");
            told.tag("policy", name);
        } else if policy.never_for_creation() {
            let message = format!(
                "{KIND} {name} ({origin}) is for changes and deletions only: it is not judged here"
            );
            let told = self.report.info("updates", message, &place, "");
            told.tag("policy", name);
        }
    }

    fn of_object(&mut self, object: &Object, found: Found<'_>, missing: &mut Vec<String>) {
        let Found {
            policy,
            binding: Some(binding),
            what,
        } = found
        else {
            return;
        };
        match what {
            What::Unknown(words) => {
                let Policy { name, origin, .. } = policy;
                let words = format!("{KIND} {name} ({origin}): {words}");
                tagged(self.unevaluated(object.clone(), words), policy, binding);
            }
            What::Missing(words) => {
                let Policy { name, origin, .. } = policy;
                let message = format!(
                    "{KIND} {name} ({origin}), binding {}: {words}",
                    binding.name
                );
                if !missing.contains(&message) {
                    let place = self.place(policy.index);
                    let told = self.report.warning("params", &message, &place, "");
                    tagged(told, policy, binding);
                    missing.push(message);
                }
            }
            // Params that must be there are asked for whatever the actions.
            What::Refused(words) if policy.lenient => self.ignored(object, policy, binding, &words),
            What::Refused(words) => {
                let message = worded(&words, policy, binding);
                let told = self.report.error("validation", message, object, "");
                tagged(told, policy, binding);
            }
            What::Invocation(param, request) => {
                self.evaluated(object, (policy, binding, &param), &request);
            }
        }
    }

    fn evaluated(&mut self, object: &Object, by: (&Policy, &Binding, &str), request: &Request<'_>) {
        let (policy, ..) = by;
        match conditions(policy, request) {
            Ok(true) => {}
            Ok(false) => return,
            Err(fault) => return self.fault(object, by, fault),
        }
        for validation in &policy.validations {
            match evaluate(&validation.expression.node, request) {
                Ok(Value::Bool(true)) => {}
                Ok(Value::Bool(false)) => {
                    let message = message(validation, request);
                    let field = field(&validation.expression.node, &object.value);
                    let told = self.denied(object, by, &message, &field);
                    told.tag("reason", &validation.reason);
                }
                Ok(_) => {
                    let words =
                        "it is neither true nor false, which the API server's compiler refuses";
                    let fault = in_expression(&validation.expression.text, Fault::unknown(words));
                    self.fault(object, by, fault);
                }
                Err(fault) => {
                    let fault = in_expression(&validation.expression.text, fault);
                    self.fault(object, by, fault);
                }
            }
        }
        for (key, expression) in &policy.annotations {
            match evaluate(&expression.node, request) {
                Ok(Value::String(text)) if !text.trim().is_empty() => {
                    let message = format!("{}/{key}: {}", policy.name, text.trim());
                    let told = self.report.info("annotation", message, object, "");
                    tagged(told, policy, by.1);
                }
                Ok(Value::String(_) | Value::Null) => {}
                Ok(_) => {}
                // It goes into the log of the API server, and stops nothing.
                Err(fault) => {
                    let fault = in_expression(&expression.text, fault);
                    self.ignored(object, policy, by.1, &fault.message);
                }
            }
        }
    }

    fn fault(&mut self, object: &Object, by: (&Policy, &Binding, &str), fault: Fault) {
        let (policy, binding, _) = by;
        if fault.unknown {
            let Policy { name, origin, .. } = policy;
            let words = format!("{KIND} {name} ({origin}): {}", fault.message);
            tagged(self.unevaluated(object.clone(), words), policy, binding);
        } else if policy.lenient {
            self.ignored(object, policy, binding, &fault.message);
        } else {
            self.denied(object, by, &fault.message, "");
        }
    }

    fn ignored(&mut self, object: &Object, policy: &Policy, binding: &Binding, words: &str) {
        let message = worded(words, policy, binding);
        let told = self.report.info("ignored", message, object, "");
        tagged(told, policy, binding);
    }

    fn denied(
        &mut self,
        object: &Object,
        (policy, binding, param): (&Policy, &Binding, &str),
        words: &str,
        field: &str,
    ) -> Finished<'_> {
        let message = worded(words, policy, binding);
        let acts = |action: &str| binding.actions.iter().any(|it| it == action);
        let told = if acts("Deny") {
            self.report.error("validation", message, object, field)
        } else if acts("Warn") {
            self.report.warning("validation", message, object, field)
        } else {
            self.report.info("validation", message, object, field)
        };
        let told = tagged(told, policy, binding);
        match param {
            "" => told,
            param => told.tag("param", param),
        }
    }
}

fn worded(words: &str, policy: &Policy, binding: &Binding) -> String {
    format!("{words} ({KIND} {}, binding {})", policy.name, binding.name)
}

fn tagged<'f>(told: Finished<'f>, policy: &Policy, binding: &Binding) -> Finished<'f> {
    told.tag("policy", &policy.name)
        .tag("binding", &binding.name)
}

/// What the API server would say: what messageExpression makes if that is one line, else the
/// message, else the expression.
fn message(validation: &Validation, request: &Request<'_>) -> String {
    let made =
        validation
            .message_expression
            .as_ref()
            .and_then(|it| match evaluate(&it.node, request) {
                Ok(Value::String(text)) => Some(text.trim().to_owned()),
                _ => None,
            });
    let fits = |it: &String| !it.is_empty() && it.len() <= MESSAGE && !it.contains('\n');
    made.filter(fits)
        .or_else(|| validation.message.clone())
        .unwrap_or_else(|| format!("failed expression: {}", validation.expression.text.trim()))
}

#[cfg(test)]
mod tests;
