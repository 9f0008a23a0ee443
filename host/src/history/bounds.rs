//! How large a record may be: everything in it comes from a repository or a person.

use super::entry::{Entry, Told};
use super::outline::PlanNote;

pub(super) const FINDINGS: usize = 50;
const OBJECTS: usize = 50;
const FIELDS: usize = 20;
const PLUGINS: usize = 50;
const VALUES: usize = 50;
const HEALTH: usize = 20;
/// Bytes of what is one line.
const LINE: usize = 1024;
/// Bytes of a name, a pointer, a path.
const NAME: usize = 512;
/// Bytes of what a person wrote.
const TEXT: usize = 2048;
/// Bytes that no record comes near; what is larger was not written by this host.
pub(super) const RECORD: usize = 1 << 20;
/// Bytes of an entry as JSON, in which a text may take six times as many as by itself: lists are
/// shortened until it has no more.
const ENTRY: usize = RECORD / 2;

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
        self.left_out.plugins += shorten(&mut self.plugins, PLUGINS);
        for plugin in &mut self.plugins {
            cut(&mut plugin.path, NAME);
            cut(&mut plugin.digest, NAME);
        }
        self.left_out.values += shorten(&mut self.values, VALUES);
        for values in &mut self.values {
            cut(&mut values.name, NAME);
            cut(&mut values.digest, NAME);
        }
        self.left_out.findings += shorten(&mut self.findings.list, FINDINGS);
        for finding in &mut self.findings.list {
            cut(&mut finding.rule, NAME);
            cut(&mut finding.message, LINE);
            let names = [&mut finding.object, &mut finding.field, &mut finding.origin];
            names.into_iter().flatten().for_each(|it| cut(it, NAME));
        }
        self.left_out.health += shorten(&mut self.health, HEALTH);
        for health in &mut self.health {
            cut(&mut health.object, NAME);
            cut(&mut health.health, NAME);
            cut(&mut health.message, LINE);
        }
        bound_plan(&mut self.plan, [OBJECTS, FIELDS]);
        let mut share = 1;
        while serde_json::to_vec(&self).is_ok_and(|it| it.len() > ENTRY) && share < OBJECTS {
            share *= 2;
            let most = |most: usize| most.div_ceil(share);
            bound_plan(&mut self.plan, [most(OBJECTS), most(FIELDS)]);
            self.left_out.plugins += shorten(&mut self.plugins, most(PLUGINS));
            self.left_out.findings += shorten(&mut self.findings.list, most(FINDINGS));
            self.left_out.health += shorten(&mut self.health, most(HEALTH));
        }
        self
    }
}

fn bound_plan(plan: &mut PlanNote, [objects, fields]: [usize; 2]) {
    plan.omitted.created += shorten(&mut plan.created, objects);
    plan.omitted.changed += shorten(&mut plan.changed, objects);
    plan.omitted.deleted += shorten(&mut plan.deleted, objects);
    let names = plan.created.iter_mut().chain(&mut plan.deleted);
    names.for_each(|it| cut(it, NAME));
    for change in &mut plan.changed {
        cut(&mut change.object, NAME);
        plan.omitted.fields += shorten(&mut change.fields, fields);
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
    use super::super::entry::{Cause, Outcome};
    use super::super::outline::{Change, FindingNote};
    use super::*;

    #[test]
    fn the_largest_record_there_can_be_fits_and_says_what_is_not_in_it() {
        // A control character takes six bytes in JSON.
        let long = "\u{1}".repeat(5000);
        let at = jiff::Timestamp::UNIX_EPOCH;
        let kit = Some(long.clone());
        let mut entry = Entry::new(at, &*long, &*long, kit, Cause::Commit, Outcome::Applied);
        entry.message.clone_from(&long);
        let change = Change {
            object: long.clone(),
            fields: vec![long.clone(); 200],
            by: Some(long.clone()),
        };
        entry.plan.changed = vec![change; 200];
        entry.plan.created = vec![long.clone(); 200];
        entry.plan.deleted = vec![long.clone(); 200];
        let finding = FindingNote {
            rule: long.clone(),
            severity: crate::manifest::Severity::Error,
            message: long.clone(),
            object: Some(long.clone()),
            field: Some(long.clone()),
            origin: Some(long.clone()),
        };
        entry.findings.list = vec![finding; 200];
        let entry = entry.bounded();
        let size = serde_json::to_vec(&entry).unwrap().len();
        assert!(size <= ENTRY, "{size}");
        let told = entry.plan.changed.len() as u32 + entry.plan.omitted.changed;
        assert_eq!((told, entry.plan.changed.is_empty()), (200, false));
        let told = entry.findings.list.len() as u32 + entry.left_out.findings;
        assert_eq!(told, 200);
        // Once is enough.
        assert_eq!(entry.clone().bounded(), entry);
    }

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
