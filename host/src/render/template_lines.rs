//! The lines of a template, and which of them gave the lines of a document.

use std::sync::Arc;

/// Bytes of a line that is compared.
const LINE: usize = 4096;
/// Lines of a document, times lines of its template, that are compared.
const COMPARISONS: usize = 4_000_000;

pub(super) struct Template {
    pub path: Arc<str>,
    pub lines: Vec<Line>,
}

/// A line of a template.
pub(super) struct Line {
    /// What is around its actions, without the white space at both ends.
    around: Vec<String>,
    /// The names in `.Values.a.b`, if that is its one action.
    pub values: Option<Vec<String>>,
}

/// A line of a document, in its template.
#[derive(Clone, Copy, Default)]
pub(super) struct Made {
    pub line: u32,
    /// Its columns are the template's.
    pub verbatim: bool,
}

impl Line {
    pub(super) fn of(text: &str) -> Self {
        let mut around = Vec::new();
        let mut actions = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            around.push(before.to_owned());
            // What is not closed goes on in the next line.
            let (action, behind) = after.split_once("}}").unwrap_or((after, ""));
            actions.push(action);
            rest = behind;
        }
        around.push(rest.to_owned());
        if let Some(first) = around.first_mut() {
            *first = first.trim_start().to_owned();
        }
        if let Some(last) = around.last_mut() {
            *last = last.trim_end().to_owned();
        }
        let values = match actions[..] {
            [action] => values_of(action),
            _ => None,
        };
        Self { around, values }
    }

    /// Actions alone give anything, or nothing.
    fn is_actions(&self) -> bool {
        self.around.iter().all(|it| it.trim().is_empty())
    }

    /// Whether the line may have given this one, whose white space at both ends is taken off.
    fn gives(&self, made: &str) -> bool {
        let (Some(first), Some(last)) = (self.around.first(), self.around.last()) else {
            return false;
        };
        if made.len() > LINE {
            return false;
        }
        if self.around.len() == 1 {
            return first == made;
        }
        if self.is_actions() {
            return false;
        }
        let Some(mut rest) = made.strip_prefix(first.trim_end()) else {
            return false;
        };
        for part in &self.around[1..self.around.len() - 1] {
            match rest.split_once(part.as_str()) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

/// `- .Values.a.b | quote -`: the names.
fn values_of(action: &str) -> Option<Vec<String>> {
    let action = action.trim_matches(|it: char| it == '-' || it.is_whitespace());
    let named = action.split('|').next()?.trim();
    let named = named.strip_prefix('$').unwrap_or(named);
    let names = named.strip_prefix(".Values.")?;
    let is_name =
        |it: &str| !it.is_empty() && it.chars().all(|it| it.is_alphanumeric() || it == '_');
    let names = names.split('.');
    names.map(|it| is_name(it).then(|| it.to_owned())).collect()
}

impl Template {
    fn after(&self, line: u32) -> Option<u32> {
        let rest = self.lines.get(line as usize..).filter(|_| line > 0)?;
        // Behind an action it may be a branch that was not taken.
        let next = rest.first().filter(|it| !it.is_actions());
        next.map(|_| line + 1)
    }

    /// For each line of a document, the one line that can have given it: the only one at all, or the
    /// only one between those of its neighbours.
    pub(super) fn lines_of(&self, text: &str) -> Vec<Made> {
        let made: Vec<&str> = text.lines().collect();
        let mut lines = vec![Made::default(); made.len()];
        if made.len().saturating_mul(self.lines.len()) > COMPARISONS {
            return lines;
        }
        let candidates: Vec<Vec<u32>> = made
            .iter()
            .map(|made| {
                let made = made.trim();
                let gives = |it: &(u32, &Line)| !made.is_empty() && it.1.gives(made);
                let all = (1u32..).zip(&self.lines).filter(gives);
                all.map(|(line, _)| line).collect()
            })
            .collect();
        for (line, all) in lines.iter_mut().zip(&candidates) {
            if let [one] = all[..] {
                line.line = one;
            }
        }
        let known: Vec<u32> = lines.iter().map(|it| it.line).collect();
        for (at, all) in candidates.iter().enumerate().filter(|(_, it)| it.len() > 1) {
            // The line behind what gave the line before.
            let next = at.checked_sub(1).and_then(|it| self.after(lines[it].line));
            let before = known[..at].iter().rev().copied().find(|it| *it > 0);
            let after = known[at..].iter().copied().find(|it| *it > 0);
            let mut between = all.iter().copied().filter(|it| {
                before.is_none_or(|before| *it > before) && after.is_none_or(|after| *it < after)
            });
            let only = between.next().filter(|_| between.next().is_none());
            lines[at].line = next.filter(|it| all.contains(it)).or(only).unwrap_or(0);
        }
        for line in &mut lines {
            let of = self.lines.get((line.line as usize).wrapping_sub(1));
            line.verbatim = of.is_some_and(|it| it.around.len() == 1);
        }
        lines
    }
}
