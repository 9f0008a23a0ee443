//! One YAML document as a JSON value with the span of every field.

use std::collections::{BTreeMap, HashMap, HashSet};

use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::ending::{as_written, ended};
use super::fault::Fault;
use super::node::{Node, weigh};
use super::styled::{has_slash, scalar, short};
use super::{Children, Limits, Span, Spans};

/// Reads the first document of `text`, as kubectl does; `first_line` is the file's line, counted
/// from 1, on which the text begins. `None` if there is no document in it.
/// Duplicate keys go to `faults` and reading goes on; other faults end it.
pub(super) fn document(
    text: &'_ [u8],
    first_line: u32,
    limits: &Limits,
    faults: &mut Vec<Fault>,
) -> Result<Option<Node>, Fault> {
    let ended = ended(text);
    let mut input = &*ended;
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut reader = Reader {
        parser,
        text,
        slashes: text.windows(2).any(|pair| pair == b"\\/").then_some(text),
        first_line,
        limits,
        anchors: HashMap::new(),
        open: HashSet::new(),
        nodes: 0,
        bytes: 0,
        faults,
    };
    loop {
        let event = reader.next()?;
        match event.data {
            EventData::StreamStart { .. } => {}
            EventData::DocumentStart { .. } => {
                let first = reader.next()?;
                return reader.node(first, 0).map(Some);
            }
            _ => return Ok(None),
        }
    }
}

struct Reader<'r, R> {
    parser: Parser<R>,
    text: &'r [u8],
    /// The text, if it may hold an escape that libyaml-safer takes and kubectl does not.
    slashes: Option<&'r [u8]>,
    first_line: u32,
    limits: &'r Limits,
    anchors: HashMap<String, Node>,
    /// Anchors of collections that are not complete yet.
    open: HashSet<String>,
    /// Counted with aliases expanded.
    nodes: usize,
    bytes: usize,
    faults: &'r mut Vec<Fault>,
}

impl<R: std::io::BufRead> Reader<'_, R> {
    fn next(&mut self) -> Result<Event, Fault> {
        self.parser.parse().map_err(|error| {
            let mark = error.problem_mark().unwrap_or_default();
            let (line, column) = self.place(&mark);
            let mut message = error.problem().to_owned();
            if let Some(context) = error.context() {
                message = format!("{message} {context}");
            }
            let tab = message.contains("cannot start any token");
            let fault = Fault {
                line,
                column,
                message: format!("this is not YAML: {message}"),
                hint: None,
            };
            if tab {
                fault.hint("a tab cannot indent in YAML, and some characters need quotes")
            } else {
                fault
            }
        })
    }

    fn place(&self, mark: &Mark) -> (u32, u32) {
        (self.first_line + mark.line as u32, mark.column as u32 + 1)
    }

    fn span(&self, start: &Mark, end: &Mark) -> Span {
        let ((line, column), (end_line, end_column)) = (self.place(start), self.place(end));
        Span {
            line,
            column,
            end_line,
            end_column,
        }
    }

    fn count(&mut self, nodes: usize, bytes: usize, span: &Span) -> Result<(), Fault> {
        self.nodes += nodes;
        self.bytes += bytes;
        let Limits {
            nodes,
            expanded_bytes,
            ..
        } = *self.limits;
        if self.nodes > nodes {
            return Err(Fault::at(
                span,
                format!("the document has more than {nodes} values, aliases expanded"),
            ));
        }
        if self.bytes > expanded_bytes {
            let message = format!(
                "the document has more than {expanded_bytes} bytes of text, aliases expanded"
            );
            return Err(Fault::at(span, message));
        }
        Ok(())
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node, Fault> {
        let span = self.span(&event.start_mark, &event.end_mark);
        if depth > self.limits.depth {
            return Err(Fault::at(
                &span,
                format!("nested more than {} deep", self.limits.depth),
            ));
        }
        match event.data {
            EventData::Scalar {
                anchor,
                tag,
                value,
                plain_implicit,
                style,
                ..
            } => {
                self.count(1, value.len(), &span)?;
                let value = as_written(self.text, style, event.end_mark.index, value);
                let double = style == ScalarStyle::DoubleQuoted;
                if double && has_slash(self.slashes, &event.start_mark, &event.end_mark) {
                    let message = r"this is not YAML: `\/` is no escape for kubectl";
                    return Err(Fault::at(&span, message));
                }
                let scalar = scalar(tag.as_deref(), value, plain_implicit, style)
                    .map_err(|e| Fault::at(&span, e))?;
                let value = scalar
                    .into_json()
                    .map_err(|error| Fault::at(&span, error))?;
                let node = (
                    value,
                    Spans {
                        value: span,
                        key: None,
                        children: Children::None,
                    },
                );
                if let Some(anchor) = anchor {
                    self.anchors.insert(anchor, node.clone());
                }
                Ok(node)
            }
            EventData::SequenceStart { anchor, .. } => {
                self.collection(anchor, &span, |reader| reader.sequence(span, depth))
            }
            EventData::MappingStart { anchor, .. } => {
                self.collection(anchor, &span, |reader| reader.mapping(span, depth))
            }
            EventData::Alias { anchor } => self.alias(&anchor, &span),
            _ => Err(Fault::at(&span, "this is not YAML: a value is missing")),
        }
    }

    fn collection(
        &mut self,
        anchor: Option<String>,
        span: &Span,
        read: impl FnOnce(&mut Self) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        self.count(1, 0, span)?;
        if let Some(anchor) = &anchor {
            self.open.insert(anchor.clone());
            self.anchors.remove(anchor);
        }
        let node = read(self)?;
        if let Some(anchor) = anchor {
            self.open.remove(&anchor);
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: &str, span: &Span) -> Result<Node, Fault> {
        let Some(node) = self.anchors.get(anchor) else {
            let message = if self.open.contains(anchor) {
                "the anchor's value contains itself"
            } else {
                "no anchor of this name stands before it"
            };
            return Err(Fault::at(span, message));
        };
        let (nodes, bytes) = weigh(&node.0);
        let node = node.clone();
        self.count(nodes, bytes, span)?;
        Ok(node)
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Result<Node, Fault> {
        let (mut values, mut spans) = (Vec::new(), Vec::new());
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                let whole = self.until(start, &event);
                let spans = Spans {
                    value: whole,
                    key: None,
                    children: Children::Items(spans),
                };
                return Ok((Value::Array(values), spans));
            }
            let (value, span) = self.node(event, depth + 1)?;
            values.push(value);
            spans.push(span);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, Fault> {
        let mut values = Map::new();
        let mut spans: BTreeMap<Box<str>, Spans> = BTreeMap::new();
        let mut written: HashMap<String, u32> = HashMap::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                let whole = self.until(start, &event);
                let children = Children::Fields(spans.into_iter().collect());
                return Ok((
                    Value::Object(values),
                    Spans {
                        value: whole,
                        key: None,
                        children,
                    },
                ));
            }
            let key_span = self.span(&event.start_mark, &event.end_mark);
            let Some(key) = self.key(event, &key_span)? else {
                let value = self.next()?;
                self.merge(value, depth, &mut values, &mut spans)?;
                continue;
            };
            let value = self.next()?;
            let (value, mut span) = self.node(value, depth + 1)?;
            span.key = Some(key_span);
            if let Some(line) = written.insert(key.clone(), key_span.line) {
                let message =
                    format!("the key {key:?} stands twice in one mapping, first on line {line}");
                self.faults
                    .push(Fault::at(&key_span, message).hint("remove one of the two"));
            }
            spans.insert(key.as_str().into(), span);
            values.insert(key, value);
        }
    }

    /// `None` for a merge key.
    fn key(&mut self, event: Event, span: &Span) -> Result<Option<String>, Fault> {
        let no_key = || {
            Fault::at(
                span,
                "kubectl has no keys that are null, a list, a mapping or beyond 64 bits",
            )
        };
        match event.data {
            EventData::Scalar {
                anchor,
                tag,
                value,
                plain_implicit,
                style,
                ..
            } => {
                self.count(1, value.len(), span)?;
                let merges = value == "<<"
                    && (plain_implicit
                        || tag.as_deref().is_some_and(|tag| short(tag) == "!!merge"));
                if merges {
                    return Ok(None);
                }
                let scalar = scalar(tag.as_deref(), value, plain_implicit, style)
                    .map_err(|e| Fault::at(span, e))?;
                if let Some(anchor) = anchor {
                    let value = scalar
                        .clone()
                        .into_json()
                        .map_err(|error| Fault::at(span, error))?;
                    let spans = Spans {
                        value: *span,
                        key: None,
                        children: Children::None,
                    };
                    self.anchors.insert(anchor, (value, spans));
                }
                scalar.into_key().map(Some).ok_or_else(no_key)
            }
            EventData::Alias { anchor } => match self.alias(&anchor, span)?.0 {
                Value::String(text) => Ok(Some(text)),
                Value::Bool(value) => Ok(Some(value.to_string())),
                Value::Number(number) => Ok(Some(number.to_string())),
                _ => Err(no_key()),
            },
            _ => Err(no_key()),
        }
    }

    /// `<<`: a mapping, or mappings of which earlier ones win. As in kubectl's reader, what is
    /// merged replaces what stands before it in the mapping.
    fn merge(
        &mut self,
        event: Event,
        depth: usize,
        values: &mut Map<String, Value>,
        spans: &mut BTreeMap<Box<str>, Spans>,
    ) -> Result<(), Fault> {
        let (value, span) = self.node(event, depth + 1)?;
        let sources: Vec<Node> = match (value, span.children) {
            (Value::Object(map), children) => {
                let spans = Spans {
                    children,
                    ..Spans {
                        value: span.value,
                        key: None,
                        children: Children::None,
                    }
                };
                vec![(Value::Object(map), spans)]
            }
            (Value::Array(items), Children::Items(spans)) => {
                items.into_iter().zip(spans).rev().collect()
            }
            _ => {
                return Err(Fault::at(
                    &span.value,
                    "`<<` takes a mapping or a list of mappings",
                ));
            }
        };
        for (value, span) in sources {
            let (Value::Object(map), Children::Fields(fields)) = (value, span.children) else {
                return Err(Fault::at(
                    &span.value,
                    "`<<` takes a mapping or a list of mappings",
                ));
            };
            values.extend(map);
            spans.extend(fields);
        }
        Ok(())
    }

    /// From a collection's start to its end event; a block collection's ends where its last line does.
    fn until(&self, start: Span, end: &Event) -> Span {
        let (end_line, end_column) = self.place(&end.start_mark);
        Span {
            end_line,
            end_column,
            ..start
        }
    }
}
