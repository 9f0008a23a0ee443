//! From YAML to policies. What the API server would refuse is told, and the policy is not run.

use serde_json::Value as Json;
use trimtab_plugin::{LabelSelector, Object};

use super::matching::Constraints;
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

/// Policies among the kit's objects and the data, by name; the kit's own are newer.
pub fn policies(kind: &'static str, objects: &[Object], data: &[Object]) -> Reading {
    let mut reading = Reading::default();
    let mut seen = Vec::new();
    let own = objects
        .iter()
        .enumerate()
        .map(|(index, it)| (Some(index), it));
    let all: Vec<(Option<usize>, &Object)> = own.chain(data.iter().map(|it| (None, it))).collect();
    let binding = format!("{kind}Binding");
    for (index, object) in &all {
        if object.group() != GROUP || object.kind() != kind || seen.contains(&object.name()) {
            continue;
        }
        seen.push(object.name());
        let mut reader = Reader {
            object,
            faults: Vec::new(),
        };
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
    let mut bound = Vec::new();
    for (index, object) in &all {
        if object.group() != GROUP || object.kind() != binding || bound.contains(&object.name()) {
            continue;
        }
        bound.push(object.name());
        let mut reader = Reader {
            object,
            faults: Vec::new(),
        };
        let read = reader.binding();
        let to = object.at("/spec/policyName").as_str().unwrap_or_default();
        let (name, origin) = (object.name(), object.origin());
        let policy = reading.policies.iter_mut().find(|it| it.name == to);
        match (reader.faults.is_empty(), policy) {
            (true, Some(policy)) => policy.bindings.push(read),
            (true, None) if seen.contains(&to) => {}
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

struct Reader<'o> {
    object: &'o Object,
    faults: Vec<String>,
}

impl Reader<'_> {
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
        let param_kind = self.param_kind(&spec["paramKind"]);
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
        let constraints = match &spec["matchConstraints"] {
            Json::Object(_) => self.constraints("matchConstraints"),
            _ => {
                self.faults.push("spec.matchConstraints is missing".into());
                Constraints::default()
            }
        };
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
            lenient: self.one_of(&spec["failurePolicy"], "failurePolicy", &["Fail", "Ignore"])
                == Some(1),
            again: spec["reinvocationPolicy"] == "IfNeeded",
            bindings: Vec::new(),
        }
    }

    /// Which of the words it is; the first if there is none.
    fn one_of(&mut self, value: &Json, place: &str, words: &[&str]) -> Option<usize> {
        let found = match value {
            Json::Null => Some(0),
            value => words.iter().position(|it| value == it),
        };
        if found.is_none() {
            let words = words.join(" or ");
            self.faults
                .push(format!("spec.{place} is {value}; it is {words}"));
        }
        found
    }

    fn param_kind(&mut self, value: &Json) -> Option<ParamKind> {
        if value.is_null() {
            return None;
        }
        let kind = ParamKind {
            api_version: text(&value["apiVersion"]),
            kind: text(&value["kind"]),
        };
        if kind.api_version.is_empty() || kind.kind.is_empty() {
            self.faults
                .push("spec.paramKind needs apiVersion and kind".into());
        }
        Some(kind)
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
                _ => self.faults.push(format!(
                    "spec.mutations[{at}].patchType is ApplyConfiguration or JSONPatch"
                )),
            }
        }
        mutations
    }

    fn expression(&mut self, value: &Json, place: &str, scope: &Scope<'_>) -> Option<Expression> {
        let Some(text) = value.as_str() else {
            self.faults.push(format!("spec.{place} is missing"));
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
        if self.object.kind() == "ValidatingAdmissionPolicyBinding" {
            let known = |it: &String| ["Deny", "Warn", "Audit"].contains(&it.as_str());
            if actions.is_empty() || !actions.iter().all(known) {
                self.faults
                    .push("spec.validationActions are some of Deny, Warn, Audit".into());
            }
        }
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
                if read.is_none() {
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
