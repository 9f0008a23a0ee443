//! ValidatingAdmissionPolicy objects of the repository, judged on a kit's objects before they are
//! applied.

use cel_admission::policy::{
    Admission, Binding, Found, Policy, RULES, Reading, Request, Settings, Telling, Validation,
    What, World, conditions, field, in_expression, policies, tagged, worded,
};
use cel_admission::{Fault, Value, evaluate};
use trimtab_plugin::{Context, Object, Report, Rule, Validator};

const KIND: &str = "ValidatingAdmissionPolicy";
/// Bytes of a message that an expression makes.
const MESSAGE: usize = 5 * 1024;

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
        ("annotation", "What a policy would write into the audit log"),
        RULES[0],
        RULES[1],
        RULES[2],
        RULES[3],
        RULES[4],
        RULES[5],
    ];
}

impl Validator for CelValidate {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let Reading { policies, faults } = policies(KIND, objects, &context.data);
        let namespace = &context.namespace;
        let world = World::new(
            objects,
            &context.data,
            namespace,
            Admission::Validating,
            context.settings.user.as_ref(),
        );
        let mut judge = Judge {
            telling: Telling::new(report, objects, &context.settings),
        };
        judge.telling.faults(faults);
        judge.telling.policies(&policies, &world);
        for object in objects {
            for found in world.found(&policies, object) {
                judge.found(object, found);
            }
        }
    }
}

trimtab_plugin::export_validator!(CelValidate);

struct Judge<'r> {
    telling: Telling<'r>,
}

type By<'p> = (&'p Policy, &'p Binding);

impl Judge<'_> {
    fn found(&mut self, object: &Object, found: Found<'_>) {
        let by = (found.policy, found.binding);
        match found.what {
            What::Invocation(param, request) => self.evaluated(object, by, &param, &request),
            other => {
                if let Some(words) = self.telling.not_invoked(object, by, other) {
                    self.refused(object, by, &words);
                }
            }
        }
    }

    /// The API server refuses, whatever the actions of the binding.
    fn refused(&mut self, object: &Object, by: By<'_>, words: &str) {
        let message = worded(words, by.0, by.1);
        let told = self.telling.report.error("validation", message, object, "");
        tagged(told, by.0, by.1);
    }

    fn evaluated(&mut self, object: &Object, by: By<'_>, param: &str, request: &Request<'_>) {
        match conditions(by.0, request) {
            Ok(true) => {}
            Ok(false) => return,
            Err(fault) => return self.fault(object, by, param, fault),
        }
        for validation in &by.0.validations {
            self.validated(object, by, param, (validation, request));
        }
        for (key, expression) in &by.0.annotations {
            match evaluate(&expression.node, request) {
                Ok(Value::String(text)) if !text.trim().is_empty() => {
                    let message = format!("{}/{key}: {}", by.0.name, text.trim());
                    let told = self.telling.report.info("annotation", message, object, "");
                    tagged(told, by.0, by.1);
                }
                Ok(Value::String(_) | Value::Null) => {}
                Ok(other) => {
                    let (text, kind) = (&expression.text, other.type_name());
                    let words = format!(
                        "valueExpression '{text}' resulted in unsupported return type: {kind}. Return type must be either string or null."
                    );
                    self.refused(object, by, &words);
                }
                Err(fault) => {
                    let fault = in_expression(&expression.text, fault);
                    if let Some(words) = self.telling.fault(object, by, fault) {
                        self.refused(object, by, &words);
                    }
                }
            }
        }
    }

    fn validated(
        &mut self,
        object: &Object,
        by: By<'_>,
        param: &str,
        (validation, request): (&Validation, &Request<'_>),
    ) {
        let expression = &validation.expression;
        let fault = match evaluate(&expression.node, request) {
            Ok(Value::Bool(true)) => return,
            Ok(Value::Bool(false)) => {
                let field = field(&expression.node, &object.value);
                let told = Denial {
                    words: &message(validation, request),
                    field: &field,
                    reason: &validation.reason,
                    param,
                };
                return self.denied(object, by, &told);
            }
            Ok(_) => Fault::unknown(
                "it is neither true nor false, which the API server's compiler refuses",
            ),
            Err(fault) => fault,
        };
        self.fault(object, by, param, in_expression(&expression.text, fault));
    }

    fn fault(&mut self, object: &Object, by: By<'_>, param: &str, fault: Fault) {
        if let Some(words) = self.telling.fault(object, by, fault) {
            let told = Denial {
                words: &words,
                field: "",
                reason: "",
                param,
            };
            self.denied(object, by, &told);
        }
    }

    fn denied(&mut self, object: &Object, (policy, binding): By<'_>, denial: &Denial<'_>) {
        let message = worded(denial.words, policy, binding);
        let acts = |action: &str| binding.actions.iter().any(|it| it == action);
        let (report, field) = (&mut *self.telling.report, denial.field);
        let mut told = if acts("Deny") {
            report.error("validation", message, object, field)
        } else if acts("Warn") {
            report.warning("validation", message, object, field)
        } else {
            report.info("validation", message, object, field)
        };
        told = tagged(told, policy, binding);
        for (name, value) in [("reason", denial.reason), ("param", denial.param)] {
            if !value.is_empty() {
                told = told.tag(name, value);
            }
        }
    }
}

struct Denial<'d> {
    words: &'d str,
    field: &'d str,
    reason: &'d str,
    param: &'d str,
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
