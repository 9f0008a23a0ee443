//! Objects as YAML that kubectl reads back to the same values.

use serde_json::Value;

use super::scalar::{Scalar, resolve};

/// JSON text with sorted keys: equal objects are equal texts, in whatever order a file has its keys.
pub fn canonical_json(object: &Value) -> String {
    let mut sorted = object.clone();
    sorted.sort_all_objects();
    sorted.to_string()
}

/// One document an object, separated by `---`, keys sorted; quoted where kubectl's reader
/// (YAML 1.1) would otherwise see another type.
pub fn write_yaml<'a>(objects: impl IntoIterator<Item = &'a Value>) -> String {
    let mut text = String::new();
    for object in objects {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        Style::default().write(object, 0, &mut text);
    }
    text
}

/// How far things are indented.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Of a mapping below its key.
    pub step: usize,
    /// Of a list below its key.
    pub list: usize,
}

impl Default for Style {
    /// As kubectl writes: lists are not indented.
    fn default() -> Self {
        Self { step: 2, list: 0 }
    }
}

impl Style {
    /// Writes a value that begins on a line of its own.
    pub(super) fn write(self, value: &Value, indent: usize, out: &mut String) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    pad(indent, out);
                    out.push_str(&inline(key));
                    out.push(':');
                    self.member(value, indent, indent + self.list, out);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for item in items {
                    pad(indent, out);
                    out.push('-');
                    self.element(item, indent, out);
                }
            }
            _ => {
                pad(indent, out);
                out.push_str(&scalar(value));
                out.push('\n');
            }
        }
    }

    /// Writes what stands behind `key:`.
    pub(super) fn member(self, value: &Value, indent: usize, list_indent: usize, out: &mut String) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                self.write(value, indent + self.step, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                self.write(value, list_indent, out);
            }
            Value::String(text) if is_block(text) => block(text, indent + self.step, out),
            _ => {
                out.push(' ');
                out.push_str(&scalar(value));
                out.push('\n');
            }
        }
    }

    /// Writes what stands behind `-`: a mapping begins on the same line.
    fn element(self, value: &Value, indent: usize, out: &mut String) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                let mut inner = String::new();
                self.write(value, indent + 2, &mut inner);
                out.push(' ');
                out.push_str(&inner[indent + 2..]);
            }
            Value::Array(items) if !items.is_empty() => {
                let mut inner = String::new();
                self.write(value, indent + 2, &mut inner);
                out.push(' ');
                out.push_str(&inner[indent + 2..]);
            }
            _ => self.member(value, indent, indent + 2, out),
        }
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A value that is no collection, or an empty one, on one line.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => inline(text),
        Value::Array(_) => "[]".into(),
        Value::Object(_) => "{}".into(),
    }
}

/// Whether a text reads best as a literal block: several lines, and nothing that a block cannot hold.
pub(super) fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.trim_end_matches('\n').is_empty()
        && !text
            .split('\n')
            .any(|line| line.ends_with([' ', '\t']) || line.starts_with('\t'))
        && text.chars().all(|c| c == '\n' || is_printable(c))
}

pub(super) fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

pub(super) fn block(text: &str, indent: usize, out: &mut String) {
    let trailing = text.len() - text.trim_end_matches('\n').len();
    out.push_str(match trailing {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A text on one line: plain where that is safe, else in quotes.
pub(super) fn inline(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            other if is_printable(other) => quoted.push(other),
            other if (other as u32) < 0x100 => quoted.push_str(&format!("\\x{:02x}", other as u32)),
            other if (other as u32) < 0x10000 => {
                quoted.push_str(&format!("\\u{:04x}", other as u32))
            }
            other => quoted.push_str(&format!("\\U{:08x}", other as u32)),
        }
    }
    quoted.push('"');
    quoted
}

pub(super) fn is_plain(text: &str) -> bool {
    let same = matches!(resolve("", text), Ok(Scalar::Text(read)) if read == text);
    let first = text.chars().next();
    // YAML 1.1 readers other than kubectl's see sexagesimals, dates and `=` as more than text.
    let other_readers = text == "="
        || text == "<<"
        || first.is_some_and(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    same && !other_readers
        && first.is_some_and(|c| {
            c.is_ascii_alphanumeric()
                || matches!(c, '/' | '_' | '(')
                || !c.is_ascii() && c.is_alphanumeric()
        })
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|c| is_printable(c) && c != '\u{a0}')
}
