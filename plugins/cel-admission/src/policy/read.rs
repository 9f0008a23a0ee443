//! From YAML to policies. What the API server would refuse is told, and the policy is not run.

use serde_json::Value as Json;
use trimtab_plugin::{LabelSelector, Object};

use super::matching::Constraints;
use super::shape;
use super::{Binding, Expression, Mutation, ParamKind, ParamRef, Policy, Validation};
use crate::expression::{Scope, parse};

const GROUP: &str = "admissionregistration.k8s.io";
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];
/// What every expression may name, and what only some may.
const NAMES: [&str; 4] = ["object", "oldObject", "request", "namespaceObject"];

/// What was found of one kind of policy.
#[derive(Default)]
pub struct Reading {
    pub policies: Vec<Policy>,
    /// What stops a policy or a binding, each with the place among the kit's objects if it has one.
    pub faults: Vec<(Option<usize>, String)>,
}

/// Policies among the data and the kit's objects, by name. What the data gives is the guardrail's:
/// a kit cannot put its own in the place of it.
pub fn policies(kind: &'static str, objects: &[Object], data: &[Object]) -> Reading {
    let mut reading = Reading::default();
    let own = objects
        .iter()
        .enumerate()
        .map(|(index, it)| (Some(index), it));
    let all: Vec<Placed<'_>> = data.iter().map(|it| (None, it)).chain(own).collect();
    let binding = format!("{kind}Binding");
    let found = once(kind, &all, &mut reading.faults);
    if found.is_empty() && !data.is_empty() {
        let words =
            format!("no {kind} is among the objects and the data: is it the right directory?");
        reading.faults.push((None, words));
    }
    for (index, object) in &found {
        let mut reader = Reader::new(object);
        let policy = reader.policy(kind, *index);
        match reader.faults.is_empty() {
            true => reading.policies.push(policy),
            false => {
                let (name, origin) = (object.name(), object.origin());
                let told = |fault| (*index, format!("{kind} {name} ({origin}): {fault}"));
                reading.faults.extend(reader.faults.into_iter().map(told));
            }
        }
    }
    let is_policy = |name: &str| found.iter().any(|(_, it)| it.name() == name);
    for (index, object) in &once(&binding, &all, &mut reading.faults) {
        let mut reader = Reader::new(object);
        let read = reader.binding();
        let to = object.at("/spec/policyName").as_str().unwrap_or_default();
        let (name, origin) = (object.name(), object.origin());
        let policy = reading.policies.iter_mut().find(|it| it.name == to);
        match (reader.faults.is_empty(), policy) {
            (true, Some(policy)) => policy.bindings.push(read),
            (true, None) if is_policy(to) => {}
            (true, None) => reading.faults.push((
                *index,
                format!("{binding} {name} ({origin}): there is no {kind} {to:?} in the objects and the data"),
            )),
            (false, _) => {
                let told = |fault| (*index, format!("{binding} {name} ({origin}): {fault}"));
                reading.faults.extend(reader.faults.into_iter().map(told));
            }
        }
    }
    for policy in &mut reading.policies {
        policy
            .bindings
            .sort_by(|one, other| one.name.cmp(&other.name));
    }
    reading
        .policies
        .sort_by(|one, other| one.name.cmp(&other.name));
    reading
}

/// An object, and where it is among the kit's own.
type Placed<'o> = (Option<usize>, &'o Object);

/// Those of a kind, the first of each name. Another of the same name must say the same: which of
/// them would be in the cluster is not known.
fn once<'o>(
    kind: &str,
    all: &[Placed<'o>],
    faults: &mut Vec<(Option<usize>, String)>,
) -> Vec<Placed<'o>> {
    let mut found: Vec<Placed<'_>> = Vec::new();
    let of_kind = |it: &&Placed<'_>| it.1.group() == GROUP && it.1.kind() == kind;
    for (index, object) in all.iter().filter(of_kind) {
        let (name, origin) = (object.name(), object.origin());
        match found.iter().find(|(_, it)| it.name() == name) {
            None => found.push((*index, object)),
            Some((_, first)) if first.at("/spec") == object.at("/spec") => {}
            Some((_, first)) => {
                let first = first.origin();
                let words = format!(
                    "{kind} {name} ({origin}): it is there twice, and {first} says something else"
                );
                faults.push((*index, words));
            }
        }
    }
    found
}

struct Reader<'o> {
    object: &'o Object,
    faults: Vec<String>,
}

impl<'o> Reader<'o> {
    /// With what is wrong with the form.
    fn new(object: &'o Object) -> Self {
        Self {
            object,
            faults: shape::faults(object.kind(), object.at("/spec")),
        }
    }
    fn policy(&mut self, kind: &'static str, index: Option<usize>) -> Policy {
        let object = self.object;
        if !VERSIONS
            .iter()
            .any(|it| object.api_version() == format!("{GROUP}/{it}"))
        {
            let version = object.api_version();
            self.faults
                .push(format!("{version} is no version of it that is known"));
        }
        let spec = object.at("/spec");
        let param_kind = spec["paramKind"].as_object().map(|_| ParamKind {
            api_version: text(&spec["paramKind"]["apiVersion"]),
            kind: text(&spec["paramKind"]["kind"]),
        });
        let mut names = NAMES.to_vec();
        if param_kind.is_some() {
            names.push("params");
        }
        let plain = names.clone();
        names.push("authorizer");
        let conditions = self.conditions(&spec["matchConditions"], &names);
        let mut declared = Vec::new();
        let variables = self.variables(&spec["variables"], &names, &mut declared);
        let scope = Scope {
            names: &names,
            variables: Some(&declared),
            patches: kind == "MutatingAdmissionPolicy",
        };
        let of_message = Scope {
            names: &plain,
            variables: Some(&declared),
            patches: false,
        };
        let constraints = self.constraints("matchConstraints");
        let annotations = items(&spec["auditAnnotations"])
            .filter_map(|(at, it)| {
                let place = format!("auditAnnotations[{at}].valueExpression");
                let read = self.expression(&it["valueExpression"], &place, &of_message)?;
                Some((text(&it["key"]), read))
            })
            .collect();
        Policy {
            kind,
            name: object.name().to_owned(),
            origin: object.origin(),
            index,
            constraints,
            conditions,
            variables,
            validations: self.validations(&spec["validations"], &scope, &of_message),
            annotations,
            mutations: self.mutations(&spec["mutations"], &scope),
            param_kind,
            lenient: spec["failurePolicy"] == "Ignore",
            again: spec["reinvocationPolicy"] == "IfNeeded",
            bindings: Vec::new(),
        }
    }

    fn conditions(&mut self, list: &Json, names: &[&str]) -> Vec<(String, Expression)> {
        let scope = Scope {
            names,
            variables: None,
            patches: false,
        };
        items(list)
            .filter_map(|(at, it)| {
                let place = format!("matchConditions[{at}].expression");
                let read = self.expression(&it["expression"], &place, &scope)?;
                Some((text(&it["name"]), read))
            })
            .collect()
    }

    fn variables(
        &mut self,
        list: &Json,
        names: &[&str],
        declared: &mut Vec<String>,
    ) -> Vec<(String, Expression)> {
        let mut variables = Vec::new();
        for (at, it) in items(list) {
            let name = text(&it["name"]);
            let place = format!("variables[{at}].expression");
            // Each may name those before it.
            let scope = Scope {
                names,
                variables: Some(declared),
                patches: false,
            };
            let read = self.expression(&it["expression"], &place, &scope);
            variables.extend(read.map(|read| (name.clone(), read)));
            declared.push(name);
        }
        variables
    }

    fn validations(
        &mut self,
        list: &Json,
        scope: &Scope<'_>,
        of_message: &Scope<'_>,
    ) -> Vec<Validation> {
        let mut validations = Vec::new();
        for (at, it) in items(list) {
            let place = format!("validations[{at}]");
            let message_expression = match &it["messageExpression"] {
                Json::Null => None,
                value => self.expression(value, &format!("{place}.messageExpression"), of_message),
            };
            let read = self.expression(&it["expression"], &format!("{place}.expression"), scope);
            let message = it["message"].as_str().map(|it| it.trim().to_owned());
            validations.extend(read.map(|expression| Validation {
                expression,
                message: message.filter(|it| !it.is_empty()),
                message_expression,
                reason: it["reason"].as_str().unwrap_or("Invalid").to_owned(),
            }));
        }
        validations
    }

    fn mutations(&mut self, list: &Json, scope: &Scope<'_>) -> Vec<Mutation> {
        let mut mutations = Vec::new();
        for (at, it) in items(list) {
            let mut read = |field: &str| {
                let place = format!("mutations[{at}].{field}.expression");
                self.expression(&it[field]["expression"], &place, scope)
            };
            match it["patchType"].as_str() {
                Some("ApplyConfiguration") => {
                    mutations.extend(read("applyConfiguration").map(Mutation::Apply));
                }
                Some("JSONPatch") => mutations.extend(read("jsonPatch").map(Mutation::Patch)),
                _ => {}
            }
        }
        mutations
    }

    fn expression(&mut self, value: &Json, place: &str, scope: &Scope<'_>) -> Option<Expression> {
        let Some(text) = value.as_str() else {
            let words = format!("spec.{place} is missing");
            if value.is_null() && !self.faults.contains(&words) {
                self.faults.push(words);
            }
            return None;
        };
        match parse(text, scope) {
            Ok(node) => Some(Expression {
                text: text.to_owned(),
                node,
            }),
            Err(words) => {
                self.faults.push(format!("spec.{place}: {words}"));
                None
            }
        }
    }

    fn constraints(&mut self, field: &str) -> Constraints {
        match Constraints::read(&self.object.at("/spec")[field]) {
            Ok(read) => read,
            // What is wrong with it was told.
            Err(_) if !self.faults.is_empty() => Constraints::default(),
            Err(words) => {
                self.faults.push(format!("spec.{field}{words}"));
                Constraints::default()
            }
        }
    }

    fn binding(&mut self) -> Binding {
        let spec = self.object.at("/spec");
        let constraints = match &spec["matchResources"] {
            Json::Null => None,
            _ => Some(self.constraints("matchResources")),
        };
        let actions: Vec<String> = items(&spec["validationActions"])
            .map(|(_, it)| text(it))
            .collect();
        let param = match &spec["paramRef"] {
            Json::Null => None,
            value => Some(self.param_ref(value)),
        };
        Binding {
            name: self.object.name().to_owned(),
            constraints,
            param,
            actions,
        }
    }

    fn param_ref(&mut self, value: &Json) -> ParamRef {
        let given = |field: &str| value[field].as_str().filter(|it| !it.is_empty());
        let selector = match &value["selector"] {
            Json::Null => None,
            selector => {
                let read = LabelSelector::read(selector);
                if read.is_none() && self.faults.is_empty() {
                    self.faults
                        .push("spec.paramRef.selector is no label selector".into());
                }
                read
            }
        };
        let name = given("name").map(str::to_owned);
        if name.is_some() == selector.is_some() {
            self.faults
                .push("spec.paramRef has either a name or a selector".into());
        }
        ParamRef {
            name,
            namespace: given("namespace").map(str::to_owned),
            selector,
            needed: value["parameterNotFoundAction"] == "Deny",
        }
    }
}

fn items(list: &Json) -> impl Iterator<Item = (usize, &Json)> {
    list.as_array().into_iter().flatten().enumerate()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
