//! A Kubernetes object in a rule's hands.

use serde_json::Value;

/// What is not there.
static NOTHING: Value = Value::Null;

/// One object, where it was read, and, for rules over several kits, whose it is.
#[derive(Clone, Debug)]
pub struct Object {
    pub value: Value,
    /// Path from the repository's root.
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    /// The kit's path; empty for rules over one kit.
    pub kit: String,
    pub(crate) index: Option<u32>,
}

impl Object {
    /// A new object, as a transformer may add one.
    pub fn new(value: Value) -> Self {
        Self {
            value,
            path: String::new(),
            line: 0,
            kit: String::new(),
            index: None,
        }
    }

    /// The value at an RFC 6901 pointer; null if there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        self.value.pointer(pointer).unwrap_or(&NOTHING)
    }

    fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// Empty for cluster-scoped objects, and for kinds that the host does not know.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// The items of a list at a pointer, each with its own pointer.
    pub fn items(&self, pointer: &str) -> impl Iterator<Item = (String, &Value)> {
        let pointer = pointer.to_owned();
        let items = self
            .at(&pointer)
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        items
            .iter()
            .enumerate()
            .map(move |(index, item)| (format!("{pointer}/{index}"), item))
    }

    /// `path:line`.
    pub fn origin(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }
}
