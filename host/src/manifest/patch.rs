//! What is to be written into YAML, in the style of what stands there.

use std::ops::Range;

use libyaml_safer::ScalarStyle;
use serde_json::Value;

use super::edit::Obstacle;
use super::layout::{Field, Shape, Written};
use super::write::{Style, block, inline, is_block, is_plain, is_printable, quoted, scalar};

/// A stretch of a file, in bytes, and what is to stand there instead.
pub(super) struct Patch {
    pub range: Range<usize>,
    pub text: String,
}

/// A node, and all that it lies in.
pub(super) struct Place<'t> {
    pub text: &'t str,
    /// The document.
    pub root: &'t Written,
    /// From the outermost to the node itself; never empty.
    pub above: Vec<&'t Written>,
    /// The field that the node is the value of, if it is one's.
    pub field: Option<&'t Field>,
}

impl<'t> Place<'t> {
    pub(super) fn here(&self) -> &'t Written {
        self.above.last().copied().unwrap_or(self.root)
    }

    fn is_in_braces(&self) -> bool {
        let around = &self.above[..self.above.len().saturating_sub(1)];
        around.iter().any(|it| !it.is_block())
    }

    fn line_break(&self, offset: usize) -> &'static str {
        let rest = &self.text[offset..];
        let text = if rest.contains('\n') { rest } else { self.text };
        match text.find('\n') {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// How things are indented beside the node, or else in its document.
    fn style(&self) -> Style {
        let (mut step, mut list) = (None, None);
        let mut all = Vec::new();
        self.here().all(&mut all);
        self.root.all(&mut all);
        for written in all {
            let Shape::Mapping {
                is_flow: false,
                entries,
            } = &written.shape
            else {
                continue;
            };
            for Field { key, value, .. } in entries {
                let indent = value.column.checked_sub(key.column);
                match (&value.shape, indent) {
                    (Shape::Mapping { is_flow: false, .. }, Some(1..)) => step = step.or(indent),
                    (Shape::Sequence { is_flow: false, .. }, Some(_)) => list = list.or(indent),
                    _ => {}
                }
            }
        }
        let usual = Style::default();
        Style {
            step: step.unwrap_or(usual.step),
            list: list.unwrap_or(usual.list),
        }
    }
}

/// The value of a field that the mapping does not have yet, behind the fields that it has.
pub(super) fn insertion(place: &Place, name: &str, value: &Value) -> Result<Patch, Obstacle> {
    let here = place.here();
    match &here.shape {
        Shape::Mapping {
            is_flow: false,
            entries,
        } => match entries.first() {
            Some(first) => Ok(line(place, first.key.column, name, value)),
            None => Err(Obstacle::NoPlace),
        },
        Shape::Mapping { entries, .. } => match entries.last() {
            Some(last) => behind(place, last, name, value),
            None => between_braces(place, name, value),
        },
        _ => Err(Obstacle::NoPlace),
    }
}

/// A field on a line of its own.
fn line(place: &Place, indent: usize, name: &str, value: &Value) -> Patch {
    let here = place.here();
    let mut member = String::new();
    let style = place.style();
    style.member(value, indent, indent + style.list, &mut member);
    let member = format!("{}{}:{member}", " ".repeat(indent), inline(name));
    let last = here.last_leaf();
    let content = here.content_end(place.text);
    let line_break = place.line_break(content);
    // `|+` and `>+`: the empty lines behind the text belong to it.
    let header = place.text[last.range.clone()].lines().next();
    let keeps = last.is_block_scalar() && header.is_some_and(|header| header.contains('+'));
    let at_line_start = place.text[..last.range.end].ends_with('\n');
    if keeps && at_line_start {
        return Patch {
            range: last.range.end..last.range.end,
            text: member.replace('\n', line_break),
        };
    }
    let rest = &place.text[content..];
    let end = content + rest.find(['\r', '\n']).unwrap_or(rest.len());
    let member = member.trim_end_matches('\n');
    Patch {
        range: end..end,
        text: format!("\n{member}").replace('\n', line_break),
    }
}

fn behind(place: &Place, last: &Field, name: &str, value: &Value) -> Result<Patch, Obstacle> {
    let text = place.text;
    let end = last.value.range.end;
    let closing = place.here().range.end.saturating_sub(1);
    let tail = text.get(end..closing).ok_or(Obstacle::Braces)?;
    if !tail.trim().is_empty() || last.value.is_block_scalar() {
        return Err(Obstacle::Braces);
    }
    let is_json = is_double_quoted(&last.key);
    let between = &text[last.key.range.end..last.value.range.start];
    let colon = if between == ":" { ":" } else { ": " };
    let line_start = text[..last.key.range.start]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    let indent = &text[line_start..last.key.range.start];
    let comma = if line_start > 0 && indent.trim().is_empty() {
        format!(",{}{indent}", place.line_break(line_start))
    } else if colon == ":" {
        ",".to_owned()
    } else {
        ", ".to_owned()
    };
    let field = format!("{}{colon}{}", flow_key(name, is_json), flow(value, is_json));
    Ok(Patch {
        range: end..end,
        text: format!("{comma}{field}"),
    })
}

fn between_braces(place: &Place, name: &str, value: &Value) -> Result<Patch, Obstacle> {
    let here = place.here();
    let inside = place.text[here.range.clone()]
        .strip_prefix('{')
        .and_then(|it| it.strip_suffix('}'));
    if inside.is_none_or(|inside| !inside.trim().is_empty()) {
        return Err(Obstacle::Braces);
    }
    let is_json = is_json(place);
    Ok(Patch {
        range: here.range.clone(),
        text: format!("{{{}: {}}}", flow_key(name, is_json), flow(value, is_json)),
    })
}

/// The value in place of the one that is there.
pub(super) fn replacement(place: &Place, value: &Value) -> Result<Patch, Obstacle> {
    let (text, here) = (place.text, place.here());
    let mut inside = Vec::new();
    here.all(&mut inside);
    if inside.iter().any(|it| it.anchor.is_some()) {
        return Err(Obstacle::Shared);
    }
    if here.has_tag {
        return Err(Obstacle::Tagged);
    }
    let range = here.range.start..here.content_end(text);
    if has_comment(text, &range, &inside) {
        return Err(Obstacle::Comment);
    }
    let is_collection = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    let line_break = place.line_break(range.start);
    let style = place.style();
    match (&here.shape, value) {
        (Shape::Sequence { .. }, Value::Object(_))
            if here.is_block()
                && is_collection
                && place.field.is_some_and(|it| it.key.column == here.column) =>
        {
            // A list may stand below its key without being indented, and nothing else may.
            let mut written = String::from("\n");
            style.write(value, here.column + style.step, &mut written);
            behind_colon(place, range, written.trim_end().replace('\n', line_break))
        }
        _ if here.is_block() && is_collection => {
            let mut written = String::new();
            style.write(value, here.column, &mut written);
            Ok(Patch {
                range,
                text: written.trim().replace('\n', line_break),
            })
        }
        _ if here.is_block() => behind_colon(place, range, format!(" {}", scalar(value))),
        (Shape::Scalar { .. }, Value::String(new)) if here.is_block_scalar() && is_block(new) => {
            let lines = text[range.clone()].lines().skip(1);
            let first = lines.into_iter().find(|line| !line.trim().is_empty());
            let indent = first.map_or(here.column, |line| line.len() - line.trim_start().len());
            let mut written = String::new();
            block(new, indent, &mut written);
            let written = written.strip_suffix('\n').unwrap_or(&written);
            Ok(Patch {
                range,
                text: written.trim_start().replace('\n', line_break),
            })
        }
        (Shape::Scalar { style, .. }, Value::String(new)) => {
            let written = match style {
                ScalarStyle::SingleQuoted if new.chars().all(is_printable) => {
                    format!("'{}'", new.replace('\'', "''"))
                }
                ScalarStyle::DoubleQuoted if is_json(place) => json_text(value),
                ScalarStyle::DoubleQuoted => quoted(new),
                _ if place.is_in_braces() => flow(value, is_json(place)),
                _ => inline(new),
            };
            Ok(spaced(text, range, written))
        }
        _ if is_collection || place.is_in_braces() => {
            Ok(spaced(text, range, flow(value, is_json(place))))
        }
        _ => Ok(spaced(text, range, scalar(value))),
    }
}

/// What stands right behind the colon, in place of a collection that begins on the next line.
fn behind_colon(place: &Place, range: Range<usize>, written: String) -> Result<Patch, Obstacle> {
    let Some(Field { key, .. }) = place.field else {
        return Ok(Patch {
            range,
            text: written.trim_start().to_owned(),
        });
    };
    let between = &place.text[key.range.end..range.start];
    let colon = between.find(':').ok_or(Obstacle::NoPlace)?;
    if !between[colon + 1..].trim().is_empty() {
        return Err(Obstacle::Comment);
    }
    Ok(Patch {
        range: key.range.end + colon + 1..range.end,
        text: written,
    })
}

/// A value that was left out stands right behind its `:` or `-`.
fn spaced(text: &str, range: Range<usize>, written: String) -> Patch {
    let mut new = written;
    if range.is_empty() {
        if !text[..range.start].ends_with([' ', '\t', '\n']) {
            new.insert(0, ' ');
        }
        let next = text[range.end..].chars().next();
        if next.is_some_and(|next| !next.is_whitespace()) {
            new.push(' ');
        }
    }
    Patch { range, text: new }
}

fn has_comment(text: &str, range: &Range<usize>, inside: &[&Written]) -> bool {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for written in inside {
        let Shape::Scalar { .. } = written.shape else {
            continue;
        };
        let mut span = written.range.clone();
        if written.is_block_scalar() {
            // A comment may stand behind the `|`.
            let header = text[span.clone()].find('\n').unwrap_or(span.len());
            span.start += header;
        }
        spans.push(span);
    }
    let mut signs = text[range.clone()].match_indices('#');
    signs.any(|(at, _)| {
        let at = range.start + at;
        !spans.iter().any(|span| span.contains(&at))
    })
}

fn is_double_quoted(written: &Written) -> bool {
    matches!(
        written.shape,
        Shape::Scalar {
            style: ScalarStyle::DoubleQuoted,
            ..
        }
    )
}

/// Whether what is around is JSON: braces, and keys in double quotes.
fn is_json(place: &Place) -> bool {
    let mappings = place.above.iter().filter_map(|it| match &it.shape {
        Shape::Mapping {
            is_flow: true,
            entries,
        } => entries.first(),
        _ => None,
    });
    let mut keys = mappings.map(|first| is_double_quoted(&first.key));
    keys.next().unwrap_or(false)
}

fn flow_key(name: &str, is_json: bool) -> String {
    flow(&Value::from(name), is_json)
}

/// A value on one line, between braces or on its way there.
fn flow(value: &Value, is_json: bool) -> String {
    if is_json {
        return json_text(value);
    }
    match value {
        Value::Object(map) => {
            let fields = map
                .iter()
                .map(|(name, value)| format!("{}: {}", flow_key(name, false), flow(value, false)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| flow(item, false));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => {
            // Braces, commas and colons end a plain text there.
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./ ".contains(c);
            if is_plain(text) && text.chars().all(is_safe) {
                text.clone()
            } else {
                quoted(text)
            }
        }
        other => scalar(other),
    }
}

/// JSON that YAML reads as well: it has other ideas of what ends a line.
fn json_text(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if is_printable(character) {
            text.push(character);
        } else {
            text.push_str(&format!("\\u{:04x}", character as u32));
        }
    }
    text
}
