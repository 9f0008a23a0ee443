//! YAML and JSON as kubectl reads them.

use serde_json::Value;

use super::{GroupVersionKind, ObjectKey, Origin, Spans};

/// How much of a hostile file is looked at before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one file.
    pub bytes: usize,
    /// Nested collections.
    pub depth: usize,
    /// Nodes of one document after aliases are expanded.
    pub nodes: usize,
    /// Bytes of all scalars of one document after aliases are expanded.
    pub expanded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            depth: 256,
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
    pub spans: std::sync::Arc<Spans>,
}

impl Manifest {
    /// The object's identity as the file has it. `read` has made sure of apiVersion, kind and name.
    pub fn key(&self) -> ObjectKey {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str);
        ObjectKey {
            group_kind: self.gvk().group_kind(),
            namespace: text("/metadata/namespace").map(Into::into),
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
pub fn read(_path: &str, _bytes: &[u8], _limits: &Limits) -> Result<Vec<Manifest>, Vec<ReadError>> {
    todo!()
}
