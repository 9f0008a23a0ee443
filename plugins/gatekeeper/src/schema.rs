//! Parameters by the schema of their template: what an API server does with a constraint's CRD.

use go_regexp::Refusal;
use serde_json::{Map, Value};

/// The schema of `spec.parameters`; none: there may be no parameters.
pub struct Schema {
    root: Option<Value>,
}

impl Schema {
    /// Of a ConstraintTemplate. The older versions take what the schema does not name, unless
    /// `legacySchema` says otherwise.
    pub fn read(template: &Value) -> Result<Self, String> {
        let validation = &template["spec"]["crd"]["spec"]["validation"];
        let older = template["apiVersion"] != "templates.gatekeeper.sh/v1";
        let legacy = validation["legacySchema"].as_bool().unwrap_or(older);
        let mut root = match &validation["openAPIV3Schema"] {
            Value::Null if legacy => Some(Value::Object(Map::new())),
            Value::Null => None,
            schema => Some(schema.clone()),
        };
        if let Some(root) = &mut root {
            if legacy {
                preserve(root);
            }
            structural(root, "openAPIV3Schema")?;
            patterns(root, "openAPIV3Schema")?;
        }
        Ok(Self { root })
    }

    /// Fills in defaults and gives what is wrong, each with its path.
    pub fn apply(&self, parameters: &mut Value) -> Vec<String> {
        let mut faults = Vec::new();
        match &self.root {
            None if parameters.is_null() => {}
            None => {
                faults.push("spec.parameters: the template has no schema, so there are none".into())
            }
            Some(_) if parameters.is_null() => {}
            Some(root) => {
                defaults(root, parameters);
                check(root, parameters, "spec.parameters", true, &mut faults);
            }
        }
        faults
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn flag(schema: &Value, name: &str) -> bool {
    schema[name] == true
}

/// What `legacySchema` stands for.
fn preserve(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    let name = "x-kubernetes-preserve-unknown-fields";
    match fields.get("type").and_then(Value::as_str).unwrap_or("") {
        "" | "object" => {
            fields.insert(name.into(), true.into());
        }
        "array" if fields.get("items").is_none_or(Value::is_null) => {
            fields.insert("items".into(), serde_json::json!({name: true}));
        }
        _ => {}
    }
    let inner = fields.get_mut("properties").and_then(Value::as_object_mut);
    inner
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(preserve);
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(name) {
            preserve(inner);
        }
    }
}

/// A schema that an API server would refuse is the template's fault.
fn structural(schema: &Value, path: &str) -> Result<(), String> {
    let free = flag(schema, "x-kubernetes-preserve-unknown-fields")
        || flag(schema, "x-kubernetes-int-or-string");
    if !schema["type"].is_string() && !free {
        return Err(format!("{path}: a schema without a type; write one"));
    }
    let known = ["array", "boolean", "integer", "number", "object", "string"];
    if let Some(other) = schema["type"].as_str().filter(|it| !known.contains(it)) {
        let known = known.join(", ");
        return Err(format!("{path}: {other:?} is no type; there are {known}"));
    }
    if schema["type"] == "array" && !schema["items"].is_object() {
        return Err(format!("{path}: an array without items"));
    }
    for (name, inner) in properties(schema) {
        structural(inner, &format!("{path}.{name}"))?;
    }
    for name in ["items", "additionalProperties"] {
        if schema[name].is_object() {
            structural(&schema[name], &format!("{path}.{name}"))?;
        }
    }
    Ok(())
}

/// All of them, those of `anyOf` and the like as well.
fn patterns(schema: &Value, path: &str) -> Result<(), String> {
    if let Some(pattern) = schema["pattern"].as_str()
        && let Err(refusal) = go_regexp::compile(pattern)
    {
        return Err(match refusal {
            Refusal::Invalid => format!("{path}: {pattern:?} is no pattern; RE2's are"),
            Refusal::Lacks(why) => {
                format!("{path}: the pattern {pattern:?} cannot be used here: {why}")
            }
        });
    }
    for (name, inner) in properties(schema) {
        patterns(inner, &format!("{path}.{name}"))?;
    }
    for name in ["items", "additionalProperties", "not"] {
        if schema[name].is_object() {
            patterns(&schema[name], &format!("{path}.{name}"))?;
        }
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for inner in schema[name].as_array().into_iter().flatten() {
            patterns(inner, &format!("{path}.{name}"))?;
        }
    }
    Ok(())
}

fn defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in properties(schema) {
                let default = &inner["default"];
                // A null where there may be none counts as left out if there is a default.
                let missing = fields
                    .get(name)
                    .is_none_or(|it| it.is_null() && !flag(inner, "nullable"));
                if missing && !default.is_null() {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in fields {
                let inner = match &schema["properties"][name] {
                    Value::Null => &schema["additionalProperties"],
                    inner => inner,
                };
                defaults(inner, value);
            }
        }
        Value::Array(items) => {
            let inner = &schema["items"];
            items.iter_mut().for_each(|item| defaults(inner, item));
        }
        _ => {}
    }
}

/// `names`: whether fields that the schema does not name are faults. In `anyOf` and the like they
/// are not: the names are the structural schema's.
fn check(schema: &Value, value: &Value, path: &str, names: bool, faults: &mut Vec<String>) {
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    if let Some(wanted) = schema["type"].as_str()
        && !has_type(wanted, value)
    {
        faults.push(format!("{path}: is not of type {wanted}"));
        return;
    }
    if flag(schema, "x-kubernetes-int-or-string")
        && !value.is_string()
        && !has_type("integer", value)
    {
        faults.push(format!("{path}: is neither an integer nor a string"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let list: Vec<String> = allowed.iter().map(Value::to_string).collect();
        faults.push(format!("{path}: is not one of {}", list.join(", ")));
    }
    match value {
        Value::Object(fields) => object(schema, fields, path, names, faults),
        Value::Array(items) => {
            between(schema, ["minItems", "maxItems"], items.len(), path, faults);
            if flag(schema, "uniqueItems")
                && (1..items.len()).any(|at| items[..at].contains(&items[at]))
            {
                faults.push(format!("{path}: has an item twice"));
            }
            if schema["items"].is_object() {
                for (at, item) in items.iter().enumerate() {
                    check(
                        &schema["items"],
                        item,
                        &format!("{path}[{at}]"),
                        names,
                        faults,
                    );
                }
            }
        }
        Value::String(text) => {
            let length = text.chars().count();
            between(schema, ["minLength", "maxLength"], length, path, faults);
            if let Some(pattern) = schema["pattern"].as_str()
                && go_regexp::compile(pattern).is_ok_and(|it| !it.is_match(text))
            {
                faults.push(format!("{path}: does not match {pattern}"));
            }
        }
        Value::Number(number) => range(schema, number.as_f64().unwrap_or(0.0), path, faults),
        _ => {}
    }
    combined(schema, value, path, faults);
}

fn has_type(wanted: &str, value: &Value) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|it| it.fract() == 0.0),
        _ => false,
    }
}

fn object(
    schema: &Value,
    fields: &Map<String, Value>,
    path: &str,
    names: bool,
    faults: &mut Vec<String>,
) {
    let limits = ["minProperties", "maxProperties"];
    between(schema, limits, fields.len(), path, faults);
    for name in schema["required"].as_array().into_iter().flatten() {
        if name.as_str().is_some_and(|name| !fields.contains_key(name)) {
            faults.push(format!("{path}: {name} is required"));
        }
    }
    let open = flag(schema, "x-kubernetes-preserve-unknown-fields") || !names;
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, more @ Value::Object(_)) => check(more, value, &path, names, faults),
            (Value::Null, Value::Bool(true)) => {}
            (Value::Null, _) if open => {}
            (Value::Null, _) => faults.push(format!("{path}: the template knows no such field")),
            (inner, _) => check(inner, value, &path, names, faults),
        }
    }
}

fn between(schema: &Value, names: [&str; 2], size: usize, path: &str, faults: &mut Vec<String>) {
    let [least, most] = names.map(|name| schema[name].as_u64());
    if least.is_some_and(|least| (size as u64) < least)
        || most.is_some_and(|most| (size as u64) > most)
    {
        let [least, most] = names;
        faults.push(format!("{path}: its size is not within {least} and {most}"));
    }
}

fn range(schema: &Value, number: f64, path: &str, faults: &mut Vec<String>) {
    let limit = |name: &str| schema[name].as_f64();
    let low = limit("minimum").is_some_and(|least| {
        number < least || (flag(schema, "exclusiveMinimum") && number == least)
    });
    let high = limit("maximum")
        .is_some_and(|most| number > most || (flag(schema, "exclusiveMaximum") && number == most));
    let uneven = limit("multipleOf").is_some_and(|step| (number / step).fract() != 0.0);
    if low || high || uneven {
        faults.push(format!("{path}: {number} is not within its range"));
    }
}

fn combined(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    let holds = |schema: &Value| {
        let mut inner = Vec::new();
        check(schema, value, path, false, &mut inner);
        inner.is_empty()
    };
    let count = |name: &str| {
        let all = schema[name].as_array().map(Vec::as_slice);
        all.map(|all| (all.iter().filter(|it| holds(it)).count(), all.len()))
    };
    for (name, fine) in [
        (
            "allOf",
            count("allOf").is_none_or(|(held, all)| held == all),
        ),
        ("anyOf", count("anyOf").is_none_or(|(held, _)| held > 0)),
        ("oneOf", count("oneOf").is_none_or(|(held, _)| held == 1)),
        ("not", schema["not"].is_null() || !holds(&schema["not"])),
    ] {
        if !fine {
            faults.push(format!("{path}: is not as {name} of the schema asks"));
        }
    }
}
