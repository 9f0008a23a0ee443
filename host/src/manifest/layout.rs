//! YAML as it stands in a file: where each node begins and ends, and in what style it is written.
//! The same parser tells it that reads the values.

use std::collections::HashSet;
use std::ops::Range;

use libyaml_safer::{Event, EventData, MappingStyle, Mark, Parser, ScalarStyle, SequenceStyle};

use super::ending::ended;
use super::styled::scalar;

/// A node as it is written; offsets are bytes of the file.
pub(super) struct Written {
    pub range: Range<usize>,
    /// Characters before it on its line.
    pub column: usize,
    pub anchor: Option<String>,
    pub has_tag: bool,
    pub shape: Shape,
}

pub(super) enum Shape {
    Scalar { style: ScalarStyle, text: String },
    Alias,
    Sequence { is_flow: bool, items: Vec<Written> },
    Mapping { is_flow: bool, entries: Vec<Field> },
}

pub(super) struct Field {
    /// `None` for a merge key, and for keys that are aliases.
    pub name: Option<String>,
    pub key: Written,
    pub value: Written,
}

/// One document, and the anchors that an alias in it means.
pub(super) struct Document {
    pub root: Written,
    pub aliased: HashSet<String>,
}

impl Written {
    pub(super) fn is_block(&self) -> bool {
        matches!(
            self.shape,
            Shape::Sequence { is_flow: false, .. } | Shape::Mapping { is_flow: false, .. }
        )
    }

    pub(super) fn is_block_scalar(&self) -> bool {
        let Shape::Scalar { style, .. } = &self.shape else {
            return false;
        };
        matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
    }

    /// Behind its last character that is not white space. The parser ends a block scalar where the
    /// next token's line begins, and a block collection at the next token.
    pub(super) fn content_end(&self, text: &str) -> usize {
        let last = self.last_leaf();
        if last.is_block_scalar() {
            last.range.start + text[last.range.clone()].trim_end().len()
        } else {
            last.range.end
        }
    }

    /// What stands last in it.
    pub(super) fn last_leaf(&self) -> &Written {
        let last = match &self.shape {
            Shape::Sequence {
                is_flow: false,
                items,
            } => items.last(),
            Shape::Mapping {
                is_flow: false,
                entries,
            } => entries.last().map(|entry| &entry.value),
            _ => None,
        };
        last.map_or(self, Written::last_leaf)
    }

    /// Itself and all that is below it, keys included, in the order in which they stand.
    pub(super) fn all<'w>(&'w self, found: &mut Vec<&'w Written>) {
        found.push(self);
        match &self.shape {
            Shape::Sequence { items, .. } => items.iter().for_each(|item| item.all(found)),
            Shape::Mapping { entries, .. } => {
                for entry in entries {
                    entry.key.all(found);
                    entry.value.all(found);
                }
            }
            Shape::Scalar { .. } | Shape::Alias => {}
        }
    }
}

/// The first document of `text[part]`; `None` if there is none, or the parser gives up.
pub(super) fn document(text: &str, part: Range<usize>) -> Option<Document> {
    let whole = &text[part.clone()];
    let without_mark = whole.trim_start_matches('\u{feff}');
    let ended = ended(without_mark.as_bytes());
    let mut input = &*ended;
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut reader = Reader {
        parser,
        base: part.start + whole.len() - without_mark.len(),
        end: part.end,
        aliased: HashSet::new(),
    };
    loop {
        match reader.next()?.data {
            EventData::StreamStart { .. } => {}
            EventData::DocumentStart { .. } => {
                let first = reader.next()?;
                let root = reader.node(first)?;
                let aliased = reader.aliased;
                return Some(Document { root, aliased });
            }
            _ => return None,
        }
    }
}

struct Reader<R> {
    parser: Parser<R>,
    base: usize,
    end: usize,
    aliased: HashSet<String>,
}

impl<R: std::io::BufRead> Reader<R> {
    fn next(&mut self) -> Option<Event> {
        self.parser.parse().ok()
    }

    /// The parser counts bytes, from where it began to read.
    fn offset(&self, mark: &Mark) -> usize {
        (self.base + mark.index as usize).min(self.end)
    }

    fn node(&mut self, event: Event) -> Option<Written> {
        let start = self.offset(&event.start_mark);
        let column = event.start_mark.column as usize;
        let mut end = self.offset(&event.end_mark);
        let (anchor, has_tag, shape) = match event.data {
            EventData::Alias { anchor } => {
                self.aliased.insert(anchor);
                (None, false, Shape::Alias)
            }
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => {
                let text = value;
                (anchor, tag.is_some(), Shape::Scalar { style, text })
            }
            EventData::SequenceStart {
                anchor, tag, style, ..
            } => {
                let mut items = Vec::new();
                loop {
                    let event = self.next()?;
                    if matches!(event.data, EventData::SequenceEnd) {
                        end = self.offset(&event.end_mark);
                        break;
                    }
                    items.push(self.node(event)?);
                }
                let is_flow = style == SequenceStyle::Flow;
                (anchor, tag.is_some(), Shape::Sequence { is_flow, items })
            }
            EventData::MappingStart {
                anchor, tag, style, ..
            } => {
                let mut entries = Vec::new();
                loop {
                    let event = self.next()?;
                    if matches!(event.data, EventData::MappingEnd) {
                        end = self.offset(&event.end_mark);
                        break;
                    }
                    let name = name(&event);
                    let key = self.node(event)?;
                    let event = self.next()?;
                    let value = self.node(event)?;
                    entries.push(Field { name, key, value });
                }
                let is_flow = style == MappingStyle::Flow;
                (anchor, tag.is_some(), Shape::Mapping { is_flow, entries })
            }
            _ => return None,
        };
        Some(Written {
            range: start..end.max(start),
            column,
            anchor,
            has_tag,
            shape,
        })
    }
}

/// A key as kubectl has it in JSON.
fn name(event: &Event) -> Option<String> {
    let EventData::Scalar {
        tag,
        value,
        plain_implicit,
        style,
        ..
    } = &event.data
    else {
        return None;
    };
    if value == "<<" && (*plain_implicit || tag.is_some()) {
        return None;
    }
    scalar(tag.as_deref(), value.clone(), *plain_implicit, *style)
        .ok()?
        .into_key()
}
