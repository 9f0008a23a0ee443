//! Everything that can be told of a component, also of one that is refused.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wasmparser::{Parser, Payload};

use super::contract::PACKAGE;
use super::text::clean;
use super::{Digest, LoadError, Plugin};

/// Names of imports and exports that are told; a hostile component may have any number.
const NAMES: usize = 200;
/// Bytes of one name.
const NAME: usize = 256;

/// What a component is, does and costs.
#[derive(Debug)]
pub struct Inspection {
    pub digest: Digest,
    /// Bytes.
    pub size: usize,
    /// As far as they could be read.
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    /// The version of the contract that its exports are written for.
    pub contract: Option<String>,
    /// None if it was refused before or while it was compiled.
    pub compiled: Option<Compiled>,
    pub plugin: Result<Arc<Plugin>, LoadError>,
}

/// What compiling took and gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compiled {
    pub took: Duration,
    /// Bytes of machine code and what belongs to it.
    pub code: usize,
}

impl Inspection {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let (imports, exports) = names(bytes);
        let contract = exports
            .iter()
            .filter_map(|name| name.strip_prefix(PACKAGE)?.split_once('@'))
            .map(|(_, version)| version.to_owned())
            .next();
        Self {
            digest: Digest::of(bytes),
            size: bytes.len(),
            imports,
            exports,
            contract,
            compiled: None,
            plugin: Err(LoadError::NoExport),
        }
    }
}

/// Imports and exports of the outermost component, up to the first byte that is none.
fn names(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    if !Parser::is_component(bytes) {
        return (imports, exports);
    }
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => imports.extend(
                section
                    .into_iter()
                    .map_while(Result::ok)
                    .take(NAMES.saturating_sub(imports.len()))
                    .map(|import| clean(import.name.name, NAME)),
            ),
            Payload::ComponentExportSection(section) if depth == 0 => exports.extend(
                section
                    .into_iter()
                    .map_while(Result::ok)
                    .take(NAMES.saturating_sub(exports.len()))
                    .map(|export| clean(export.name.name, NAME)),
            ),
            _ => {}
        }
    }
    (imports, exports)
}

/// A guest's JSON with every text in it made fit to be shown.
pub fn clean_json(value: &Value) -> Value {
    const TEXT: usize = 64 << 10;
    match value {
        Value::String(text) => Value::String(clean(text, TEXT)),
        Value::Array(items) => items.iter().map(clean_json).collect(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (clean(key, TEXT), clean_json(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_exports_are_told_of_the_outermost_component_alone() {
        let text = r#"(component
            (import "wasi:cli/environment@0.2.0" (instance))
            (component (import "inner:a/b" (instance)))
            (core module (import "x" "y" (func)))
            (instance $empty)
            (export "trimtab:plugin/validate@0.1.7" (instance $empty)))"#;
        let inspection = Inspection::of(&wat::parse_str(text).expect("a component"));
        assert_eq!(inspection.imports, ["wasi:cli/environment@0.2.0"]);
        assert_eq!(inspection.exports, ["trimtab:plugin/validate@0.1.7"]);
        assert_eq!(inspection.contract.as_deref(), Some("0.1.7"));
    }

    #[test]
    fn texts_of_a_schema_cannot_command_a_terminal() {
        let value = serde_json::json!({"a\u{1b}": ["\u{202e}x", 1]});
        let cleaned = serde_json::json!({"a\u{fffd}": ["\u{fffd}x", 1]});
        assert_eq!(clean_json(&value), cleaned);
    }
}
