//! JSON patches (RFC 6902).

use json_patch::PatchOperation;
use serde_json::Value;

use crate::patch::{Fault, Mode};

/// The first operation that changes more than what is missing.
pub fn overwrites(operations: &[PatchOperation]) -> Option<String> {
    let other =
        |it: &&PatchOperation| !matches!(it, PatchOperation::Add(_) | PatchOperation::Test(_));
    operations.iter().find(other).map(|it| {
        let name = match it {
            PatchOperation::Remove(_) => "remove",
            PatchOperation::Replace(_) => "replace",
            PatchOperation::Move(_) => "move",
            PatchOperation::Copy(_) => "copy",
            PatchOperation::Add(_) | PatchOperation::Test(_) => "the operation",
        };
        format!("{name} of {}", it.path().as_str())
    })
}

/// One operation after the other; what `add` would replace stays if only what is missing is added.
pub fn apply(value: &mut Value, operations: &[PatchOperation], mode: Mode) -> Result<(), Fault> {
    for (index, operation) in operations.iter().enumerate() {
        let path = operation.path().as_str();
        // At a list's index, `add` puts an item in, and takes nothing away.
        let there = value.pointer(path).is_some() && !is_item(value, path);
        if mode == Mode::OnlyIfMissing && matches!(operation, PatchOperation::Add(_)) && there {
            continue;
        }
        if let Err(error) = json_patch::patch(value, std::slice::from_ref(operation)) {
            let rule = match error.kind {
                json_patch::PatchErrorKind::TestFailed => "test",
                _ => "path",
            };
            let message = match rule {
                "test" => format!("the test of {path} (operation {}) fails", index + 1),
                _ => format!(
                    "operation {} cannot be applied at {path}: {}",
                    index + 1,
                    error.kind
                ),
            };
            return Err(Fault {
                rule,
                field: nearest(value, path),
                message,
            });
        }
    }
    Ok(())
}

fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..slash])
}

fn is_item(value: &Value, path: &str) -> bool {
    value.pointer(parent(path)).is_some_and(Value::is_array)
}

/// The place itself, or what there is above it.
fn nearest(value: &Value, path: &str) -> String {
    let mut path = path;
    while value.pointer(path).is_none() && !path.is_empty() {
        path = parent(path);
    }
    path.to_owned()
}
