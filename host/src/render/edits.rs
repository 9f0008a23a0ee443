//! What kustomizations say that changes objects: patches, images, replicas, names, labels. Asked which
//! of it made a field what it is.

use std::cell::Cell;
use std::sync::Arc;

use serde_json::Value;

use super::reads::Recorder;
use crate::kit::rooted;
use crate::manifest::{
    Children, Limits, Manifest, Span, Spans, pointer_name, pointer_token, read_fields,
};

/// Comparisons in one render: what is beyond them has no line.
const COMPARISONS: usize = 2_000_000;

/// All edits, those that come last, which win, first.
pub(super) struct Edits {
    all: Vec<Edit>,
    /// How many of them are the first kustomization's.
    outermost: usize,
    left: Cell<usize>,
}

struct Edit {
    path: Arc<str>,
    /// Of the objects that it is for; any if it does not say.
    kind: Option<String>,
    name: Option<String>,
    what: What,
}

enum What {
    /// A part of an object.
    Merge(Value, Spans),
    /// One operation of a JSON patch.
    Operation(String, Value, Span),
    Image(String, Span),
    /// The value of the field at a pointer.
    Field(&'static str, Value, Span),
    /// A name begins or ends so.
    Affix(String, Span),
    /// A label or an annotation, wherever such stand.
    Entry(String, Value, Span),
}

impl Edits {
    /// `kustomizations`: in the order in which they were read, the outermost first.
    pub(super) fn read(recorder: &Recorder, limits: &Limits, kustomizations: &[String]) -> Self {
        let mut all = Vec::new();
        let mut outermost = None;
        for path in kustomizations {
            let bytes = recorder.bytes(path).unwrap_or_default();
            if let Some((value, spans)) = read_fields(&bytes, limits).pop() {
                let kustomization = Kustomization {
                    recorder,
                    limits,
                    path: path.as_str().into(),
                    value: &value,
                    spans: &spans,
                };
                kustomization.edits(&mut all);
            }
            outermost.get_or_insert(all.len());
        }
        Self {
            outermost: outermost.unwrap_or_default(),
            all,
            left: Cell::new(COMPARISONS),
        }
    }

    /// What made the field at a pointer of the object that is `written` this value.
    pub(super) fn of(
        &self,
        written: &Manifest,
        pointer: &str,
        value: &Value,
    ) -> Option<(Arc<str>, Span)> {
        let key = written.key();
        self.spend(self.all.len().max(1))?;
        let is = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|it| it == own);
        let mut made = self.all.iter().enumerate().filter_map(|(at, edit)| {
            let for_it = is(&edit.kind, &key.group_kind.kind) && is(&edit.name, &key.name);
            let span = match &edit.what {
                _ if !for_it => None,
                // What is no leaf is made of several.
                What::Merge(..) if value.is_object() || value.is_array() => None,
                What::Merge(part, spans) => {
                    let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
                    self.merged(part, spans, &tokens, value)
                }
                what => what.made(pointer, value),
            };
            Some((at, (edit.path.clone(), span?)))
        });
        let (at, found) = made.next()?;
        // What stands outermost is for all objects; of others, each may be for those of its own base.
        let only = at < self.outermost || made.all(|(_, (path, _))| path == found.0);
        only.then_some(found)
    }

    /// Nothing if there is nothing left to spend.
    fn spend(&self, comparisons: usize) -> Option<()> {
        self.left.set(self.left.get().checked_sub(comparisons)?);
        Some(())
    }

    /// The one place in a part of an object that gives a value. Items of lists are told apart by
    /// what is in them.
    fn merged(&self, part: &Value, spans: &Spans, tokens: &[&str], value: &Value) -> Option<Span> {
        self.spend(1)?;
        let Some((token, rest)) = tokens.split_first() else {
            return (part == value).then_some(spans.value);
        };
        match (part, &spans.children) {
            (Value::Object(part), Children::Fields(fields)) => {
                let name = pointer_name(token);
                let at = fields.binary_search_by(|(it, _)| (**it).cmp(name.as_str()));
                self.merged(part.get(&name)?, &fields[at.ok()?].1, rest, value)
            }
            (Value::Array(part), Children::Items(items)) => {
                let all = part.iter().zip(items);
                let mut found = all.filter_map(|(it, spans)| self.merged(it, spans, rest, value));
                let one = found.next()?;
                found.next().is_none().then_some(one)
            }
            _ => None,
        }
    }
}

impl What {
    fn made(&self, pointer: &str, value: &Value) -> Option<Span> {
        match self {
            // `Edits::merged` looks through these.
            Self::Merge(..) => None,
            Self::Operation(path, given, span) => {
                let holds = match path.strip_suffix("/-") {
                    Some(list) => {
                        let below = pointer.strip_prefix(list)?.strip_prefix('/')?;
                        !below.contains('/') && given == value
                    }
                    None => {
                        let below = pointer.strip_prefix(path.as_str())?;
                        (below.is_empty() || below.starts_with('/'))
                            && given.pointer(below) == Some(value)
                    }
                };
                holds.then_some(*span)
            }
            Self::Image(image, span) => {
                (pointer.ends_with("/image") && value == image.as_str()).then_some(*span)
            }
            Self::Field(field, given, span) => {
                (pointer == *field && value == given).then_some(*span)
            }
            Self::Affix(affix, span) => {
                let name = value.as_str().filter(|_| pointer == "/metadata/name")?;
                (name.starts_with(affix.as_str()) || name.ends_with(affix.as_str()))
                    .then_some(*span)
            }
            Self::Entry(name, given, span) => {
                let (_, last) = pointer.rsplit_once('/')?;
                (pointer_name(last) == *name && value == given).then_some(*span)
            }
        }
    }
}

/// A kustomization, while it is read.
struct Kustomization<'k> {
    recorder: &'k Recorder,
    limits: &'k Limits,
    path: Arc<str>,
    value: &'k Value,
    spans: &'k Spans,
}

impl Kustomization<'_> {
    fn edits(&self, all: &mut Vec<Edit>) {
        let fields = [
            ("patches", true),
            ("patchesStrategicMerge", false),
            ("patchesJson6902", true),
        ];
        for (field, entries) in fields {
            for (entry, pointer) in self.items(field) {
                match (entries, entry) {
                    (false, Value::String(text)) if text.contains('\n') => {
                        self.patch(all, &Value::Null, text, &pointer);
                    }
                    (false, Value::String(path)) => self.patch_file(all, &Value::Null, path),
                    (true, entry) => {
                        let target = &entry["target"];
                        if let Some(path) = entry["path"].as_str() {
                            self.patch_file(all, target, path);
                        }
                        if let Some(text) = entry["patch"].as_str() {
                            self.patch(all, target, text, &format!("{pointer}/patch"));
                        }
                    }
                    _ => {}
                }
            }
        }
        for (image, pointer) in self.items("images") {
            let text = |field: &str| image[field].as_str().filter(|it| !it.is_empty());
            let Some(name) = text("newName").or(text("name")) else {
                continue;
            };
            let tag = text("newTag").map(|it| format!(":{it}"));
            let digest = text("digest").map(|it| format!("@{it}"));
            let field = match (&digest, &tag) {
                (Some(_), _) => "digest",
                (None, Some(_)) => "newTag",
                (None, None) => "newName",
            };
            let image = format!("{name}{}", digest.or(tag).unwrap_or_default());
            self.push(
                all,
                What::Image(image, self.at(&format!("{pointer}/{field}"))),
            );
        }
        for (entry, pointer) in self.items("replicas") {
            let span = self.at(&format!("{pointer}/count"));
            all.push(Edit {
                path: self.path.clone(),
                kind: None,
                name: entry["name"].as_str().map(str::to_owned),
                what: What::Field("/spec/replicas", entry["count"].clone(), span),
            });
        }
        if let Some(namespace) = self.value.get("namespace").filter(|it| it.is_string()) {
            let span = self.at("/namespace");
            let what = What::Field("/metadata/namespace", namespace.clone(), span);
            self.push(all, what);
        }
        for field in ["namePrefix", "nameSuffix"] {
            let affix = self.value[field].as_str().filter(|it| !it.is_empty());
            if let Some(affix) = affix {
                let what = What::Affix(affix.to_owned(), self.at(&format!("/{field}")));
                self.push(all, what);
            }
        }
        for field in ["/commonLabels", "/commonAnnotations"] {
            self.entries(all, self.value.pointer(field), field);
        }
        for (entry, pointer) in self.items("labels") {
            self.entries(all, entry.get("pairs"), &format!("{pointer}/pairs"));
        }
    }

    fn entries(&self, all: &mut Vec<Edit>, entries: Option<&Value>, pointer: &str) {
        for (name, value) in entries.and_then(Value::as_object).into_iter().flatten() {
            let span = self.at(&format!("{pointer}/{}", pointer_token(name)));
            self.push(all, What::Entry(name.clone(), value.clone(), span));
        }
    }

    fn patch_file(&self, all: &mut Vec<Edit>, target: &Value, path: &str) {
        let directory = self.path.rsplit_once('/').map_or(".", |(it, _)| it);
        let path = rooted(directory, path);
        let bytes = self.recorder.bytes(&path).unwrap_or_default();
        for (value, spans) in read_fields(&bytes, self.limits) {
            add(all, &path.as_str().into(), target, value, spans);
        }
    }

    /// What stands in a text has the text's lines.
    fn patch(&self, all: &mut Vec<Edit>, target: &Value, text: &str, pointer: &str) {
        let span = self.at(pointer);
        for (value, mut spans) in read_fields(text.as_bytes(), self.limits) {
            move_to(&mut spans, span);
            add(all, &self.path, target, value, spans);
        }
    }

    fn push(&self, all: &mut Vec<Edit>, what: What) {
        all.push(Edit {
            path: self.path.clone(),
            kind: None,
            name: None,
            what,
        });
    }

    fn items(&self, field: &str) -> impl Iterator<Item = (&Value, String)> {
        let items = self.value[field].as_array().map_or(&[][..], Vec::as_slice);
        let field = field.to_owned();
        let place = move |(at, item)| (item, format!("/{field}/{at}"));
        items.iter().enumerate().map(place)
    }

    fn at(&self, pointer: &str) -> Span {
        self.spans.nearest(pointer).0.value
    }
}

fn add(all: &mut Vec<Edit>, path: &Arc<str>, target: &Value, value: Value, spans: Spans) {
    let text = |from: &Value, pointer: &str| {
        let found = from.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    // Names of targets are regular expressions; what is none is the name itself.
    let plain = |it: &String| it.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
    let (kind, name) = match target {
        Value::Null => (text(&value, "/kind"), text(&value, "/metadata/name")),
        target => (
            text(target, "/kind").filter(plain),
            text(target, "/name").filter(plain),
        ),
    };
    let edit = |what| Edit {
        path: path.clone(),
        kind: kind.clone(),
        name: name.clone(),
        what,
    };
    match (value, &spans.children) {
        (Value::Array(operations), Children::Items(items)) => {
            // The later wins.
            for (operation, spans) in operations.into_iter().zip(items).rev() {
                let makes = operation["op"] == "add" || operation["op"] == "replace";
                let path = operation["path"].as_str().filter(|_| makes);
                let path = path.map(str::to_owned);
                if let (Some(path), Some(given)) = (path, operation.get("value")) {
                    let span = spans.nearest("/value").0.value;
                    all.push(edit(What::Operation(path, given.clone(), span)));
                }
            }
        }
        (value @ Value::Object(_), _) => all.push(edit(What::Merge(value, spans))),
        _ => {}
    }
}

fn move_to(spans: &mut Spans, span: Span) {
    spans.value = span;
    match &mut spans.children {
        Children::None => {}
        Children::Fields(fields) => fields.iter_mut().for_each(|(_, it)| move_to(it, span)),
        Children::Items(items) => items.iter_mut().for_each(|it| move_to(it, span)),
    }
}
