//! Where what Helm made comes from: the line of the template, or the entry of the values. Helm tells
//! the file alone, so lines are found by what is written around the template's actions.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::reads::Recorder;
use super::template_lines::{Line, Made, Template};
use crate::kit::{KIT_FILE, KitSource, Release, rooted};
use crate::manifest::{
    Children, Elsewhere, Limits, Manifest, Origin, Span, Spans, pointer_token, read_fields,
};

/// The templates and values of a chart, read once a render.
pub(super) struct Templates<'r> {
    recorder: &'r Recorder,
    release: &'r Release,
    limits: Limits,
    templates: HashMap<String, Option<Arc<Template>>>,
    /// Those of the release; the one that wins comes first.
    values: Vec<Values>,
    /// A subchart's own, by its directory.
    own: HashMap<String, Option<Arc<Values>>>,
}

struct Values {
    path: Arc<str>,
    /// Where in the document they are.
    below: &'static str,
    value: Value,
    spans: Spans,
}

impl<'r> Templates<'r> {
    pub(super) fn new(
        recorder: &'r Recorder,
        kit: &KitSource,
        release: &'r Release,
        limits: &Limits,
    ) -> Self {
        let mut templates = Self {
            recorder,
            release,
            limits: *limits,
            templates: HashMap::new(),
            values: Vec::new(),
            own: HashMap::new(),
        };
        let own = rooted(kit.path.as_str(), KIT_FILE);
        let values = release
            .values
            .iter()
            .map(|_| (own.clone(), "/spec/helm/values"));
        let files = release.values_files.iter().rev();
        let files = files.map(|path| (path.clone(), ""));
        let chart = (rooted(&release.chart, "values.yaml"), "");
        for (path, below) in values.chain(files).chain([chart]) {
            let read = templates.read_values(&path, below);
            templates.values.extend(read);
        }
        templates
    }

    fn read_values(&self, path: &str, below: &'static str) -> Option<Values> {
        let bytes = self.recorder.bytes(path)?;
        let (value, spans) = read_fields(&bytes, &self.limits).pop()?;
        Some(Values {
            path: path.into(),
            below,
            value,
            spans,
        })
    }

    /// Says of an object where it comes from. Its spans are those of `text`, as Helm gave it.
    /// `source`: `shop/templates/service.yaml`, from the chart's name on.
    pub(super) fn put(&mut self, manifest: &mut Manifest, source: &str, text: &str) {
        let below = below_chart(source);
        let Some(template) = self.template(&template_path(self.release, source)) else {
            // It is in a package.
            manifest.origin = Origin::new(self.release.chart.as_str(), 0);
            manifest.spans = Arc::new(Spans::of_line(0));
            return;
        };
        let lines = template.lines_of(text);
        let spans = placed(&manifest.spans, &lines, 0);
        let first = match &spans.children {
            Children::Fields(fields) => fields.iter().filter_map(|(_, it)| it.key),
            _ => return,
        };
        let line = first.map(|it| it.line).filter(|it| *it > 0).min();
        let mut elsewhere = Elsewhere::new();
        let subcharts = subcharts(below);
        let mut leaf = |pointer: &str, value: &Value, line: u32| {
            let line = template.lines.get((line as usize).wrapping_sub(1));
            let Some(names) = line.and_then(|it| it.values.as_ref()) else {
                return;
            };
            if let Some(place) = self.entry(&subcharts, names, value) {
                elsewhere.insert(pointer.to_owned(), place);
            }
        };
        leaves(&manifest.object, &spans, "", &mut leaf);
        manifest.origin = Origin::new(template.path.clone(), line.unwrap_or(0));
        manifest.spans = Arc::new(spans);
        if !elsewhere.is_empty() {
            manifest.elsewhere = Some(Arc::new(elsewhere));
        }
    }

    fn template(&mut self, path: &str) -> Option<Arc<Template>> {
        let recorder = self.recorder;
        let read = || {
            let bytes = recorder.bytes(path)?;
            let text = String::from_utf8(bytes).ok()?;
            Some(Arc::new(Template {
                path: path.into(),
                lines: text.lines().map(Line::of).collect(),
            }))
        };
        let template = self.templates.entry(path.to_owned());
        template.or_insert_with(read).clone()
    }

    /// The entry of the values that has what a template names, if it is what was made of it.
    fn entry(
        &mut self,
        subcharts: &[&str],
        names: &[String],
        made: &Value,
    ) -> Option<(Arc<str>, Span)> {
        let pointer = |names: &mut dyn Iterator<Item = &str>| {
            names
                .map(|it| format!("/{}", pointer_token(it)))
                .collect::<String>()
        };
        let own = || names.iter().map(String::as_str);
        let global = names.first().is_some_and(|it| it == "global");
        // What is global is given to subcharts as it is.
        let above = if global { &[][..] } else { subcharts };
        let full = pointer(&mut above.iter().copied().chain(own()));
        let mut known = self.values.iter();
        if let Some(found) = known.find_map(|it| it.at(&full, made)) {
            return found;
        }
        if subcharts.is_empty() {
            return None;
        }
        let directory = subcharts.iter().map(|it| format!("charts/{it}/"));
        let path = rooted(
            &self.release.chart,
            &format!("{}values.yaml", directory.collect::<String>()),
        );
        if !self.own.contains_key(&path) {
            let read = self.read_values(&path, "").map(Arc::new);
            self.own.insert(path.clone(), read);
        }
        let values = self.own[&path].as_ref()?;
        values.at(&pointer(&mut own()), made).flatten()
    }
}

/// A template's file in the repository.
pub(super) fn template_path(release: &Release, source: &str) -> String {
    rooted(&release.chart, below_chart(source))
}

/// `source` begins with the chart's name, whatever its directory is called.
fn below_chart(source: &str) -> &str {
    source.split_once('/').map_or(source, |(_, below)| below)
}

impl Values {
    /// Nothing if these have no such entry; of one that was made into something else, no place.
    fn at(&self, pointer: &str, made: &Value) -> Option<Option<(Arc<str>, Span)>> {
        let full = format!("{}{pointer}", self.below);
        let value = self.value.pointer(&full)?;
        let spans = self.spans.at(&full)?;
        let same = told(value).is_some_and(|it| Some(it) == told(made));
        Some(same.then(|| (self.path.clone(), spans.value)))
    }
}

/// A scalar as a template prints it.
fn told(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

/// `charts/cache/charts/store/templates/a.yaml`: the charts that the template's is in.
fn subcharts(below: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = below;
    while let Some((name, inner)) = rest
        .strip_prefix("charts/")
        .and_then(|it| it.split_once('/'))
    {
        names.push(name);
        rest = inner;
    }
    names
}

/// Spans of a document as spans of its template. What no line is known of has that of what it is in.
fn placed(spans: &Spans, lines: &[Made], outer: u32) -> Spans {
    let made = |line: u32| {
        let found = lines.get((line as usize).wrapping_sub(1));
        found.copied().filter(|it| it.line > 0)
    };
    let place = |span: &Span| match made(span.line) {
        Some(begin) => {
            let end = made(span.end_line).filter(|it| it.line >= begin.line);
            let columns = begin.verbatim && end.is_some_and(|it| it.verbatim);
            Span {
                line: begin.line,
                column: if columns { span.column } else { 1 },
                end_line: end.map_or(begin.line, |it| it.line),
                end_column: if columns { span.end_column } else { 1 },
            }
        }
        None => Spans::of_line(outer).value,
    };
    let key = spans.key.as_ref().map(place);
    let value = place(&spans.value);
    let inner = key.map_or(value.line, |it| it.line);
    let children = match &spans.children {
        Children::None => Children::None,
        Children::Fields(fields) => Children::Fields(
            fields
                .iter()
                .map(|(name, it)| (name.clone(), placed(it, lines, inner)))
                .collect(),
        ),
        Children::Items(items) => {
            Children::Items(items.iter().map(|it| placed(it, lines, inner)).collect())
        }
    };
    Spans {
        value,
        key,
        children,
    }
}

/// All scalars, each with its pointer and line.
fn leaves(value: &Value, spans: &Spans, pointer: &str, leaf: &mut dyn FnMut(&str, &Value, u32)) {
    match (value, &spans.children) {
        (Value::Object(object), Children::Fields(fields)) => {
            for (name, spans) in fields {
                if let Some(value) = object.get(&**name) {
                    let below = format!("{pointer}/{}", pointer_token(name));
                    leaves(value, spans, &below, leaf);
                }
            }
        }
        (Value::Array(array), Children::Items(items)) => {
            for (at, (value, spans)) in array.iter().zip(items).enumerate() {
                leaves(value, spans, &format!("{pointer}/{at}"), leaf);
            }
        }
        (value, _) => leaf(pointer, value, spans.value.line),
    }
}
