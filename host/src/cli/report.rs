//! Findings as a compiler prints them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use clap::ValueEnum;

use crate::manifest::{Finding, Severity, Span, clean};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

impl Color {
    pub(super) fn is_on(self) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
            }
        }
    }
}

/// Prints findings with the lines that they are about.
pub(super) struct Printer {
    root: PathBuf,
    renderer: Renderer,
    texts: RefCell<HashMap<String, Option<Rc<str>>>>,
}

impl Printer {
    pub(super) fn new(root: &Path, color: Color) -> Self {
        let renderer = if color.is_on() {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        Self {
            root: root.to_owned(),
            renderer,
            texts: RefCell::default(),
        }
    }

    pub(super) fn finding(&self, finding: &Finding) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Info => Level::INFO,
        };
        let text = finding
            .origin
            .as_ref()
            .and_then(|origin| self.text(&origin.path));
        let mut group = Group::with_title(
            level
                .primary_title(finding.message.as_str())
                .id(finding.rule.as_str()),
        );
        let path = finding
            .origin
            .as_ref()
            .map(|origin| clean(&origin.path, usize::MAX))
            .unwrap_or_default();
        let mut footers = Vec::new();
        match (&text, &finding.origin) {
            (Some(text), Some(origin)) if origin.line > 0 && !is_secret(finding, text) => {
                let range = match finding.span {
                    Some(span) => range(text, &span),
                    None => line_range(text, origin.line),
                };
                let label = finding.field.as_deref().unwrap_or_default().to_owned();
                let annotation = AnnotationKind::Primary.span(range).label(label);
                group = group.element(
                    Snippet::source(text.to_string())
                        .path(path)
                        .line_start(1)
                        .annotation(annotation),
                );
            }
            (_, Some(origin)) => footers.push((Level::NOTE, format!("at {origin}"))),
            (_, None) => {}
        }
        if let Some(reason) = &finding.exempt {
            footers.push((Level::NOTE, format!("exempt: {reason}")));
        }
        if let Some(proposed) = &finding.proposed {
            footers.push((Level::HELP, format!("write {proposed} instead")));
        }
        if let Some(hint) = &finding.hint {
            footers.push((Level::HELP, hint.clone()));
        }
        for note in &finding.notes {
            let place = note
                .origin
                .as_ref()
                .map(|origin| format!(" ({origin})"))
                .unwrap_or_default();
            footers.push((Level::NOTE, format!("{}{place}", note.message)));
        }
        for (level, footer) in footers {
            group = group.element(level.message(footer));
        }
        self.renderer.render(&[group]).to_string()
    }

    fn text(&self, path: &str) -> Option<Rc<str>> {
        let mut texts = self.texts.borrow_mut();
        let read = || {
            let bytes = std::fs::read(self.root.join(path)).ok()?;
            // Components have no lines.
            let text = String::from_utf8(bytes).ok()?;
            Some(Rc::from(text.trim_start_matches('\u{feff}')))
        };
        texts.entry(path.to_owned()).or_insert_with(read).clone()
    }
}

/// The line of a Secret may hold its value; where it is not known what an object is, a file that
/// speaks of Secrets is not quoted.
fn is_secret(finding: &Finding, text: &str) -> bool {
    match &finding.object {
        Some(object) => &*object.group_kind.kind == "Secret",
        None => finding.rule == "trimtab/yaml" && text.contains("Secret"),
    }
}

/// Bytes of a span; lines and columns count from 1, columns in characters.
fn range(text: &str, span: &Span) -> std::ops::Range<usize> {
    let start = offset(text, span.line, span.column);
    // A value of several lines is shown by its first.
    let end = if span.end_line == span.line {
        offset(text, span.end_line, span.end_column)
    } else {
        line_range(text, span.line).end
    };
    start..end.max(start)
}

fn line_range(text: &str, line: u32) -> std::ops::Range<usize> {
    let start = offset(text, line, 1);
    let length = text[start..].find('\n').unwrap_or(text.len() - start);
    start..start + text[start..start + length].trim_end().len()
}

fn offset(text: &str, line: u32, column: u32) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1) as usize)
        .map(str::len)
        .sum();
    let here = text[before..]
        .split_inclusive('\n')
        .next()
        .unwrap_or_default();
    let within = here
        .char_indices()
        .nth(column.saturating_sub(1) as usize)
        .map_or(here.len(), |(index, _)| index);
    before + within
}
