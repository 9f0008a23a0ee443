//! The form that the API server asks of policies and bindings. What it refuses must be told: a
//! policy that is not there denies nothing, and nobody would hear of it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

/// What may stand in a place.
enum Form {
    Text,
    Texts,
    /// A mapping of texts.
    Labels,
    Word(&'static [&'static str]),
    Words(&'static [&'static str]),
    Fields(&'static [Field]),
    /// A list of mappings.
    Items(&'static [Field]),
}
use Form::{Fields, Items, Labels, Text, Texts, Word, Words};

/// A name, what stands there, and whether it must be there and not be empty.
struct Field(&'static str, Form, bool);

const MUST: bool = true;
const MAY: bool = false;

const SELECTOR: Form = Fields(&[
    Field("matchLabels", Labels, MAY),
    Field(
        "matchExpressions",
        Items(&[
            Field("key", Text, MUST),
            Field(
                "operator",
                Word(&["In", "NotIn", "Exists", "DoesNotExist"]),
                MUST,
            ),
            Field("values", Texts, MAY),
        ]),
        MAY,
    ),
]);

const RULE: Form = Items(&[
    Field("apiGroups", Texts, MUST),
    Field("apiVersions", Texts, MUST),
    Field("resources", Texts, MUST),
    Field(
        "operations",
        Words(&["CREATE", "UPDATE", "DELETE", "CONNECT", "*"]),
        MUST,
    ),
    Field("resourceNames", Texts, MAY),
    Field("scope", Word(&["Cluster", "Namespaced", "*"]), MAY),
]);

/// A binding may do without rules, a policy may not.
const fn matching(rules: bool) -> [Field; 5] {
    [
        Field("namespaceSelector", SELECTOR, MAY),
        Field("objectSelector", SELECTOR, MAY),
        Field("resourceRules", RULE, rules),
        Field("excludeResourceRules", RULE, MAY),
        Field("matchPolicy", Word(&["Exact", "Equivalent"]), MAY),
    ]
}
const OF_POLICY: &[Field] = &matching(MUST);
const OF_BINDING: &[Field] = &matching(MAY);

const NAMED: &[Field] = &[Field("name", Text, MUST), Field("expression", Text, MUST)];
const KIND: &[Field] = &[Field("apiVersion", Text, MUST), Field("kind", Text, MUST)];
const EXPRESSION: &[Field] = &[Field("expression", Text, MUST)];
const PARAM: &[Field] = &[
    Field("name", Text, MAY),
    Field("namespace", Text, MAY),
    Field("selector", SELECTOR, MAY),
    Field("parameterNotFoundAction", Word(&["Deny", "Allow"]), MUST),
];

const VALIDATING: &[Field] = &[
    Field("paramKind", Fields(KIND), MAY),
    Field("matchConstraints", Fields(OF_POLICY), MUST),
    Field("matchConditions", Items(NAMED), MAY),
    Field("variables", Items(NAMED), MAY),
    Field("failurePolicy", Word(&["Fail", "Ignore"]), MAY),
    Field(
        "validations",
        Items(&[
            Field("expression", Text, MUST),
            Field("message", Text, MAY),
            Field("messageExpression", Text, MAY),
            Field(
                "reason",
                Word(&[
                    "Unauthorized",
                    "Forbidden",
                    "Invalid",
                    "RequestEntityTooLarge",
                ]),
                MAY,
            ),
        ]),
        MAY,
    ),
    Field(
        "auditAnnotations",
        Items(&[
            Field("key", Text, MUST),
            Field("valueExpression", Text, MUST),
        ]),
        MAY,
    ),
];

const MUTATING: &[Field] = &[
    Field("paramKind", Fields(KIND), MAY),
    Field("matchConstraints", Fields(OF_POLICY), MUST),
    Field("matchConditions", Items(NAMED), MAY),
    Field("variables", Items(NAMED), MAY),
    Field("failurePolicy", Word(&["Fail", "Ignore"]), MAY),
    Field("reinvocationPolicy", Word(&["Never", "IfNeeded"]), MUST),
    Field(
        "mutations",
        Items(&[
            Field(
                "patchType",
                Word(&["ApplyConfiguration", "JSONPatch"]),
                MUST,
            ),
            Field("applyConfiguration", Fields(EXPRESSION), MAY),
            Field("jsonPatch", Fields(EXPRESSION), MAY),
        ]),
        MUST,
    ),
];

const VALIDATING_BINDING: &[Field] = &[
    Field("policyName", Text, MUST),
    Field("paramRef", Fields(PARAM), MAY),
    Field("matchResources", Fields(OF_BINDING), MAY),
    Field("validationActions", Words(&["Deny", "Warn", "Audit"]), MUST),
];

const MUTATING_BINDING: &[Field] = &[
    Field("policyName", Text, MUST),
    Field("paramRef", Fields(PARAM), MAY),
    Field("matchResources", Fields(OF_BINDING), MAY),
];

/// What is wrong with the form of a policy or a binding of this kind.
pub fn faults(kind: &str, spec: &Json) -> Vec<String> {
    let form = match kind {
        "ValidatingAdmissionPolicy" => VALIDATING,
        "MutatingAdmissionPolicy" => MUTATING,
        "ValidatingAdmissionPolicyBinding" => VALIDATING_BINDING,
        _ => MUTATING_BINDING,
    };
    let mut faults = Vec::new();
    fields("spec", spec, form, &mut faults);
    let empty = |field: &str| items(&spec[field]).next().is_none();
    if kind == "ValidatingAdmissionPolicy" && empty("validations") && empty("auditAnnotations") {
        faults.push("spec has neither validations nor auditAnnotations".into());
    }
    for (list, name) in [("matchConditions", "name"), ("auditAnnotations", "key")] {
        twice(list, items(&spec[list]).map(|it| &it[name]), &mut faults);
    }
    let actions = || items(&spec["validationActions"]);
    twice("validationActions", actions(), &mut faults);
    let acts = |action: &str| actions().any(|it| it == action);
    if acts("Deny") && acts("Warn") {
        faults.push("spec.validationActions has either Deny or Warn".into());
    }
    for (at, it) in items(&spec["variables"]).enumerate() {
        if let Some(name) = it["name"].as_str().filter(|it| !is_identifier(it)) {
            faults.push(format!(
                "spec.variables[{at}].name is {name:?}, which is no name in CEL"
            ));
        }
    }
    faults
}

fn twice<'j>(list: &str, words: impl Iterator<Item = &'j Json>, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for word in words.filter_map(Json::as_str) {
        if !seen.insert(word) {
            faults.push(format!("spec.{list} has {word:?} twice"));
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.bytes()
        .all(|it| it == b'_' || it.is_ascii_alphanumeric())
        && !name.starts_with(|it: char| it.is_ascii_digit())
}

fn items(list: &Json) -> impl Iterator<Item = &Json> {
    list.as_array().into_iter().flatten()
}

fn fields(place: &str, value: &Json, form: &[Field], faults: &mut Vec<String>) {
    let known = match value {
        Json::Null => None,
        Json::Object(known) => Some(known),
        _ => {
            faults.push(format!("{place} is no mapping"));
            return;
        }
    };
    for name in known.iter().flat_map(|it| it.keys()) {
        if !form.iter().any(|Field(it, ..)| it == name) {
            faults.push(format!("{place}.{name}: there is no such field"));
        }
    }
    for Field(name, form, must) in form {
        let place = format!("{place}.{name}");
        let value = &value[name];
        let is_empty = match value {
            Json::Null => true,
            Json::String(text) => text.trim().is_empty(),
            Json::Array(items) => items.is_empty(),
            _ => false,
        };
        match is_empty && *must {
            true => faults.push(format!("{place} is missing")),
            false => one(&place, value, form, faults),
        }
    }
    match form.first() {
        Some(Field("apiGroups", ..)) => of_rule(place, value, faults),
        Some(Field("key", ..)) if form.len() == 3 => of_condition(place, value, faults),
        _ => {}
    }
}

fn one(place: &str, value: &Json, form: &Form, faults: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    let word = |place: &str, value: &Json, words: &[&str], faults: &mut Vec<String>| {
        if !words.iter().any(|it| value == it) {
            let words = words.join(" or ");
            faults.push(format!("{place} is {value}; it is {words}"));
        }
    };
    let text = |place: &str, value: &Json, faults: &mut Vec<String>| {
        if !value.is_string() {
            faults.push(format!("{place} is no text"));
        }
    };
    match form {
        Text => text(place, value, faults),
        // An empty word is as good as none.
        Word(_) if *value == "" => {}
        Word(words) => word(place, value, words, faults),
        Labels => match value {
            Json::Object(labels) => {
                for (name, label) in labels {
                    text(&format!("{place}.{name}"), label, faults);
                }
            }
            _ => faults.push(format!("{place} is no mapping")),
        },
        Fields(form) => fields(place, value, form, faults),
        Texts | Words(_) | Items(_) => {
            let Json::Array(items) = value else {
                faults.push(format!("{place} is no list"));
                return;
            };
            for (at, item) in items.iter().enumerate() {
                let place = format!("{place}[{at}]");
                match form {
                    Items(form) => fields(&place, item, form, faults),
                    Words(words) => word(&place, item, words, faults),
                    _ => text(&place, item, faults),
                }
            }
        }
    }
}

fn of_rule(place: &str, rule: &Json, faults: &mut Vec<String>) {
    for (list, all) in [
        ("apiGroups", "*"),
        ("apiVersions", "*"),
        ("operations", "*"),
        ("resources", "*/*"),
    ] {
        let count = items(&rule[list]).count();
        if count > 1 && items(&rule[list]).any(|it| it == all) {
            faults.push(format!("{place}.{list} has others beside {all}"));
        }
        let may_be_empty = list == "apiGroups" || list == "operations";
        if !may_be_empty && items(&rule[list]).any(|it| it == "") {
            faults.push(format!("{place}.{list} has an empty one"));
        }
    }
}

fn of_condition(place: &str, condition: &Json, faults: &mut Vec<String>) {
    let some = items(&condition["values"]).next().is_some();
    match condition["operator"].as_str() {
        Some(operator @ ("In" | "NotIn")) if !some => {
            faults.push(format!("{place}: {operator} needs values"));
        }
        Some(operator @ ("Exists" | "DoesNotExist")) if some => {
            faults.push(format!("{place}: {operator} takes no values"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
