//! What an attempt has sent so far, for the record: also that of one which is broken off.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::history::{Change, PlanNote};
use crate::manifest::{Manifest, ObjectKey};
use crate::pipeline::Secrets;
use crate::plan::{Action, Plan, Reason, Step};

use super::differing::changed_fields;

/// In outline: names and fields, no values.
#[derive(Default)]
pub(super) struct Sent(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    plan: PlanNote,
    /// Objects that are about to be sent, or of which the API server has not said yet whether it took
    /// them.
    under_way: BTreeSet<String>,
}

impl Sent {
    /// A step of a plan may be sent from now on; `taken` or `refused` is its end.
    pub(super) fn begun(&self, step: &Step) {
        self.noted().under_way.insert(step.key.to_string());
    }

    pub(super) fn refused(&self, step: &Step) {
        self.noted().under_way.remove(&step.key.to_string());
    }

    /// What is not known to be taken or refused, once, in the order of names.
    pub(super) fn unanswered(&self) -> Vec<String> {
        let left = std::mem::take(&mut self.noted().under_way);
        left.into_iter().collect()
    }

    /// The API server took a step of a plan. `were` is what the kit's objects were before, as far
    /// as it is known; `secrets` are those of both.
    pub(super) fn taken(&self, step: &Step, plan: &Plan, were: &[Manifest], secrets: &Secrets) {
        let mut noted = self.noted();
        noted.under_way.remove(&step.key.to_string());
        let note = &mut noted.plan;
        match step.action {
            Action::Create => note.created.push(step.key.to_string()),
            Action::Update => note.changed.push(change(step, plan, were, secrets)),
        }
    }

    /// The API server granted a deletion.
    pub(super) fn deleted(&self, key: &ObjectKey) {
        self.noted().plan.deleted.push(key.to_string());
    }

    /// How many objects were as planned.
    pub(super) fn left(&self, count: usize) {
        self.noted().plan.left = u32::try_from(count).unwrap_or(u32::MAX);
    }

    /// All of it, once, in the order of names: requests go out side by side.
    pub(super) fn take(&self) -> PlanNote {
        let mut note = std::mem::take(&mut self.noted().plan);
        note.created.sort();
        note.changed.sort_by(|a, b| a.object.cmp(&b.object));
        note.deleted.sort();
        note
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn change(step: &Step, plan: &Plan, were: &[Manifest], secrets: &Secrets) -> Change {
    let drift = plan.drift.iter().find(|it| it.key == step.key);
    let fields = match &step.reason {
        Reason::Drifted { fields } => {
            let masked = |it: &String| secrets.masked_pointer(it);
            fields.iter().map(masked).collect()
        }
        _ => {
            let before = were.iter().find(|it| it.key() == step.key);
            before.map_or_else(Vec::new, |before| {
                changed_fields(&before.object, &step.body, secrets)
            })
        }
    };
    Change {
        object: step.key.to_string(),
        fields,
        by: drift.and_then(|it| Some(it.by.as_ref()?.manager.to_string())),
    }
}
