//! JSON patches (RFC 6902).

use serde_json::Value as Json;

use crate::library::objects::placed;
use crate::value::{Fault, Structure, Value};

/// The object with the patch that an expression made; none where a `test` did not hold.
///
/// # Errors
/// What the API server would say.
pub fn patched(object: &Json, patch: &Value) -> Result<Option<Json>, Fault> {
    let refused = || {
        Fault::unknown("it makes no list of JSONPatch{…}, which the API server's compiler refuses")
    };
    let Value::List(operations) = patch else {
        return Err(refused());
    };
    let mut object = object.clone();
    for operation in operations.iter() {
        let Value::Structure(operation) = operation else {
            return Err(refused());
        };
        if &*operation.name != "JSONPatch" {
            return Err(refused());
        }
        if !one(&mut object, operation)? {
            return Ok(None);
        }
    }
    Ok(Some(object))
}

/// Gives false if it is a test that does not hold.
fn one(object: &mut Json, operation: &Structure) -> Result<bool, Fault> {
    let text = |field: &str| match operation.fields.get(field) {
        Some(Value::String(text)) => text.to_string(),
        _ => String::new(),
    };
    let (name, path, from) = (text("op"), text("path"), text("from"));
    let value = || -> Result<Json, Fault> {
        let Some(value) = operation.fields.get("value") else {
            return Ok(Json::Null);
        };
        if let Value::Structure(structure) = value {
            placed(value, &structure.name)?;
        }
        value.to_json()
    };
    let missing = |words: String| wrong(&format!("{words}: missing value"));
    let no_path = || {
        missing(format!(
            "{name} operation does not apply: doc is missing path: {path:?}"
        ))
    };
    match name.as_str() {
        "add" => {
            let place = Place::find(object, &path).ok_or_else(no_path)?;
            let added = place.add(value()?);
            added.map_err(|why| wrong(&format!("error in add for path: '{path}': {why}")))?;
        }
        "remove" => {
            let place = Place::find(object, &path).ok_or_else(no_path)?;
            let removed = place.remove();
            removed.map_err(|why| wrong(&format!("error in remove for path: '{path}': {why}")))?;
        }
        "replace" => {
            let apply = "replace operation does not apply: doc is missing";
            let place = Place::find(object, &path);
            let place = place.ok_or_else(|| missing(format!("{apply} path: {path}")))?;
            if place.get().is_err() {
                return Err(missing(format!("{apply} key: {path}")));
            }
            place.set(value()?);
        }
        "move" => {
            let apply = "move operation does not apply: doc is missing";
            let place = Place::find(object, &from);
            let place = place.ok_or_else(|| missing(format!("{apply} from path: {from}")))?;
            let key = place.key.clone();
            let taken = place.remove();
            let taken =
                taken.map_err(|why| wrong(&format!("error in move for path: '{key}': {why}")))?;
            let place = Place::find(object, &path);
            let place =
                place.ok_or_else(|| missing(format!("{apply} destination path: {path}")))?;
            let added = place.add(taken);
            added.map_err(|why| wrong(&format!("error in move for path: '{path}': {why}")))?;
        }
        "copy" => {
            let apply = "copy operation does not apply: doc is missing";
            let place = Place::find(object, &from);
            let place = place.ok_or_else(|| missing(format!("{apply} from path: {from}")))?;
            let taken = place.get();
            let taken =
                taken.map_err(|why| wrong(&format!("error in copy for from: '{from}': {why}")))?;
            let place = Place::find(object, &path);
            let place =
                place.ok_or_else(|| missing(format!("{apply} destination path: {path}")))?;
            let added = place.add(taken.unwrap_or_default());
            added.map_err(|why| wrong(&format!("error while adding value during copy: {why}")))?;
        }
        "test" => {
            let place = Place::find(object, &path);
            let apply = "test operation does not apply: is missing path";
            let place = place.ok_or_else(|| missing(format!("{apply}: {path}")))?;
            let found = place.get();
            let found =
                found.map_err(|why| wrong(&format!("error in test for path: '{path}': {why}")))?;
            return Ok(match found {
                Some(found) => found == value()?,
                None => !operation.fields.contains_key("value"),
            });
        }
        _ => return Err(wrong(&format!("Unexpected kind: {name}"))),
    }
    Ok(true)
}

fn wrong(words: &str) -> Fault {
    Fault::new(format!("JSON Patch: {words}"))
}

/// Where an operation acts: what is there already, and the key in it.
struct Place<'o> {
    parent: &'o mut Json,
    key: String,
}

impl<'o> Place<'o> {
    /// None if there is nothing that may have the key.
    fn find(object: &'o mut Json, path: &str) -> Option<Self> {
        let (parent, key) = path.rsplit_once('/')?;
        let mut at = object;
        for name in parent.split('/').skip(1) {
            let next = Place {
                parent: at,
                key: plain(name),
            };
            next.get().ok()??;
            at = next.into_value()?;
        }
        (at.is_object() || at.is_array()).then(|| Self {
            parent: at,
            key: plain(key),
        })
    }

    fn into_value(self) -> Option<&'o mut Json> {
        let index = match &*self.parent {
            Json::Array(items) => index(&self.key, items.len()).ok(),
            _ => None,
        };
        match self.parent {
            Json::Object(fields) => fields.get_mut(&self.key),
            Json::Array(items) => items.get_mut(index?),
            _ => None,
        }
    }

    /// What is there; of an object, that there is nothing is no fault.
    fn get(&self) -> Result<Option<Json>, String> {
        match &*self.parent {
            Json::Array(items) => {
                let at = index(&self.key, items.len())?;
                items
                    .get(at)
                    .cloned()
                    .map(Some)
                    .ok_or_else(|| no_index(&self.key))
            }
            parent => Ok(parent.get(&self.key).cloned()),
        }
    }

    fn set(self, value: Json) {
        let key = self.key;
        match self.parent {
            Json::Object(fields) => {
                fields.insert(key, value);
            }
            Json::Array(items) => {
                let place = index(&key, items.len())
                    .ok()
                    .and_then(|at| items.get_mut(at));
                place.into_iter().for_each(|place| *place = value.clone());
            }
            _ => {}
        }
    }

    fn add(self, value: Json) -> Result<(), String> {
        let key = self.key;
        match self.parent {
            Json::Object(fields) => {
                fields.insert(key, value);
            }
            Json::Array(items) if key == "-" => items.push(value),
            Json::Array(items) => {
                // Counted from the end, the last place is behind the last item.
                let at = index(&key, items.len() + 1)?;
                if at > items.len() {
                    return Err(no_index(&key));
                }
                items.insert(at, value);
            }
            _ => {}
        }
        Ok(())
    }

    fn remove(self) -> Result<Json, String> {
        let key = self.key;
        match self.parent {
            Json::Object(fields) => fields
                .remove(&key)
                .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
            Json::Array(items) => {
                let at = index(&key, items.len())?;
                match at < items.len() {
                    true => Ok(items.remove(at)),
                    false => Err(no_index(&key)),
                }
            }
            _ => Ok(Json::Null),
        }
    }
}

/// RFC 6901.
fn plain(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn no_index(key: &str) -> String {
    format!("Unable to access invalid index: {key}: invalid index referenced")
}

/// Of a list so long; a negative one is counted from the end.
fn index(key: &str, length: usize) -> Result<usize, String> {
    let number: i64 = key.parse().map_err(|_| {
        format!("value was not a proper array index: '{key}': strconv.Atoi: parsing {key:?}: invalid syntax")
    })?;
    match usize::try_from(number) {
        Ok(at) => Ok(at),
        Err(_) => usize::try_from(number + length as i64).map_err(|_| no_index(key)),
    }
}
