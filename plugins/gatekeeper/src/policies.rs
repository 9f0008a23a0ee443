//! Templates and constraints among the documents that the plugin is given, and the kit's objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trimtab_plugin::{Object, Report};

use crate::Settings;
use crate::constraint::Constraint;
use crate::template::{Template, kind_of};

const TEMPLATES: &str = "templates.gatekeeper.sh";
const CONSTRAINTS: &str = "constraints.gatekeeper.sh";

/// In the order of the files.
#[derive(Default)]
pub struct Policies {
    pub templates: BTreeMap<String, Template>,
    pub constraints: Vec<Constraint>,
}

impl Policies {
    /// What Gatekeeper would refuse is reported, and is not among them.
    pub fn read<'o>(
        documents: impl Iterator<Item = &'o Object>,
        settings: &Settings,
        report: &mut Report,
    ) -> Self {
        let documents = flattened(documents);
        let mut policies = Self::default();
        let mut refused = BTreeSet::new();
        let templates = documents
            .iter()
            .filter(|it| it.group() == TEMPLATES && it.kind() == "ConstraintTemplate");
        for document in templates {
            let kind = kind_of(document).to_owned();
            let read = match policies.templates.get(&kind) {
                Some(first) => Err(format!("{} defines its kind as well", first.origin)),
                None => Template::read(document),
            };
            match read {
                Ok(template) => {
                    policies.templates.insert(kind, template);
                }
                Err(message) => {
                    refused.insert(kind);
                    let message = format!(
                        "ConstraintTemplate {} ({}) cannot be used: {message}",
                        document.name(),
                        document.origin()
                    );
                    let finding = report.error("template", message, document, "");
                    finding.tag("template", document.name());
                }
            }
        }
        for document in documents.iter().filter(|it| it.group() == CONSTRAINTS) {
            policies.constraint(document, settings, &refused, report);
        }
        for document in &documents {
            policies.beside(document, report);
        }
        if policies.templates.is_empty() && refused.is_empty() {
            let message = "there is no ConstraintTemplate to evaluate; name the files with templates and constraints as `data` where this plugin is named";
            report.error("template", message, &Object::new(Value::Null), "");
        }
        policies
    }

    fn constraint(
        &mut self,
        document: &Object,
        settings: &Settings,
        refused: &BTreeSet<String>,
        report: &mut Report,
    ) {
        let kind = document.kind();
        let twice = |it: &&Constraint| it.kind == kind && it.name == document.name();
        let read = match self.templates.get(kind) {
            // That of its template is told already.
            None if refused.contains(kind) => return,
            None => Err(vec![format!(
                "no ConstraintTemplate makes the kind {kind}; is its file among the data?"
            )]),
            Some(template) => match self.constraints.iter().find(twice) {
                Some(first) => Err(vec![format!("{} defines it as well", first.origin)]),
                None => Constraint::read(document, &template.schema, &settings.enforcement_points),
            },
        };
        match read {
            Ok(constraint) => self.constraints.push(constraint),
            Err(faults) => {
                let (name, origin) = (document.name(), document.origin());
                for fault in faults {
                    let message = format!("{kind}/{name} ({origin}) cannot be used: {fault}");
                    let finding = report.error("constraint", message, document, "");
                    finding
                        .tag("constraint", format!("{kind}/{name}"))
                        .tag("template", kind.to_lowercase());
                }
            }
        }
    }

    /// What would make Gatekeeper's verdict another one, and is not evaluated here.
    fn beside(&self, document: &Object, report: &mut Report) {
        let what = match (document.group(), document.kind()) {
            (TEMPLATES, kind) if kind != "ConstraintTemplate" => {
                let message = format!(
                    "{kind:?} ({}) is no kind of {TEMPLATES}; write ConstraintTemplate",
                    document.origin()
                );
                report.error("template", message, document, "");
                return;
            }
            ("expansion.gatekeeper.sh", "ExpansionTemplate") => {
                "what it would generate is not checked"
            }
            ("config.gatekeeper.sh", "Config") if !document.at("/spec/match").is_null() => {
                "the namespaces that it excludes are checked all the same"
            }
            _ => return,
        };
        let message = format!(
            "{} {} ({}) is not read: {what}",
            document.kind(),
            document.name(),
            document.origin()
        );
        report.warning("unevaluated", message, document, "");
    }
}

/// The items of Lists in their place.
fn flattened<'o>(given: impl Iterator<Item = &'o Object>) -> Vec<Object> {
    let mut documents = Vec::new();
    for document in given {
        match document.kind() {
            "List" if document.api_version() == "v1" => {
                documents.extend(document.items("/items").map(|(_, item)| {
                    let mut item = Object::new(item.clone());
                    item.path.clone_from(&document.path);
                    item.line = document.line;
                    item
                }));
            }
            _ if document.group().ends_with("gatekeeper.sh") => documents.push(document.clone()),
            _ => {}
        }
    }
    documents
}
