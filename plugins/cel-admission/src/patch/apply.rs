//! Apply configurations, merged into the object as server-side apply merges.

use serde_json::{Map, Value as Json};

use super::schema::{Merge, Schema};
use crate::library::objects::placed;
use crate::value::{Fault, Value};

/// The object with the apply configuration that an expression made.
///
/// # Errors
/// What the API server would say, or that it is not known how a list is merged.
pub fn apply(object: &Json, configuration: &Value, schema: &Schema<'_>) -> Result<Json, Fault> {
    match configuration {
        Value::Structure(structure) if &*structure.name == "Object" => {}
        _ => {
            let words = "it makes no Object{…}, which the API server's compiler refuses";
            return Err(Fault::unknown(words));
        }
    }
    placed(configuration, "Object")?;
    let configuration = configuration.to_json()?;
    let mut walk = Walk {
        schema,
        path: Vec::new(),
    };
    let mut atomics = Vec::new();
    walk.atomics("", &configuration, &mut atomics);
    if !atomics.is_empty() {
        return Err(Fault::new(format!(
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {}",
            atomics.join(", ")
        )));
    }
    walk.merged(object, &configuration)
}

struct Walk<'s> {
    schema: &'s Schema<'s>,
    /// Names on the way; items of a list have none.
    path: Vec<String>,
}

impl Walk<'_> {
    /// Places of what may only be set as a whole, as the API server writes them.
    fn atomics(&mut self, place: &str, new: &Json, into: &mut Vec<String>) {
        if self.schema.merge(&self.path, new) == Merge::Atomic
            && (new.is_object() || new.is_array())
        {
            into.push(place.to_owned());
        }
        match new {
            Json::Array(items) => {
                let whole = self.schema.has_atomic_items(&self.path);
                for (index, item) in items.iter().enumerate() {
                    if whole && item.is_object() {
                        into.push(format!("{place}[{index}]"));
                    }
                    self.atomics_below(&format!("{place}[{index}]"), item, into);
                }
            }
            new => self.atomics_below(place, new, into),
        }
    }

    fn atomics_below(&mut self, place: &str, new: &Json, into: &mut Vec<String>) {
        for (name, value) in new.as_object().into_iter().flatten() {
            self.path.push(name.clone());
            self.atomics(&format!("{place}.{name}"), value, into);
            self.path.pop();
        }
    }

    fn merged(&mut self, object: &Json, new: &Json) -> Result<Json, Fault> {
        match (self.schema.merge(&self.path, new), new) {
            (Merge::Unknown, _) => Err(Fault::unknown(format!(
                "how the list .{} is merged is not known here",
                self.path.join(".")
            ))),
            (_, Json::Object(fields)) => {
                let empty = Map::new();
                let object = object.as_object().unwrap_or(&empty);
                self.fields(object, fields)
            }
            (Merge::ByKeys(keys), Json::Array(items)) => {
                let object = object.as_array().map(Vec::as_slice).unwrap_or_default();
                self.items(object, items, &keys)
            }
            // A set's items are their own keys.
            (_, Json::Array(items)) => {
                let object = object.as_array().map(Vec::as_slice).unwrap_or_default();
                self.items(object, items, &[])
            }
            (_, value) => Ok(value.clone()),
        }
    }

    fn fields(
        &mut self,
        object: &Map<String, Json>,
        new: &Map<String, Json>,
    ) -> Result<Json, Fault> {
        let mut made = object.clone();
        for (name, value) in new {
            self.path.push(name.clone());
            let merged = self.merged(object.get(name).unwrap_or(&Json::Null), value);
            self.path.pop();
            made.insert(name.clone(), merged?);
        }
        Ok(Json::Object(made))
    }

    /// In the order of the configuration, as far as it has one; what it does not name stays before
    /// what it stood before.
    fn items(&mut self, object: &[Json], new: &[Json], keys: &[String]) -> Result<Json, Fault> {
        let key = |item: &Json| -> Vec<Json> {
            let of_key = |key: &String| match (item.get(key), key.as_str()) {
                (None | Some(Json::Null), "protocol") => "TCP".into(),
                (found, _) => found.cloned().unwrap_or_default(),
            };
            match keys.is_empty() {
                true => vec![item.clone()],
                false => keys.iter().map(of_key).collect(),
            }
        };
        let own: Vec<_> = object.iter().map(key).collect();
        let wanted: Vec<_> = new.iter().map(key).collect();
        let mut shared = wanted.iter().filter(|it| own.contains(it));
        let mut next = shared.next();
        let (mut left, mut right) = (0, 0);
        let mut made = Vec::new();
        while left < own.len() || right < wanted.len() {
            if let (Some(mine), Some(theirs)) = (own.get(left), wanted.get(right)) {
                if mine == theirs {
                    made.push(self.merged(&object[left], &new[right])?);
                    next = shared.next();
                    (left, right) = (left + 1, right + 1);
                    continue;
                }
                if wanted.contains(mine) && next.is_some_and(|it| it != mine) {
                    // It comes where the configuration has it.
                    left += 1;
                    continue;
                }
            }
            if let Some(mine) = own.get(left) {
                if !wanted.contains(mine) {
                    made.push(object[left].clone());
                    left += 1;
                    continue;
                }
                if wanted[..right].contains(mine) {
                    left += 1;
                }
            }
            if let Some(theirs) = wanted.get(right) {
                let mine = own.iter().position(|it| it == theirs);
                let mine = mine.map_or(&Json::Null, |at| &object[at]);
                made.push(self.merged(mine, &new[right])?);
                right += 1;
                if next == Some(theirs) {
                    next = shared.next();
                }
            }
        }
        Ok(Json::Array(made))
    }
}
