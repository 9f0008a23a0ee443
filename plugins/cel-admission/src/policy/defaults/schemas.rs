//! What a CustomResourceDefinition fills in.

use serde_json::Value as Json;

/// Puts in the defaults of a structural schema, from the outside in.
pub fn fill(schema: &Json, value: &mut Json) {
    match value {
        Json::Object(fields) => {
            let properties = schema["properties"].as_object();
            for (name, of_field) in properties.into_iter().flatten() {
                let Some(default) = of_field.get("default") else {
                    continue;
                };
                // A null that may not be one is as one that is not there.
                let keeps_null = of_field["nullable"] == true;
                let slot = fields
                    .entry(name.clone())
                    .or_insert_with(|| default.clone());
                if slot.is_null() && !keeps_null {
                    *slot = default.clone();
                }
            }
            for (name, field) in fields.iter_mut() {
                let known = properties.and_then(|it| it.get(name));
                fill(known.unwrap_or(&schema["additionalProperties"]), field);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|it| fill(&schema["items"], it)),
        _ => {}
    }
}
