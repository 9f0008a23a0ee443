//! What the schemas of built-in kinds do not say of themselves.

use crate::schema::{Kind, Schema};

/// Definitions that take whatever JSON there is.
pub fn is_anything(definition: &str) -> bool {
    matches!(
        definition,
        "apiextensions.v1.JSON"
            | "apiextensions.v1.JSONSchemaPropsOrArray"
            | "apiextensions.v1.JSONSchemaPropsOrBool"
            | "apiextensions.v1.JSONSchemaPropsOrStringArray"
            | "meta.v1.FieldsV1"
    )
}

/// Definitions that a decoder of their own reads.
pub fn special(definition: &str) -> Option<Schema> {
    let schema = Schema::default();
    match definition {
        "util.intstr.IntOrString" => Some(Schema {
            int_or_string: true,
            ..schema
        }),
        "api.resource.Quantity" => Some(Schema {
            format: Some("quantity".into()),
            ..schema
        }),
        "pkg.runtime.RawExtension" => Some(Schema {
            kind: Some(Kind::Object),
            preserve_unknown_fields: true,
            ..schema
        }),
        _ => None,
    }
}

/// Fields that are required by their schema, and that the API server takes an object without: an
/// empty value is as good, or another one is filled in.
pub fn is_optional(_definition: &str, _field: &str) -> bool {
    false
}
