//! An object, and the same object with one thing wrong in it, at each of its places in turn.

use std::fmt;

use serde_json::{Value, json};

/// What tells an object apart, and is the same in every mutation.
const KEPT: [&str; 5] = [
    "/apiVersion",
    "/kind",
    "/metadata",
    "/metadata/name",
    "/metadata/namespace",
];

pub struct Mutation {
    pub object: Value,
    what: String,
    valid: bool,
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |field: &str| self.object[field].as_str().unwrap_or_default();
        write!(f, "{} {} {}", text("apiVersion"), text("kind"), self.what)
    }
}

impl Mutation {
    pub fn valid(object: &Value) -> Self {
        Self {
            object: object.clone(),
            what: "as it is".into(),
            valid: true,
        }
    }

    pub fn is_valid(&self) -> bool {
        self.valid
    }

    pub fn all_of(object: &Value) -> Vec<Self> {
        let mut places = Vec::new();
        collect(object, String::new(), &mut places);
        let mut mutations = vec![Self::valid(object)];
        for place in &places {
            let value = object.pointer(place).expect("a place that was found");
            if value.is_object() {
                mutations.extend(Self::at(object, place, "an unknown field at", |it| {
                    it["notAField"] = json!({});
                }));
            }
            if KEPT.contains(&place.as_str()) || place.is_empty() {
                continue;
            }
            let other = match value {
                Value::String(_) | Value::Number(_) => json!({"a": "b"}),
                Value::Bool(_) => json!("true"),
                _ => json!("text"),
            };
            mutations.extend(Self::at(object, place, "another type at", |it| {
                *it = other.clone();
            }));
            mutations.extend(Self::at(object, place, "null at", |it| *it = Value::Null));
            mutations.extend(match value {
                Value::String(_) => Self::at(object, place, "a number at", |it| *it = json!(7)),
                Value::Number(_) => Self::at(object, place, "a fraction at", |it| *it = json!(0.5)),
                _ => None,
            });
            if value.is_number() {
                let large = json!(4_294_967_296_000_u64);
                mutations.extend(Self::at(object, place, "a large number at", |it| {
                    *it = large
                }));
            }
            mutations.extend(Self::without(object, place));
            mutations.extend(Self::twice(object, place));
        }
        mutations
    }

    fn at(
        object: &Value,
        place: &str,
        what: &str,
        change: impl FnOnce(&mut Value),
    ) -> Option<Self> {
        let mut object = object.clone();
        change(object.pointer_mut(place)?);
        Some(Self {
            object,
            what: format!("{what} {place}"),
            valid: false,
        })
    }

    fn without(object: &Value, place: &str) -> Option<Self> {
        let (around, name) = place.rsplit_once('/')?;
        let name = name.replace("~1", "/").replace("~0", "~");
        let parent = object.pointer(around)?;
        parent.is_object().then(|| {
            Self::at(object, around, &format!("no {name} in"), |it| {
                if let Value::Object(fields) = it {
                    fields.remove(&name);
                }
            })
        })?
    }

    /// A list with its first item once more.
    fn twice(object: &Value, place: &str) -> Option<Self> {
        let first = object.pointer(place)?.get(0)?.clone();
        Self::at(object, place, "an item twice in", |it| {
            if let Value::Array(items) = it {
                items.push(first);
            }
        })
    }
}

fn collect(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{place}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}
