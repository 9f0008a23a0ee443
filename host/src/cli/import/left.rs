//! What could not be carried over, and the objects that say it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::manifest::{Manifest, Origin, Spans, pointer_token};
use crate::sandbox::clean;

pub(super) const PASSWORD: &str = "there is a password in it, which is left out";
/// Bytes of a name or a value that is quoted.
const QUOTED: usize = 256;

/// One thing that is not as it was, and what a person does about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Left {
    /// `path:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// `Kustomization flux-system/apps`.
    pub object: String,
    /// RFC 6901, in the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    pub why: String,
    /// What to do by hand.
    pub next: String,
}

impl Left {
    pub(super) fn of_file(path: &str, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            origin: Some(Origin::new(path, 1)),
            object: path.to_owned(),
            field: String::new(),
            why: why.into(),
            next: next.into(),
        }
    }

    /// For people.
    pub(super) fn told(&self) -> String {
        let origin = match &self.origin {
            Some(origin) => format!("{origin}: "),
            None => String::new(),
        };
        let field = match self.field.is_empty() {
            true => String::new(),
            false => format!(" {}", self.field),
        };
        let first = format!("{origin}{}{field}: {}", self.object, self.why);
        format!("{}\n    {}\n", clean(&first, 4096), clean(&self.next, 4096))
    }
}

/// A text of a file, fit to be quoted.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", clean(text, QUOTED))
}

/// A URL as it may be written and shown, and whether a password was taken out of it.
pub(super) fn without_password(url: &str) -> (String, bool) {
    let parts = url
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?)));
    match parts {
        Some((scheme, (user, rest))) if user.contains(':') && !user.contains('/') => {
            (format!("{scheme}://{rest}"), true)
        }
        _ => (url.to_owned(), false),
    }
}

/// An object that says what is to be carried over.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub value: Value,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
    path: Arc<str>,
    line: u32,
    spans: Arc<Spans>,
    /// Where in the file's object this one is: an Application in its ApplicationSet.
    within: String,
}

impl Object {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let key = manifest.key();
        Self {
            value: manifest.object.clone(),
            kind: key.group_kind.kind.to_string(),
            namespace: key.namespace.map(|it| it.to_string()),
            name: key.name.to_string(),
            path: manifest.origin.path.clone(),
            line: manifest.origin.line,
            spans: manifest.spans.clone(),
            within: String::new(),
        }
    }

    /// One that this one is a template of.
    pub(super) fn made(&self, value: Value, kind: &str, name: &str, within: &str) -> Self {
        Self {
            value,
            kind: kind.to_owned(),
            name: name.to_owned(),
            within: format!("{}{within}", self.within),
            ..self.clone()
        }
    }

    /// `Kustomization flux-system/apps`: no two objects have the same.
    pub(super) fn label(&self) -> String {
        let name = match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        };
        clean(&format!("{} {name}", self.kind), QUOTED)
    }

    /// `None` where there is nothing, or null.
    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer).filter(|it| !it.is_null())
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        let text = self.get(pointer).and_then(Value::as_str);
        text.filter(|it| !it.is_empty())
    }

    pub(super) fn flag(&self, pointer: &str) -> Option<bool> {
        self.get(pointer).and_then(Value::as_bool)
    }

    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        let list = self.get(pointer).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// A mapping with something in it.
    pub(super) fn map(&self, pointer: &str) -> Option<&Map<String, Value>> {
        let map = self.get(pointer).and_then(Value::as_object);
        map.filter(|it| !it.is_empty())
    }

    pub(super) fn texts(&self, pointer: &str) -> Vec<String> {
        let texts = self.list(pointer).iter().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    pub(super) fn origin(&self, pointer: &str) -> Origin {
        let (spans, whole) = self.spans.nearest(&format!("{}{pointer}", self.within));
        let line = match (pointer, whole) {
            ("", _) => self.line,
            _ => spans.key.unwrap_or(spans.value).line,
        };
        Origin::new(self.path.clone(), line)
    }

    pub(super) fn left(&self, field: &str, why: impl Into<String>, next: &str) -> Left {
        Left {
            origin: Some(self.origin(field)),
            object: self.label(),
            field: field.to_owned(),
            why: why.into(),
            next: next.to_owned(),
        }
    }

    /// Fields of a mapping that are not among those that are known here.
    pub(super) fn unknown(&self, pointer: &str, known: &[&str]) -> Vec<Left> {
        let known: BTreeSet<&str> = known.iter().copied().collect();
        let fields = self.map(pointer).into_iter().flatten();
        let unknown = fields.filter(|(name, value)| {
            let says_nothing = value.is_null()
                || value == &&Value::Bool(false)
                || value.as_object().is_some_and(Map::is_empty)
                || value.as_array().is_some_and(Vec::is_empty);
            !known.contains(name.as_str()) && !says_nothing
        });
        let told = unknown.map(|(name, _)| {
            let field = format!("{pointer}/{}", pointer_token(name));
            self.left(
                &field,
                "this field is not carried over",
                "look whether the kit needs what it says",
            )
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_a_url_and_a_user_is_not() {
        for (url, written) in [
            (
                "https://me:secret@example.org/a.git",
                "https://example.org/a.git",
            ),
            (
                "ssh://git@example.org:22/a.git",
                "ssh://git@example.org:22/a.git",
            ),
            ("git@example.org:a.git", "git@example.org:a.git"),
            ("https://example.org/a@b:c", "https://example.org/a@b:c"),
        ] {
            let (found, taken) = without_password(url);
            assert_eq!((found.as_str(), taken), (written, url != written));
        }
    }
}
