//! Objects as YAML that kubectl reads back to the same values.

use serde_json::Value;

/// One document an object, separated by `---`, keys sorted; quoted where kubectl's reader
/// (YAML 1.1) would otherwise see another type.
pub fn write_yaml<'a>(_objects: impl IntoIterator<Item = &'a Value>) -> String {
    todo!()
}
