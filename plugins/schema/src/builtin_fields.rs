//! What the schemas of built-in kinds do not say of themselves.

use serde_json::Value;

use crate::schema::{Kind, Schema};

/// Definitions that take whatever JSON there is.
pub fn is_anything(definition: &str) -> bool {
    matches!(definition, "apiextensions.v1.JSON" | "meta.v1.FieldsV1")
}

/// What stands where a CRD's schema may have a schema, or else something simpler.
pub fn schema_or(definition: &str, value: &Value) -> Option<Schema> {
    let schema = || Schema {
        reference: Some("apiextensions.v1.JSONSchemaProps".into()),
        ..Schema::default()
    };
    let of_kind = |kind| Schema {
        kind: Some(kind),
        ..Schema::default()
    };
    let list = |items| Schema {
        items: Some(Box::new(items)),
        ..of_kind(Kind::Array)
    };
    match (definition, value) {
        ("apiextensions.v1.JSONSchemaPropsOrBool", Value::Bool(_)) => Some(of_kind(Kind::Boolean)),
        ("apiextensions.v1.JSONSchemaPropsOrArray", Value::Array(_)) => Some(list(schema())),
        ("apiextensions.v1.JSONSchemaPropsOrStringArray", Value::Array(_)) => {
            Some(list(of_kind(Kind::String)))
        }
        (
            "apiextensions.v1.JSONSchemaPropsOrBool"
            | "apiextensions.v1.JSONSchemaPropsOrArray"
            | "apiextensions.v1.JSONSchemaPropsOrStringArray",
            _,
        ) => Some(schema()),
        _ => None,
    }
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
/// empty value is as good. By group and type, for all versions are alike; found by asking the server.
const OPTIONAL: [(&str, &str, &str); 17] = [
    ("apiextensions", "CustomResourceDefinitionVersion", "served"),
    ("batch", "PodFailurePolicy", "rules"),
    ("core", "Event", "involvedObject"),
    ("core", "Event", "metadata"),
    ("core", "HTTPHeader", "value"),
    ("core", "LimitRangeSpec", "limits"),
    ("core", "Sysctl", "value"),
    ("core", "TypedLocalObjectReference", "kind"),
    ("core", "TypedObjectReference", "kind"),
    ("discovery", "ForNode", "name"),
    ("discovery", "ForZone", "name"),
    ("resource", "DeviceCapacity", "value"),
    ("resource", "ResourcePool", "generation"),
    ("storage", "CSIDriver", "spec"),
    ("storage", "CSINode", "spec"),
    ("storage", "CSINodeSpec", "drivers"),
    ("storage", "TokenRequest", "audience"),
];

pub fn is_optional(definition: &str, field: &str) -> bool {
    let parts: Vec<&str> = definition.split('.').collect();
    let [group, _, kind] = parts.as_slice() else {
        return false;
    };
    OPTIONAL.contains(&(group, kind, field))
}
