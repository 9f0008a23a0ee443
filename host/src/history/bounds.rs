//! How large a record may be: everything in it comes from a repository or a person.

use super::entry::{Entry, Told};
use super::outline::PlanNote;

pub(super) const FINDINGS: usize = 50;
const OBJECTS: usize = 50;
const FIELDS: usize = 20;
const PLUGINS: usize = 50;
const HEALTH: usize = 20;
/// Bytes of what is one line.
const LINE: usize = 1024;
/// Bytes of a name, a pointer, a path.
const NAME: usize = 512;
/// Bytes of what a person wrote.
const TEXT: usize = 2048;
/// Bytes that no record comes near; what is larger was not written by this host.
pub(super) const RECORD: usize = 1 << 20;

impl Entry {
    /// The same, cut to its bounds, with the time to the millisecond.
    pub(super) fn bounded(mut self) -> Self {
        let milliseconds = self.at.as_millisecond();
        self.at = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(self.at);
        for name in [&mut self.namespace, &mut self.repository] {
            cut(name, NAME);
        }
        let names = [
            &mut self.kit,
            &mut self.instead_of,
            &mut self.inputs,
            &mut self.digest,
        ];
        names.into_iter().flatten().for_each(|it| cut(it, NAME));
        cut(&mut self.message, LINE);
        for told in self.told_mut() {
            if let Told::Text(text) = told {
                cut(text, TEXT);
            }
        }
        if let Some(revision) = &mut self.revision {
            cut(&mut revision.id, NAME);
        }
        self.plugins.truncate(PLUGINS);
        for plugin in &mut self.plugins {
            cut(&mut plugin.path, NAME);
            cut(&mut plugin.digest, NAME);
        }
        self.findings.list.truncate(FINDINGS);
        for finding in &mut self.findings.list {
            cut(&mut finding.rule, NAME);
            cut(&mut finding.message, LINE);
            let names = [&mut finding.object, &mut finding.field, &mut finding.origin];
            names.into_iter().flatten().for_each(|it| cut(it, NAME));
        }
        self.health.truncate(HEALTH);
        for health in &mut self.health {
            cut(&mut health.object, NAME);
            cut(&mut health.health, NAME);
            cut(&mut health.message, LINE);
        }
        bound_plan(&mut self.plan);
        self
    }
}

fn bound_plan(plan: &mut PlanNote) {
    plan.omitted.created += shorten(&mut plan.created, OBJECTS);
    plan.omitted.changed += shorten(&mut plan.changed, OBJECTS);
    plan.omitted.deleted += shorten(&mut plan.deleted, OBJECTS);
    let names = plan.created.iter_mut().chain(&mut plan.deleted);
    names.for_each(|it| cut(it, NAME));
    for change in &mut plan.changed {
        cut(&mut change.object, NAME);
        plan.omitted.fields += shorten(&mut change.fields, FIELDS);
        change.fields.iter_mut().for_each(|it| cut(it, NAME));
        change.by.iter_mut().for_each(|it| cut(it, NAME));
    }
}

/// How many were too many.
fn shorten<T>(list: &mut Vec<T>, most: usize) -> u32 {
    let over = list.len().saturating_sub(most);
    list.truncate(most);
    u32::try_from(over).unwrap_or(u32::MAX)
}

/// Cuts at a character's border, and says so. U+0000 goes, which PostgreSQL has no place for.
fn cut(text: &mut String, most: usize) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    if text.len() > most {
        const MARK: &str = "…";
        text.truncate(text.floor_char_boundary(most - MARK.len()));
        text.push_str(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_characters_border() {
        for (text, cut_to) in [
            ("abc", "abc"),
            ("ab\0c", "ab…"),
            ("äöü", "ä…"),
            ("ab\0", "ab\u{fffd}"),
        ] {
            let mut text = text.to_owned();
            cut(&mut text, 5);
            assert_eq!(text, cut_to);
        }
    }
}
