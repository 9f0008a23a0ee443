//! What the API server does to a custom resource before it looks at it: nulls where null is not
//! taken and there is no default go, then defaults come.

use serde_json::Value;

use crate::schema::Schema;

pub fn apply(value: &mut Value, schema: &Schema) {
    without_nulls(value, Some(schema));
    add(value, schema);
}

fn without_nulls(value: &mut Value, schema: Option<&Schema>) {
    match value {
        Value::Object(fields) => {
            let of = |name: &str| {
                let schema = schema?;
                schema.properties.get(name).or_else(|| schema.values())
            };
            fields.retain(|name, value| {
                let dropped = |it: &Schema| !it.nullable && it.default.is_none();
                !(value.is_null() && of(name).is_some_and(dropped))
            });
            for (name, value) in fields {
                without_nulls(value, of(name));
            }
        }
        Value::Array(items) => {
            let schema = schema.and_then(|it| it.items.as_deref());
            items.iter_mut().for_each(|it| without_nulls(it, schema));
        }
        _ => {}
    }
}

fn add(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(fields) => {
            for (name, schema) in &schema.properties {
                let Some(default) = &schema.default else {
                    continue;
                };
                match fields.get_mut(name) {
                    None => {
                        fields.insert(name.clone(), default.clone());
                    }
                    Some(value) => instead_of_null(value, schema),
                }
            }
            for (name, value) in fields {
                if let Some(schema) = schema.properties.get(name) {
                    add(value, schema);
                } else if let Some(schema) = schema.values() {
                    instead_of_null(value, schema);
                    add(value, schema);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = &schema.items else {
                return;
            };
            for item in items {
                instead_of_null(item, schema);
                add(item, schema);
            }
        }
        _ => {}
    }
}

fn instead_of_null(value: &mut Value, schema: &Schema) {
    if let Some(default) = &schema.default
        && value.is_null()
        && !schema.nullable
    {
        *value = default.clone();
    }
}
