//! Where what Kustomize built comes from: the object's file, and for each field the line in it, or
//! in what made it another.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::edits::Edits;
use super::reads::Recorder;
use crate::manifest::{Children, Elsewhere, Limits, Manifest, Origin, Spans, pointer_token, read};

/// Items of a list that may have moved.
const ITEMS: usize = 1000;

/// A file and a line, as the guest tells it.
#[derive(Deserialize)]
pub(super) struct Place {
    path: String,
    line: u32,
}

/// What the files have, read once a render.
pub(super) struct Origins<'r> {
    recorder: &'r Recorder,
    limits: Limits,
    files: HashMap<String, Vec<Manifest>>,
    edits: Edits,
}

impl<'r> Origins<'r> {
    /// `kustomizations`: in the order in which they were read.
    pub(super) fn new(recorder: &'r Recorder, limits: &Limits, kustomizations: &[String]) -> Self {
        Self {
            recorder,
            limits: *limits,
            files: HashMap::new(),
            edits: Edits::read(recorder, limits, kustomizations),
        }
    }

    /// Says of a built object where it comes from. `own`: for what nothing more is known of.
    pub(super) fn put(&mut self, manifest: &mut Manifest, place: &Place, own: &Origin) {
        self.put_where_written(manifest, place);
        if place.path.contains('\0') {
            // No line of this repository, but that of whoever names it has it.
            let at = self.recorder.named_at(&place.path);
            manifest.origin = at.unwrap_or_else(|| own.clone());
            manifest.spans = Arc::new(Spans::of_line(manifest.origin.line));
        }
    }

    fn put_where_written(&mut self, manifest: &mut Manifest, place: &Place) {
        manifest.origin = Origin::new(place.path.as_str(), place.line);
        manifest.spans = Arc::new(Spans::of_line(place.line));
        let (recorder, limits) = (self.recorder, self.limits);
        let file = self.files.entry(place.path.clone()).or_insert_with(|| {
            let bytes = recorder.bytes_anywhere(&place.path).unwrap_or_default();
            // A kustomization is no file of objects, and what it generates has its entry's line.
            read(&place.path, &bytes, &limits).unwrap_or_default()
        });
        let Some(written) = file.iter().find(|it| it.origin.line == place.line) else {
            return;
        };
        let mut changed = Changed {
            edits: &self.edits,
            written,
            elsewhere: Elsewhere::new(),
        };
        let spans = changed.spans(&manifest.object, &written.object, &written.spans, "");
        manifest.spans = Arc::new(spans);
        if !changed.elsewhere.is_empty() {
            manifest.elsewhere = Some(Arc::new(changed.elsewhere));
        }
    }
}

struct Changed<'c> {
    edits: &'c Edits,
    written: &'c Manifest,
    elsewhere: Elsewhere,
}

impl Changed<'_> {
    /// The spans of a value that was built of the one that is written. What is another has no line
    /// in that file.
    fn spans(&mut self, built: &Value, written: &Value, spans: &Spans, pointer: &str) -> Spans {
        if built == written {
            return spans.clone();
        }
        let children = match (built, written, &spans.children) {
            (Value::Object(built), Value::Object(written), Children::Fields(fields)) => {
                let mut children = Vec::new();
                for (name, value) in built {
                    let below = format!("{pointer}/{}", pointer_token(name));
                    let found = fields.binary_search_by(|(it, _)| (**it).cmp(name.as_str()));
                    match (written.get(name), found) {
                        (Some(written), Ok(at)) => {
                            let spans = self.spans(value, written, &fields[at].1, &below);
                            children.push((name.as_str().into(), spans));
                        }
                        _ => self.find(value, &below),
                    }
                }
                children.sort_by(|(a, _): &(Box<str>, _), (b, _)| a.cmp(b));
                Children::Fields(children)
            }
            (Value::Array(built), Value::Array(written), Children::Items(items)) => {
                let mut children = Vec::new();
                for (at, value) in built.iter().enumerate() {
                    let below = format!("{pointer}/{at}");
                    let before = item_before(value, at, built.len(), written);
                    let known = before.and_then(|it| Some((written.get(it)?, items.get(it)?)));
                    children.push(match known {
                        Some((written, spans)) => self.spans(value, written, spans, &below),
                        None => {
                            self.find(value, &below);
                            Spans::of_line(0)
                        }
                    });
                }
                Children::Items(children)
            }
            _ => {
                self.find(built, pointer);
                return Spans::of_line(0);
            }
        };
        Spans {
            value: spans.value,
            key: spans.key,
            children,
        }
    }

    /// Looks for what made a value, or the values in it.
    fn find(&mut self, value: &Value, pointer: &str) {
        if let Some((path, span)) = self.edits.of(self.written, pointer, value) {
            self.elsewhere.insert(pointer.to_owned(), (path, span));
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.find(value, &format!("{pointer}/{}", pointer_token(name)));
                }
            }
            Value::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    self.find(value, &format!("{pointer}/{at}"));
                }
            }
            _ => {}
        }
    }
}

/// Where an item of a list stood: the same item, or the one of the same name.
fn item_before(item: &Value, at: usize, count: usize, written: &[Value]) -> Option<usize> {
    if written.get(at) == Some(item) {
        return Some(at);
    }
    // Looking for each in all of a long list is too much.
    if written.len() > ITEMS {
        return None;
    }
    if let Some(same) = written.iter().position(|it| it == item) {
        return Some(same);
    }
    let name = |it: &Value| it.get("name").and_then(Value::as_str).map(str::to_owned);
    match name(item) {
        Some(own) => written
            .iter()
            .position(|it| name(it).as_ref() == Some(&own)),
        None => (count == written.len()).then_some(at),
    }
}
