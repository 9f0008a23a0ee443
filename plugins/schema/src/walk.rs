//! An object against its schema. Built-in kinds are read by the API server's decoder and by
//! server-side apply; custom resources are validated by their structural schema besides.

use std::rc::Rc;

use serde_json::{Map, Value};
use trimtab_plugin::Severity;

use crate::builtin::{Definitions, OBJECT_META};
use crate::fault::{Fault, MISSING_FIELD, Pointer, UNKNOWN_FIELD, VALUE, WRONG_TYPE};
use crate::nearest::nearest;
use crate::schema::{Kind, Schema};
use crate::{builtin_fields, duplicates, format, values};

/// Whose schema it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Builtin,
    Crd,
}

pub struct Walk<'d> {
    pub definitions: &'d Definitions,
    pub origin: Origin,
    /// Whether the server leaves `status` of what is applied aside: it asks for nothing there.
    pub status_is_dropped: bool,
    /// Whether the server's decoder drops what it does not know here, also if it is strict.
    drops_unknown: bool,
    pub faults: Vec<Fault>,
}

impl<'d> Walk<'d> {
    pub fn new(definitions: &'d Definitions, origin: Origin, status_is_dropped: bool) -> Self {
        Self {
            definitions,
            origin,
            status_is_dropped,
            drops_unknown: false,
            faults: Vec::new(),
        }
    }

    /// Whether a value has no fault.
    fn accepts(&self, schema: &Schema, value: &Value, at: &Pointer) -> bool {
        let mut inner = Walk::new(self.definitions, self.origin, self.status_is_dropped);
        inner.validations(schema, value, at);
        inner.faults.is_empty()
    }

    pub fn value(&mut self, schema: &Schema, value: &Value, at: &Pointer) {
        if let Some(name) = &schema.reference {
            self.reference(name, value, at);
        } else {
            self.resolved("", schema, value, at);
        }
    }

    fn reference(&mut self, name: &str, value: &Value, at: &Pointer) {
        if builtin_fields::is_anything(name) {
            return;
        }
        if let Some(schema) = builtin_fields::schema_or(name, value) {
            // Types that read themselves from JSON are not read strictly.
            let outside = std::mem::replace(&mut self.drops_unknown, true);
            self.value(&schema, value, at);
            self.drops_unknown = outside;
            return;
        }
        let special = match builtin_fields::special(name) {
            Some(special) => Some(Rc::new(special)),
            None => self.definitions.get(name),
        };
        if let Some(schema) = special {
            self.resolved(name, &schema, value, at);
        }
    }

    fn resolved(&mut self, name: &str, schema: &Schema, value: &Value, at: &Pointer) {
        if self.origin == Origin::Builtin && value.is_null() {
            // Go's decoder leaves a field as it is.
            return;
        }
        if !self.kind(schema, value, at) {
            return;
        }
        let dropped = self.status_is_dropped && at.is_within("/status");
        let judged = self.origin == Origin::Crd && !dropped;
        if judged {
            self.faults.extend(values::check(schema, value, at));
        }
        match value {
            Value::Object(fields) => self.fields(name, schema, fields, at),
            Value::Array(items) => {
                if let Some(schema) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.value(schema, item, &at.item(index));
                    }
                }
            }
            Value::String(text) => self.text(schema, text, at),
            _ => {}
        }
        if let (Some(_), Some(items)) = (schema.list_type, &schema.items) {
            let of = items.reference.as_deref();
            let named = of.and_then(|it| self.definitions.get(it));
            let items = named.as_deref().unwrap_or(items);
            self.faults
                .extend(duplicates::find(schema, items, value, at));
        }
        if judged {
            self.combinations(schema, value, at);
        }
    }

    /// Whether the value is of the schema's type; what is not is looked at no further.
    fn kind(&mut self, schema: &Schema, value: &Value, at: &Pointer) -> bool {
        let is = Kind::of(value);
        if value.is_null() {
            // Only of custom resources: where null is not taken and has a default, it is gone by now.
            let taken = schema.nullable || (schema.kind.is_none() && !schema.int_or_string);
            if !taken {
                self.wrong_type(schema, value, at);
            }
            return taken;
        }
        let matches = match schema.kind {
            _ if schema.int_or_string => matches!(is, Some(Kind::Integer | Kind::String)),
            _ if schema.format.as_deref() == Some("quantity") => {
                matches!(is, Some(Kind::Integer | Kind::Number | Kind::String))
            }
            Some(kind) => kind.takes(is),
            None => true,
        };
        if !matches {
            self.wrong_type(schema, value, at);
            return false;
        }
        self.number_range(schema, value, at)
    }

    fn wrong_type(&mut self, schema: &Schema, value: &Value, at: &Pointer) {
        let wanted = match schema.kind {
            _ if schema.int_or_string => "a whole number or a string",
            _ if schema.format.as_deref() == Some("quantity") => "a quantity",
            Some(kind) => kind.name(),
            None => "something",
        };
        let is = Kind::of(value).map_or("null", Kind::name);
        let is = match value {
            Value::Bool(flag) => flag.to_string(),
            _ => is.to_owned(),
        };
        let message = format!(
            "{} is {is}, and is to be {wanted}; the API server refuses it",
            at.name()
        );
        let proposed = values::in_another_type(schema, value);
        self.faults
            .push(Fault::error(WRONG_TYPE, at, message).proposing(proposed));
    }

    fn number_range(&mut self, schema: &Schema, value: &Value, at: &Pointer) -> bool {
        let Value::Number(number) = value else {
            return true;
        };
        let bits = match schema.format.as_deref() {
            Some("int32") => 32,
            Some("int64") => 64,
            _ if schema.int_or_string && self.origin == Origin::Builtin => 32,
            _ => return true,
        };
        let (least, most) = match bits {
            32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            // The largest f64 below 2^63: a larger one is out of range, and an i64 is always within.
            _ => (i64::MIN as f64, 9_223_372_036_854_774_784.0),
        };
        let within = number
            .as_i64()
            .is_some_and(|it| bits == 64 || i32::try_from(it).is_ok())
            || (!number.is_u64()
                && number
                    .as_f64()
                    .is_some_and(|it| (least..=most).contains(&it)));
        if !within {
            let message = format!(
                "{} does not fit into {bits} bits; the API server refuses it",
                at.name()
            );
            self.faults.push(Fault::error(VALUE, at, message));
        }
        within
    }

    fn text(&mut self, schema: &Schema, text: &str, at: &Pointer) {
        let Some(name) = &schema.format else {
            return;
        };
        let of_string = matches!(schema.kind, None | Some(Kind::String));
        let fault = match self.origin {
            Origin::Builtin => format::builtin_fault(name, text),
            Origin::Crd if of_string => format::fault(name, text, self.definitions.release.minor),
            Origin::Crd => None,
        };
        if let Some(words) = fault {
            let message = format!("{}: {words}; the API server refuses it", at.name());
            self.faults.push(Fault::error(VALUE, at, message));
        }
    }

    fn fields(&mut self, name: &str, schema: &Schema, fields: &Map<String, Value>, at: &Pointer) {
        let embedded = schema.embedded_resource;
        if embedded {
            self.resource(fields, at);
        }
        let closed = match self.origin {
            Origin::Builtin => schema.kind == Some(Kind::Object) && !schema.is_open(),
            Origin::Crd => !schema.is_open(),
        };
        for (field, value) in fields {
            let at = at.child(field);
            if embedded && matches!(field.as_str(), "apiVersion" | "kind" | "metadata") {
                if let Some(schema) = schema.properties.get(field) {
                    self.validations(schema, value, &at);
                }
                continue;
            }
            if let Some(schema) = schema.properties.get(field) {
                self.value(schema, value, &at);
            } else if let Some(schema) = schema.values() {
                self.value(schema, value, &at);
            } else if closed {
                self.unknown_field(schema, field, &at);
            }
        }
        self.required(name, schema, fields, at);
    }

    fn unknown_field(&mut self, schema: &Schema, field: &str, at: &Pointer) {
        let known = nearest(field, schema.properties.keys().map(String::as_str));
        let hint = match known {
            Some(known) => format!("; {known} is near"),
            None if schema.properties.is_empty() => "; there are none here".into(),
            None => String::new(),
        };
        let (severity, what) = match self.drops_unknown {
            true => (Severity::Warning, "drops it"),
            false => (
                Severity::Error,
                "refuses it, or drops it if it is not asked to be strict",
            ),
        };
        let message = format!("there is no field {field}{hint}: the API server {what}");
        let fault = Fault::error(UNKNOWN_FIELD, at, message);
        let fault = Fault { severity, ..fault };
        self.faults.push(match known {
            Some(known) => fault.tagged("nearest", known),
            None => fault,
        });
    }

    fn required(&mut self, name: &str, schema: &Schema, fields: &Map<String, Value>, at: &Pointer) {
        if self.status_is_dropped && at.is_within("/status") {
            return;
        }
        for field in &schema.required {
            let missing = match self.origin {
                Origin::Builtin => {
                    fields.get(field).is_none_or(Value::is_null)
                        && !builtin_fields::is_optional(name, field)
                }
                Origin::Crd => !fields.contains_key(field),
            };
            if missing {
                let message = format!("{field} is missing; the API server asks for it");
                self.faults
                    .push(Fault::error(MISSING_FIELD, at.child(field), message));
            }
        }
    }

    /// What every resource has, of a custom or an embedded one.
    pub fn resource(&mut self, fields: &Map<String, Value>, at: &Pointer) {
        for field in ["apiVersion", "kind"] {
            match fields.get(field) {
                None | Some(Value::Null) => {
                    let message = format!("{field} is missing; the API server asks for it");
                    self.faults
                        .push(Fault::error(MISSING_FIELD, at.child(field), message));
                }
                Some(Value::String(_)) => {}
                Some(value) => {
                    let text = Schema {
                        kind: Some(Kind::String),
                        ..Schema::default()
                    };
                    self.wrong_type(&text, value, &at.child(field));
                }
            }
        }
        if let Some(metadata) = fields.get("metadata")
            && let Some(schema) = self.definitions.get(OBJECT_META)
        {
            let mut inner = Walk::new(self.definitions, Origin::Builtin, false);
            inner.resolved(OBJECT_META, &schema, metadata, &at.child("metadata"));
            self.faults.append(&mut inner.faults);
        }
    }

    /// Everything but unknown fields, which `allOf`, `anyOf`, `oneOf` and `not` say nothing of.
    fn validations(&mut self, schema: &Schema, value: &Value, at: &Pointer) {
        let mut schema = schema.clone();
        open(&mut schema);
        self.resolved("", &schema, value, at);
    }

    fn combinations(&mut self, schema: &Schema, value: &Value, at: &Pointer) {
        for part in &schema.all_of {
            self.validations(part, value, at);
        }
        let name = at.name();
        let accepted = |parts: &[Schema], walk: &Self| {
            parts
                .iter()
                .filter(|it| walk.accepts(it, value, at))
                .count()
        };
        let mut messages = Vec::new();
        if !schema.any_of.is_empty() && accepted(&schema.any_of, self) == 0 {
            messages.push(format!("{name} is none of what anyOf allows"));
        }
        if !schema.one_of.is_empty() {
            let count = accepted(&schema.one_of, self);
            if count != 1 {
                messages.push(format!(
                    "{name} is {count} of what oneOf allows, and is to be one"
                ));
            }
        }
        if schema
            .not
            .as_ref()
            .is_some_and(|it| self.accepts(it, value, at))
        {
            messages.push(format!("{name} is what `not` forbids"));
        }
        for message in messages {
            let message = format!("{message}; the API server refuses it");
            self.faults.push(Fault::error(VALUE, at, message));
        }
    }
}

/// Takes any fields, at every level.
fn open(schema: &mut Schema) {
    schema.preserve_unknown_fields = true;
    schema.properties.values_mut().for_each(open);
    if let Some(items) = &mut schema.items {
        open(items);
    }
    if let Some(crate::schema::Additional::Of(values)) = &mut schema.additional_properties {
        open(values);
    }
}
