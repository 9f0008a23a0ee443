//! Gatekeeper's ConstraintTemplates and constraints, taken from the repository as they are.

mod builtins;
mod constraint;
mod matching;
mod negation;
mod placing;
mod policies;
mod program;
mod reference;
mod regexes;
mod review;
mod schema;
mod sprintf;
mod syntax;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use trimtab_plugin::{Context, Exemption, Object, Report, Rule, Severity, Validator};

use constraint::{Constraint, Point};
use placing::Placed;
use policies::Policies;
use review::Namespaces;
use template::Template;

/// How constraints are evaluated.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Labels of namespaces that are no object of the kit, by name: for namespaceSelector and input.review.namespaceObject.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Templates that cannot be evaluated and need not be.
    pub skip: Vec<Skip>,
    /// The enforcement points of scoped actions that count here; the webhook and gator by default.
    pub enforcement_points: Vec<Point>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

/// A template that cannot be evaluated here, and why that is fine. One that can be is evaluated.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Skip {
    /// The kind of its constraints.
    pub template: String,
    /// Why, for those who read the settings.
    pub reason: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespaces: BTreeMap::new(),
            skip: Vec::new(),
            enforcement_points: vec![Point::Webhook, Point::Gator],
            exempt: Vec::new(),
        }
    }
}

pub struct Gatekeeper;

impl Rule for Gatekeeper {
    type Settings = Settings;
    const NAME: &'static str = "gatekeeper";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Objects keep the Gatekeeper constraints that are in the repository.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("violation", "objects keep the constraints that match them"),
        (
            "unevaluated",
            "constraints that match an object can be evaluated",
        ),
        (
            "template",
            "ConstraintTemplates are such that Gatekeeper takes them",
        ),
        (
            "constraint",
            "constraints are such that Gatekeeper takes them",
        ),
    ];
}

impl Validator for Gatekeeper {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let settings = &context.settings;
        let documents = context.data.iter().chain(objects);
        let mut policies = Policies::read(documents, settings, report);
        unused_skips(settings, &policies, report);
        let documents = context.data.iter().chain(objects);
        let placed = placing::place(documents, objects, &context.namespace);
        let mut judge = Judge {
            settings,
            namespaces: Namespaces::read(objects, settings),
            untold: BTreeSet::new(),
        };
        let with_inventory = policies.templates.values_mut();
        let with_inventory = with_inventory.filter_map(|it| it.program.as_mut().ok());
        let mut inventory = None;
        for program in with_inventory.filter(|it| it.referential) {
            let inventory = inventory.get_or_insert_with(|| review::inventory(&placed));
            if let Err(error) = program.set_inventory(inventory.clone()) {
                let message = format!("the inventory cannot be handed over: {error}");
                report.error("unevaluated", message, &Object::new(Value::Null), "");
            }
        }
        for object in &placed {
            judge.object(object, &mut policies, report);
        }
    }
}

fn unused_skips(settings: &Settings, policies: &Policies, report: &mut Report) {
    for skip in &settings.skip {
        let why = match policies.templates.get(&skip.template) {
            Some(template) if template.program.is_err() => continue,
            Some(_) => "it is evaluated",
            None => "there is no such template",
        };
        let message = format!(
            "settings.skip names {}, but {why}; take it out",
            skip.template
        );
        report.warning("unevaluated", message, &Object::new(Value::Null), "");
    }
}

struct Judge<'j> {
    settings: &'j Settings,
    namespaces: Namespaces,
    /// Constraints of which it is said already that they are not evaluated.
    untold: BTreeSet<(String, String)>,
}

impl Judge<'_> {
    fn object(&mut self, placed: &Placed<'_>, policies: &mut Policies, report: &mut Report) {
        let object = placed.object.as_ref();
        let exempt = |rule: &str| Exemption::any(&self.settings.exempt, rule, object, None);
        if exempt("violation") {
            return;
        }
        let namespace = self.namespaces.of(object).cloned();
        let mut review = None;
        for constraint in &policies.constraints {
            let Some(severity) = constraint.severity else {
                continue;
            };
            match constraint.matches.matches(placed, namespace.as_ref()) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(_) if exempt("unevaluated") => continue,
                Err(unknown) => {
                    let message = unknown.told(object);
                    constraint.tell(report, severity, "unevaluated", &message, object);
                    continue;
                }
            }
            let Some(template) = policies.templates.get_mut(&constraint.kind) else {
                continue;
            };
            let program = match &mut template.program {
                Ok(program) => program,
                Err(lacks) => {
                    let lacks = lacks.clone();
                    self.unevaluated(constraint, severity, template, &lacks, report);
                    continue;
                }
            };
            let review = review
                .get_or_insert_with(|| review::review(object, namespace.as_ref()))
                .clone();
            let parameters = constraint.parameters.clone();
            let input = review::fields([("review", review), ("parameters", parameters)]);
            match program.violations(input) {
                Ok(violations) => {
                    for violation in violations {
                        let message = &violation.message;
                        let finding =
                            constraint.tell(report, severity, "violation", message, object);
                        if violation.details != json!({}) {
                            finding.tag("details", violation.details);
                        }
                    }
                }
                Err(_) if exempt("unevaluated") => {}
                Err(error) => {
                    let message = format!(
                        "it cannot be evaluated: {error}, in the template at {}",
                        template.origin
                    );
                    constraint.tell(report, severity, "unevaluated", &message, object);
                }
            }
        }
    }

    /// Once for a constraint: it is the same for every object.
    fn unevaluated(
        &mut self,
        constraint: &Constraint,
        severity: Severity,
        template: &Template,
        lacks: &str,
        report: &mut Report,
    ) {
        let key = (constraint.kind.clone(), constraint.name.clone());
        if !self.untold.insert(key) {
            return;
        }
        let mut skips = self.settings.skip.iter();
        let skipped = skips.find(|it| it.template == template.kind);
        let (severity, rest) = match skipped {
            Some(skip) => (Severity::Info, format!("skipped: {}", skip.reason)),
            None => (
                severity,
                "if that is fine, name it in settings.skip with the reason".to_owned(),
            ),
        };
        let message = format!(
            "its template at {} cannot be evaluated: {lacks}; {rest}",
            template.origin
        );
        let nowhere = Object::new(Value::Null);
        constraint.tell(report, severity, "unevaluated", &message, &nowhere);
    }
}

trimtab_plugin::export_validator!(Gatekeeper);

#[cfg(test)]
mod tests;
