//! Writes values into YAML so that nothing but them changes. Whatever was written is read again,
//! and thrown away unless it says the same as before with just these fields changed.

use serde_json::{Map, Value};

use super::layout::{Document, Shape, Written, document};
use super::patch::{Patch, Place, insertion, replacement};
use super::read::{documents, split};
use super::{Limits, Manifest, json, pointer_name, read};

/// A field of one of a file's objects, and what is to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Which of the objects that `read` gives, counted from 0.
    pub object: usize,
    /// RFC 6901. What is missing on the way to the field is made, but for items of lists.
    pub pointer: String,
    pub value: Value,
}

/// Why a field is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error("the file cannot be read, or is not UTF-8")]
    Unreadable,
    #[error("the file holds several JSON objects, one behind the other")]
    JsonStream,
    #[error("an anchor and its aliases share the value: a change here is one elsewhere, too")]
    Shared,
    #[error("the value comes from a merge key (`<<`)")]
    Merged,
    #[error("the value bears a tag")]
    Tagged,
    #[error("a comment stands within the value, and would be lost")]
    Comment,
    #[error("there is no such list item, or no mapping that could have the field")]
    NoPlace,
    #[error("the mapping in braces ends in a way that cannot be extended safely")]
    Braces,
    #[error("the file would not read back as the same objects with this field changed")]
    ReadsOtherwise,
}

/// What came of a file's edits.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// The new text; the old one, if nothing was edited.
    pub bytes: Vec<u8>,
    /// An outcome an edit, in their order.
    pub outcomes: Vec<Result<(), Obstacle>>,
}

/// Makes edits in a file of objects. Those that cannot be made safely are left out.
pub fn edited(bytes: &[u8], edits: &[Edit], limits: &Limits) -> Edited {
    let original = || bytes.to_vec();
    let Some((text, before)) = readable(bytes, limits) else {
        return Edited {
            bytes: original(),
            outcomes: vec![Err(Obstacle::Unreadable); edits.len()],
        };
    };
    if let Some(text) = all_at_once(text, &before, edits, limits) {
        return Edited {
            bytes: text.into_bytes(),
            outcomes: vec![Ok(()); edits.len()],
        };
    }
    // One by one, to find those that can be made.
    let mut text = text.to_owned();
    let mut objects: Vec<Value> = before.into_iter().map(|it| it.object).collect();
    let mut outcomes = Vec::with_capacity(edits.len());
    for edit in edits {
        outcomes.push(match one(&text, &objects, edit, limits) {
            Ok((new, expected)) => {
                (text, objects) = (new, expected);
                Ok(())
            }
            Err(obstacle) => Err(obstacle),
        });
    }
    Edited {
        bytes: text.into_bytes(),
        outcomes,
    }
}

fn readable<'b>(bytes: &'b [u8], limits: &Limits) -> Option<(&'b str, Vec<Manifest>)> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some((text, read("", bytes, limits).ok()?))
}

/// Reading a file once for all edits, where each of them can be made.
fn all_at_once(text: &str, before: &[Manifest], edits: &[Edit], limits: &Limits) -> Option<String> {
    let objects: Vec<Value> = before.iter().map(|it| it.object.clone()).collect();
    let parts = layout(text, limits).ok()?;
    let mut patches = Vec::new();
    let mut expected = objects.clone();
    for edit in edits {
        patches.push(patch(text, &parts, &objects, edit).ok()?);
        put(expected.get_mut(edit.object)?, &edit.pointer, &edit.value)?;
    }
    // Stable: what is inserted at one place stands in the order of the edits.
    patches.sort_by_key(|patch| (patch.range.start, patch.range.end));
    let overlap = |pair: &[Patch]| pair[0].range.end > pair[1].range.start;
    if patches.windows(2).any(overlap) {
        return None;
    }
    let mut new = text.to_owned();
    for patch in patches.iter().rev() {
        new.replace_range(patch.range.clone(), &patch.text);
    }
    reads_as(&new, &expected, limits).then_some(new)
}

fn one(
    text: &str,
    objects: &[Value],
    edit: &Edit,
    limits: &Limits,
) -> Result<(String, Vec<Value>), Obstacle> {
    let parts = layout(text, limits)?;
    let patch = patch(text, &parts, objects, edit)?;
    let mut expected = objects.to_vec();
    expected
        .get_mut(edit.object)
        .and_then(|object| put(object, &edit.pointer, &edit.value))
        .ok_or(Obstacle::NoPlace)?;
    let mut new = text.to_owned();
    new.replace_range(patch.range, &patch.text);
    if reads_as(&new, &expected, limits) {
        Ok((new, expected))
    } else {
        Err(Obstacle::ReadsOtherwise)
    }
}

fn reads_as(text: &str, expected: &[Value], limits: &Limits) -> bool {
    read("", text.as_bytes(), limits).is_ok_and(|found| {
        found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(it, wanted)| it.object == *wanted)
    })
}

/// Sets a field. `None` if something on the way to it is neither a mapping nor missing.
fn put(object: &mut Value, pointer: &str, value: &Value) -> Option<()> {
    let mut here = object;
    for token in tokens(pointer) {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        here = match here {
            Value::Object(map) => map.entry(token).or_insert(Value::Null),
            Value::Array(items) => items.get_mut(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    *here = value.clone();
    Some(())
}

fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    let tokens = pointer.split('/').skip(1);
    tokens.map(pointer_name)
}

/// The documents of a file as they are written, those that are empty left out.
fn layout(text: &str, limits: &Limits) -> Result<Vec<Document>, Obstacle> {
    let bytes = text.as_bytes();
    let mut faults = Vec::new();
    if bytes.trim_ascii_start().starts_with(b"{")
        && let Some(found) = json::documents(bytes, limits, &mut faults)
    {
        if found.len() > 1 {
            return Err(Obstacle::JsonStream);
        }
        return Ok(document(text, 0..text.len()).into_iter().collect());
    }
    let parts = split(bytes, &mut faults).into_iter();
    let found: Vec<Document> = parts
        .filter_map(|(_, part)| document(text, part))
        .filter(|it| matches!(it.root.shape, Shape::Mapping { .. }))
        .collect();
    // What is no mapping is null, or the file would not have been read.
    if found.len() == documents(bytes, limits, &mut faults).len() {
        Ok(found)
    } else {
        Err(Obstacle::ReadsOtherwise)
    }
}

/// The objects of a file in the order in which `read` gives them: lists are unfolded.
fn objects(parts: &[Document]) -> Vec<(&Document, Vec<&Written>)> {
    fn unfold<'d>(
        document: &'d Document,
        mut path: Vec<&'d Written>,
        here: &'d Written,
        found: &mut Vec<(&'d Document, Vec<&'d Written>)>,
    ) {
        path.push(here);
        let field = |name: &str| {
            let Shape::Mapping { entries, .. } = &here.shape else {
                return None;
            };
            let entry = entries.iter().find(|it| it.name.as_deref() == Some(name));
            entry.map(|it| &it.value)
        };
        let is_list = field("kind").is_some_and(
            |it| matches!(&it.shape, Shape::Scalar { text, .. } if text.ends_with("List")),
        );
        match field("items") {
            Some(list) if is_list => {
                path.push(list);
                if let Shape::Sequence { items, .. } = &list.shape {
                    for item in items {
                        unfold(document, path.clone(), item, found);
                    }
                }
            }
            _ => found.push((document, path)),
        }
    }
    let mut found = Vec::new();
    for document in parts {
        unfold(document, Vec::new(), &document.root, &mut found);
    }
    found
}

/// What is to be written for an edit, and where.
fn patch(text: &str, parts: &[Document], values: &[Value], edit: &Edit) -> Result<Patch, Obstacle> {
    let objects = objects(parts);
    // A kind or a list that is an alias is not followed here.
    if objects.len() != values.len() {
        return Err(Obstacle::ReadsOtherwise);
    }
    let Some(((document, path), object)) = objects.get(edit.object).zip(values.get(edit.object))
    else {
        return Err(Obstacle::NoPlace);
    };
    let is_shared = |written: &&&Written| {
        let anchor = written.anchor.as_ref();
        matches!(written.shape, Shape::Alias)
            || anchor.is_some_and(|anchor| document.aliased.contains(anchor))
    };
    if path.iter().any(|it| is_shared(&it)) {
        return Err(Obstacle::Shared);
    }
    let mut place = Place {
        text,
        root: &document.root,
        above: path.clone(),
        field: None,
    };
    let mut value = Some(object);
    let mut ahead = tokens(&edit.pointer).peekable();
    while ahead.peek().is_some() {
        let here = place.here();
        let missing = |rest: Vec<String>| {
            let mut names = rest.into_iter();
            let first = names.next().unwrap_or_default();
            // A number may be the name of a field, but what is made anew is no list.
            let below = names.rev().fold(edit.value.clone(), |value, name| {
                Value::Object(Map::from_iter([(name, value)]))
            });
            (first, below)
        };
        let token = ahead.peek().cloned().unwrap_or_default();
        let next = match &here.shape {
            Shape::Mapping { entries, .. } => {
                let is_it = |it: &&super::layout::Field| it.name.as_deref() == Some(&*token);
                match entries.iter().rfind(is_it) {
                    Some(entry) => {
                        place.field = Some(entry);
                        &entry.value
                    }
                    None if value.and_then(|it| it.get(&token)).is_some() => {
                        return Err(Obstacle::Merged);
                    }
                    None => {
                        let (name, below) = missing(ahead.collect());
                        return insertion(&place, &name, &below);
                    }
                }
            }
            Shape::Sequence { items, .. } => {
                place.field = None;
                let index = token.parse::<usize>().ok();
                let item = index.and_then(|index| items.get(index));
                item.ok_or(Obstacle::NoPlace)?
            }
            Shape::Scalar { .. } if value.is_some_and(Value::is_null) => {
                let (name, below) = missing(ahead.collect());
                let made = Value::Object(Map::from_iter([(name, below)]));
                return replacement(&place, &made);
            }
            Shape::Scalar { .. } => return Err(Obstacle::NoPlace),
            Shape::Alias => return Err(Obstacle::Shared),
        };
        if is_shared(&&next) {
            return Err(Obstacle::Shared);
        }
        value = value.and_then(|it| match it {
            Value::Array(items) => items.get(token.parse::<usize>().ok()?),
            other => other.get(&token),
        });
        place.above.push(next);
        ahead.next();
    }
    if edit.pointer.is_empty() {
        return Err(Obstacle::NoPlace);
    }
    replacement(&place, &edit.value)
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "edit_properties.rs"]
mod properties;
