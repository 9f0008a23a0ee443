//! YAML and JSON as kubectl reads them.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::fault::Fault;
use super::node::Node;
use super::yaml::document;
use super::{Children, Elsewhere, GroupVersionKind, ObjectKey, Origin, Place, Span, Spans, json};

/// How much of a hostile file is looked at before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one file.
    pub bytes: usize,
    /// Nested collections. Below the 128 of common JSON readers, so that every object can travel.
    pub depth: usize,
    /// Values of one document after aliases are expanded.
    pub nodes: usize,
    /// Bytes of all scalars of one document after aliases are expanded.
    pub expanded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            depth: 100,
            nodes: 1_000_000,
            expanded_bytes: 32 << 20,
        }
    }
}

/// One Kubernetes object as read from a file.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// A JSON object.
    pub object: Value,
    /// The line of the object's first key.
    pub origin: Origin,
    /// Where each of its fields is; shared, for transformers copy manifests.
    pub spans: Arc<Spans>,
    /// Of a rendered object: what other files made of it.
    pub elsewhere: Option<Arc<Elsewhere>>,
}

impl Manifest {
    /// Where a field was written, or the nearest that it lies in.
    pub fn place(&self, pointer: &str) -> Place<'_> {
        if let Some((path, span)) = self.elsewhere.as_ref().and_then(|it| it.get(pointer)) {
            return Place {
                path,
                key: None,
                value: *span,
                leaf: true,
            };
        }
        let (spans, _) = self.spans.nearest(pointer);
        Place {
            path: &self.origin.path,
            key: spans.key,
            value: spans.value,
            leaf: spans.children == Children::None,
        }
    }

    /// The object's identity as the file has it. `read` has made sure of apiVersion, kind and name.
    pub fn key(&self) -> ObjectKey {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str);
        ObjectKey {
            group_kind: self.gvk().group_kind(),
            namespace: text("/metadata/namespace")
                .filter(|name| !name.is_empty())
                .map(Into::into),
            name: text("/metadata/name").unwrap_or_default().into(),
        }
    }

    pub fn gvk(&self) -> GroupVersionKind {
        let text = |field: &str| {
            self.object
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        GroupVersionKind::new(text("apiVersion"), text("kind"))
    }
}

/// Why a file, or one document of it, is not Kubernetes objects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {message}")]
pub struct ReadError {
    pub path: String,
    pub line: u32,
    pub column: u32,
    /// What is wrong, in one sentence; never a value of the document.
    pub message: String,
    pub hint: Option<String>,
}

/// Reads every object of a file. All errors of the file are given, not just the first;
/// a file with an error gives no objects.
///
/// `List` kinds are unfolded. Empty documents are passed over.
pub fn read(path: &str, bytes: &[u8], limits: &Limits) -> Result<Vec<Manifest>, Vec<ReadError>> {
    let mut faults = Vec::new();
    let mut manifests = Vec::new();
    let shared: Arc<str> = path.into();
    for (value, spans) in documents(bytes, limits, &mut faults) {
        unfold(&shared, value, spans, &mut manifests, &mut faults);
    }
    if faults.is_empty() {
        return Ok(manifests);
    }
    faults.sort_by_key(|fault| (fault.line, fault.column));
    Err(faults.into_iter().map(|fault| fault.of(path)).collect())
}

/// Reads the one document of a file that holds no objects: settings, or a list. Null if it is empty.
pub fn read_value(path: &str, bytes: &[u8], limits: &Limits) -> Result<Value, Vec<ReadError>> {
    let mut faults = Vec::new();
    let mut found = documents(bytes, limits, &mut faults);
    if let Some((_, spans)) = found.get(1) {
        faults.push(Fault::at(&spans.value, "one document is wanted here"));
    }
    if faults.is_empty() {
        return Ok(found.pop().map(|(value, _)| value).unwrap_or_default());
    }
    Err(faults.into_iter().map(|fault| fault.of(path)).collect())
}

/// Reads the documents of a file, whatever they hold, each with the place where it begins. Empty
/// ones are passed over.
pub fn read_documents(
    path: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Vec<(Value, Origin)>, Vec<ReadError>> {
    let mut faults = Vec::new();
    let found = documents(bytes, limits, &mut faults);
    if faults.is_empty() {
        let shared: Arc<str> = path.into();
        let place = |(value, spans): Node| (value, Origin::new(shared.clone(), spans.value.line));
        return Ok(found.into_iter().map(place).collect());
    }
    Err(faults.into_iter().map(|fault| fault.of(path)).collect())
}

/// The documents of a file, whatever they hold, each with the places of its fields; none if there is
/// an error in it.
pub fn read_fields(bytes: &[u8], limits: &Limits) -> Vec<(Value, Spans)> {
    let mut faults = Vec::new();
    let found = documents(bytes, limits, &mut faults);
    match faults.is_empty() {
        true => found,
        false => Vec::new(),
    }
}

/// The documents of a file that are not empty, whatever they hold.
pub(super) fn documents(bytes: &[u8], limits: &Limits, faults: &mut Vec<Fault>) -> Vec<Node> {
    let start = Span {
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 1,
    };
    if bytes.len() > limits.bytes {
        let message = format!(
            "the file has {} bytes, over the limit of {}",
            bytes.len(),
            limits.bytes
        );
        faults.push(Fault::at(&start, message));
        return Vec::new();
    }
    if bytes.trim_ascii_start().starts_with(b"{")
        && let Some(found) = json::documents(bytes, limits, faults)
    {
        return found;
    }
    let mut found = Vec::new();
    for (line, part) in split(bytes, faults) {
        match document(&bytes[part], line, limits, faults) {
            Ok(Some((Value::Null, _)) | None) => {}
            Ok(Some(node)) => found.push(node),
            Err(fault) => faults.push(fault),
        }
    }
    found
}

/// Splits at lines that begin with `---`, as k8s.io/apimachinery/pkg/util/yaml does, before YAML is
/// looked at. Gives the line on which each part begins.
pub(super) fn split(bytes: &[u8], faults: &mut Vec<Fault>) -> Vec<(u32, Range<usize>)> {
    let mut parts = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let mut position = 0;
    for (line, text) in (1u32..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let next = position + text.len();
        if let Some(rest) = text.strip_prefix(b"---") {
            let rest = rest.trim_ascii();
            if !rest.is_empty() && !rest.starts_with(b"#") {
                let span = Span {
                    line,
                    column: 4,
                    end_line: line,
                    end_column: 4,
                };
                faults.push(Fault::at(
                    &span,
                    "only a comment may stand behind `---`, for kubectl",
                ));
            }
            parts.push((start_line, start..position));
            (start, start_line) = (next, line + 1);
        }
        position = next;
    }
    parts.push((start_line, start..bytes.len()));
    parts
}

fn unfold(
    path: &Arc<str>,
    value: Value,
    spans: Spans,
    manifests: &mut Vec<Manifest>,
    faults: &mut Vec<Fault>,
) {
    let here = spans.value;
    if !value.is_object() {
        faults.push(Fault::at(
            &here,
            "this document is no Kubernetes object: it is not a mapping",
        ));
        return;
    }
    let at = |pointer: &str| spans.nearest(pointer).0.value;
    let text = |field: &str| {
        value
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let kind = text("kind");
    for (field, found) in [("apiVersion", text("apiVersion")), ("kind", kind)] {
        if found.is_none() {
            let message = format!("this object has no {field}, or it is not a text");
            faults.push(Fault::at(&at(&format!("/{field}")), message));
        }
    }
    if text("apiVersion").is_none() || kind.is_none() {
        return;
    }
    if kind.is_some_and(|kind| kind.ends_with("List")) && value.get("items").is_some() {
        return unfold_list(path, value, spans, manifests, faults);
    }
    if let Some(message) = misnamed(&value) {
        faults.push(Fault::at(&at("/metadata/name"), message));
        return;
    }
    let line = match &spans.children {
        Children::Fields(fields) => fields
            .iter()
            .filter_map(|(_, field)| field.key)
            .map(|key| key.line)
            .min()
            .unwrap_or(here.line),
        _ => here.line,
    };
    manifests.push(Manifest {
        object: value,
        origin: Origin::new(path.clone(), line),
        spans: Arc::new(spans),
        elsewhere: None,
    });
}

pub(super) fn misnamed(value: &Value) -> Option<&'static str> {
    let metadata = value.get("metadata").and_then(Value::as_object);
    let Some(metadata) = metadata else {
        return Some("this object has no metadata with a name");
    };
    if metadata
        .get("namespace")
        .is_some_and(|name| !name.is_string() && !name.is_null())
    {
        return Some("metadata.namespace is not a text; put it in quotes");
    }
    for map in ["labels", "annotations"] {
        let entries = metadata.get(map).and_then(Value::as_object);
        if entries.is_some_and(|entries| entries.values().any(|value| !value.is_string())) {
            return Some("a label or annotation is not a text; put its value in quotes");
        }
    }
    match metadata.get("name") {
        Some(Value::String(name)) if !name.is_empty() => None,
        Some(Value::String(_) | Value::Null) | None if metadata.contains_key("generateName") => {
            Some("generateName makes a new object at every apply; give the object a name")
        }
        Some(Value::String(_) | Value::Null) | None => Some("this object has no name"),
        Some(_) => Some("metadata.name is not a text; put it in quotes"),
    }
}

fn unfold_list(
    path: &Arc<str>,
    value: Value,
    spans: Spans,
    manifests: &mut Vec<Manifest>,
    faults: &mut Vec<Fault>,
) {
    let whole = spans.value;
    let Value::Object(mut fields) = value else {
        return;
    };
    let items = fields.remove("items").unwrap_or_default();
    let item_spans = match spans.children {
        Children::Fields(fields) => fields
            .into_iter()
            .find(|(name, _)| &**name == "items")
            .map(|(_, spans)| spans),
        _ => None,
    };
    match (items, item_spans.map(|spans| spans.children)) {
        (Value::Null, _) => {}
        (Value::Array(items), Some(Children::Items(spans))) => {
            for (item, spans) in items.into_iter().zip(spans) {
                unfold(path, item, spans, manifests, faults);
            }
        }
        _ => faults.push(Fault::at(&whole, "the items of this list are not a list")),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
