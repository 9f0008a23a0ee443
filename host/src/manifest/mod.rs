//! One Kubernetes object as read from a file, and where it was read.
//! Reads YAML and JSON exactly as kubectl does, keeping a line for every field; writes YAML.
//! Never touches Git, the cluster, the clock or the file system: bytes in, values out.

mod edit;
mod ending;
mod fault;
mod field_path;
mod finding;
mod hook;
mod json;
mod key;
mod layout;
mod node;
mod origin;
mod patch;
mod pointer;
mod read;
mod reread;
mod scalar;
mod scope;
mod shown;
mod styled;
mod write;
mod yaml;

pub use edit::{Edit, Edited, Obstacle, edited};
pub use field_path::{dotted, field_pointer};
pub use finding::{Finding, Note, Severity};
pub use hook::{HOOK_ANNOTATION, Hook, Side, runs};
pub use key::{GroupKind, GroupVersionKind, ObjectKey};
pub use origin::{Children, Elsewhere, Origin, Place, Span, Spans};
pub use pointer::{pointer_name, pointer_token};
pub use read::{Limits, Manifest, ReadError, read, read_documents, read_fields, read_value};
pub use reread::{object_fault, reread};
pub use scope::{Scope, Scopes};
pub use shown::{causes, clean};
pub use write::{canonical_json, write_yaml};
