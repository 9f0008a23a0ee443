//! Places in a repository's files.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pointer_name;
use super::shown::shown;

/// Where something was read: a path from the repository's root and a line, counted from 1;
/// 0 for what is about the whole, or has no lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    pub path: Arc<str>,
    pub line: u32,
}

impl Origin {
    pub fn new(path: impl Into<Arc<str>>, line: u32) -> Self {
        Self {
            path: path.into(),
            line,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of files are the repository's.
        let path = shown(&self.path);
        match self.line {
            0 => f.write_str(&path),
            line => write!(f, "{path}:{line}"),
        }
    }
}

/// A stretch of a file's text. Lines and columns are counted from 1, columns in characters;
/// the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// The spans of a manifest's fields, as a tree of the object's own shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans {
    /// The span of this value.
    pub value: Span,
    /// The span of the key that names this value, where it has one.
    pub key: Option<Span>,
    pub children: Children,
}

/// Where a field, or what it lies in, was made what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'m> {
    pub path: &'m Arc<str>,
    pub key: Option<Span>,
    pub value: Span,
    /// Nothing is known of what is below it.
    pub leaf: bool,
}

/// Fields that other files than the manifest's made what they are, by RFC 6901 pointer: a patch, an
/// entry of values.
pub type Elsewhere = BTreeMap<String, (Arc<str>, Span)>;

/// What is below a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Children {
    None,
    /// Sorted by name.
    Fields(Vec<(Box<str>, Spans)>),
    Items(Vec<Spans>),
}

impl Spans {
    /// Where nothing is known but a line, or not even that: 0.
    pub fn of_line(line: u32) -> Self {
        let value = Span {
            line,
            column: 1,
            end_line: line,
            end_column: 1,
        };
        Self {
            value,
            key: None,
            children: Children::None,
        }
    }

    /// Gives a field of the mapping at a pointer another name.
    pub fn rename(&mut self, pointer: &str, from: &str, to: &str) {
        let mut here = self;
        for token in pointer.split('/').skip(1) {
            let name = pointer_name(token);
            let next = match &mut here.children {
                Children::None => None,
                Children::Fields(fields) => fields
                    .iter_mut()
                    .find(|(field, _)| **field == *name)
                    .map(|(_, spans)| spans),
                Children::Items(items) => name.parse().ok().and_then(|at: usize| items.get_mut(at)),
            };
            let Some(next) = next else { return };
            here = next;
        }
        if let Children::Fields(fields) = &mut here.children {
            for (field, _) in fields.iter_mut().filter(|(field, _)| **field == *from) {
                *field = to.into();
            }
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
    }

    /// The value at an RFC 6901 pointer, or `None` if the file has nothing there.
    pub fn at(&self, pointer: &str) -> Option<&Spans> {
        let (found, whole) = self.nearest(pointer);
        whole.then_some(found)
    }

    /// The value at an RFC 6901 pointer, or its nearest ancestor that the file has;
    /// true if it is the value itself.
    pub fn nearest(&self, pointer: &str) -> (&Spans, bool) {
        let mut here = self;
        for token in pointer.split('/').skip(1) {
            let name = pointer_name(token);
            let next = match &here.children {
                Children::None => None,
                Children::Fields(fields) => fields
                    .binary_search_by(|(field, _)| field.as_ref().cmp(name.as_str()))
                    .ok()
                    .map(|found| &fields[found].1),
                Children::Items(items) => name.parse::<usize>().ok().and_then(|i| items.get(i)),
            };
            match next {
                Some(next) => here = next,
                None => return (here, false),
            }
        }
        (here, true)
    }
}
