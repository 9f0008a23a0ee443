//! Files that begin with `{`: JSON objects one after another, as Go's decoder reads them.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::fault::Fault;
use super::node::Node;
use super::scalar::float;
use super::{Children, Limits, Span, Spans};

/// `None` if it is not JSON: a flow mapping of YAML's begins with `{` too.
pub(super) fn documents(
    bytes: &[u8],
    limits: &Limits,
    faults: &mut Vec<Fault>,
) -> Option<Vec<Node>> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader {
        text: &text,
        at: 0,
        line: 1,
        column: 1,
        limits,
        nodes: 0,
        duplicates: Vec::new(),
    };
    let mut found = Vec::new();
    loop {
        reader.space();
        if reader.rest().is_empty() {
            faults.extend(reader.duplicates);
            return Some(found);
        }
        match reader.value(0) {
            Ok(node) => found.push(node),
            // More than one object is a JSON stream for certain, and the fault is told as JSON's.
            Err(fault) if found.len() > 1 => {
                faults.push(fault);
                return Some(found);
            }
            Err(_) => return None,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    column: u32,
    limits: &'t Limits,
    nodes: usize,
    duplicates: Vec<Fault>,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn here(&self) -> Span {
        Span {
            line: self.line,
            column: self.column,
            end_line: self.line,
            end_column: self.column,
        }
    }

    fn fault(&self, message: &str) -> Fault {
        Fault::at(&self.here(), format!("this is not JSON: {message}"))
    }

    fn bump(&mut self, character: char) {
        self.at += character.len_utf8();
        if character == '\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
    }

    fn space(&mut self) {
        while let Some(character) = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, ' ' | '\t' | '\r' | '\n'))
        {
            self.bump(character);
        }
    }

    /// Takes a character if it is the next one after white space.
    fn take(&mut self, wanted: char) -> bool {
        self.space();
        let found = self.rest().starts_with(wanted);
        if found {
            self.bump(wanted);
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        self.space();
        self.nodes += 1;
        if depth > self.limits.depth || self.nodes > self.limits.nodes {
            return Err(self.fault("too deep or too large"));
        }
        let start = self.here();
        let (value, children) = match self.rest().chars().next() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => (Value::String(self.string()?), Children::None),
            Some(_) => (self.word()?, Children::None),
            None => return Err(self.fault("it ends too early")),
        };
        let span = Span {
            end_line: self.line,
            end_column: self.column,
            ..start
        };
        Ok((
            value,
            Spans {
                value: span,
                key: None,
                children,
            },
        ))
    }

    fn object(&mut self, depth: usize) -> Result<(Value, Children), Fault> {
        let mut values = Map::new();
        let mut spans: BTreeMap<Box<str>, Spans> = BTreeMap::new();
        self.take('{');
        if !self.take('}') {
            loop {
                self.space();
                let mut key_span = self.here();
                let key = self.string()?;
                (key_span.end_line, key_span.end_column) = (self.line, self.column);
                if !self.take(':') {
                    return Err(self.fault("a `:` is missing"));
                }
                let (value, mut span) = self.value(depth + 1)?;
                span.key = Some(key_span);
                if values.insert(key.clone(), value).is_some() {
                    let message = format!("the key {key:?} stands twice in one object");
                    self.duplicates.push(Fault::at(&key_span, message));
                }
                spans.insert(key.into(), span);
                if self.take('}') {
                    break;
                }
                if !self.take(',') {
                    return Err(self.fault("a `,` or `}` is missing"));
                }
            }
        }
        Ok((
            Value::Object(values),
            Children::Fields(spans.into_iter().collect()),
        ))
    }

    fn array(&mut self, depth: usize) -> Result<(Value, Children), Fault> {
        let (mut values, mut spans) = (Vec::new(), Vec::new());
        self.take('[');
        if !self.take(']') {
            loop {
                let (value, span) = self.value(depth + 1)?;
                values.push(value);
                spans.push(span);
                if self.take(']') {
                    break;
                }
                if !self.take(',') {
                    return Err(self.fault("a `,` or `]` is missing"));
                }
            }
        }
        Ok((Value::Array(values), Children::Items(spans)))
    }

    fn string(&mut self) -> Result<String, Fault> {
        if !self.rest().starts_with('"') {
            return Err(self.fault("a text in quotes is missing"));
        }
        let mut escaped = false;
        let end = self.rest()[1..]
            .char_indices()
            .find_map(|(index, character)| {
                let ends = character == '"' && !escaped;
                escaped = character == '\\' && !escaped;
                ends.then_some(index + 2)
            });
        let Some(end) = end else {
            return Err(self.fault("a text does not end"));
        };
        let raw = &self.rest()[..end];
        let text = decode(raw)
            .ok_or_else(|| self.fault("a text has an escape or a character that JSON does not"))?;
        raw.chars().for_each(|character| self.bump(character));
        Ok(text)
    }

    fn word(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
            .unwrap_or(rest.len());
        let value = serde_json::from_str::<Value>(&rest[..end])
            .map_err(|_| self.fault("this is no value"))?;
        rest[..end]
            .chars()
            .for_each(|character| self.bump(character));
        Ok(match value {
            // Kubernetes reads integers over 64 bits as floats.
            Value::Number(number) if number.as_i64().is_none() && number.is_u64() => {
                let wide = number.as_u64().unwrap_or_default() as f64;
                Number::from_f64(wide).map_or(Value::Null, Value::Number)
            }
            Value::Number(number) if number.is_f64() => {
                float(number.as_f64().unwrap_or_default()).map_err(|error| self.fault(&error))?
            }
            other => other,
        })
    }
}

/// A quoted text, with lone surrogates as U+FFFD, which is what Go makes of them.
fn decode(raw: &str) -> Option<String> {
    if let Ok(text) = serde_json::from_str(raw) {
        return Some(text);
    }
    let mut units: Vec<u16> = Vec::new();
    let mut rest = raw[1..raw.len() - 1].chars();
    while let Some(character) = rest.next() {
        let unit = match character {
            '\\' => match rest.next()? {
                'u' => u16::from_str_radix(&rest.by_ref().take(4).collect::<String>(), 16).ok()?,
                'n' => 10,
                't' => 9,
                'r' => 13,
                'b' => 8,
                'f' => 12,
                simple @ ('"' | '\\' | '/') => simple as u16,
                _ => return None,
            },
            control if control < ' ' => return None,
            other => {
                let mut buffer = [0; 2];
                units.extend_from_slice(other.encode_utf16(&mut buffer));
                continue;
            }
        };
        units.push(unit);
    }
    Some(String::from_utf16_lossy(&units))
}
