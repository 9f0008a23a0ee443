//! `Object{…}` and `JSONPatch{…}`, what a mutation makes.

use crate::value::{Fault, Outcome, Structure, Value};

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    match (name, arguments) {
        ("jsonpatch.escapeKey", [Value::String(text)]) => {
            Some(Ok(Value::text(text.replace('~', "~0").replace('/', "~1"))))
        }
        _ => None,
    }
}

/// Whether the fields are such as the structure may have.
///
/// # Errors
/// What the API server would say.
pub fn accept(structure: &Structure) -> Result<(), Fault> {
    if &*structure.name != "JSONPatch" {
        return Ok(());
    }
    for (field, value) in &structure.fields {
        match (&**field, value) {
            ("op" | "path" | "from", Value::String(_)) | ("value", _) => {}
            ("op" | "path" | "from", other) => {
                let kind = other.type_name();
                let words = format!("unexpected type {kind} for JSONPatchType '{field}' field");
                return Err(Fault::new(words));
            }
            _ => {
                return Err(Fault::new(format!(
                    "unexpected JSONPatchType field: {field}"
                )));
            }
        }
    }
    Ok(())
}

/// Whether each `Object.spec{…}` stands where its name says.
///
/// # Errors
/// Which does not.
pub fn placed(value: &Value, name: &str) -> Result<(), Fault> {
    match value {
        Value::Structure(structure) => {
            if &*structure.name != name {
                let found = &structure.name;
                return Err(Fault::new(format!(
                    "type mismatch: unexpected type name {found:?}, expected {name:?}, which matches field name path from root Object type"
                )));
            }
            structure
                .fields
                .iter()
                .try_for_each(|(field, value)| placed(value, &format!("{name}.{field}")))
        }
        // Lists and maps between have no name.
        Value::List(items) => items.iter().try_for_each(|item| placed(item, name)),
        Value::Map(fields) => fields.values().try_for_each(|item| placed(item, name)),
        _ => Ok(()),
    }
}
