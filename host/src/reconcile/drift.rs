//! What a kit tells of changes that others made to its objects.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::{Applied, Note};
use crate::kit::{DriftStatus, KitStatus};
use crate::manifest::{Finding, ObjectKey, Severity};
use crate::plan::{Drift, Plan, Reason};

/// Fields of one object, and objects, that a status names.
const LIMIT: usize = 10;

/// The drift of one attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct Drifted {
    /// What was put right.
    pub corrected: Vec<DriftStatus>,
    /// The objects of that.
    pub objects: Vec<ObjectKey>,
    /// What is told and left as it is.
    pub findings: Vec<Finding>,
}

impl Drifted {
    /// What was found later in the same attempt.
    pub(super) fn add(&mut self, later: Self) {
        self.corrected.extend(later.corrected);
        self.objects.extend(later.objects);
        // What is left is found each time.
        self.findings = later.findings;
    }
}

/// `held`: objects that are fought over, and the pause until each is put right again.
pub(super) fn drifted(
    plan: &Plan,
    applied: &Applied,
    held: &BTreeMap<ObjectKey, Duration>,
    now: &str,
) -> Drifted {
    let mut found = Drifted::default();
    for drift in &plan.drift {
        let sent = |key: &ObjectKey| {
            plan.now()
                .iter()
                .any(|step| step.key == *key && matches!(step.reason, Reason::Drifted { .. }))
        };
        let planned = |key: &ObjectKey| plan.steps.iter().any(|step| step.key == *key);
        if !sent(&drift.key) && planned(&drift.key) {
            // A hook holds it.
            continue;
        }
        if !sent(&drift.key) {
            found.findings.push(left(drift, held.get(&drift.key)));
            continue;
        }
        let failed = applied
            .failures
            .iter()
            .any(|failure| failure.object.as_ref() == Some(&drift.key));
        if failed {
            continue;
        }
        let taken = applied.overridden.iter().find(|(key, _)| *key == drift.key);
        let last = drift.by.as_ref();
        let manager = match taken {
            Some((_, managers)) => Some(managers.join(", ")),
            None => last.map(|by| by.manager.to_string()),
        };
        found.objects.push(drift.key.clone());
        found.corrected.push(DriftStatus {
            object: drift.key.to_string(),
            fields: drift.fields.iter().take(LIMIT).cloned().collect(),
            changed_at: last
                .filter(|by| manager.as_deref() == Some(&*by.manager))
                .map(|by| by.at.to_string()),
            manager,
            at: now.to_owned(),
            corrected: true,
        });
    }
    found
}

fn left(drift: &Drift, pause: Option<&Duration>) -> Finding {
    let by = drift.by.as_ref().map_or("somebody".to_owned(), |by| {
        format!("{} at {}", by.manager, by.at)
    });
    let fields: Vec<&str> = drift
        .fields
        .iter()
        .take(LIMIT)
        .map(String::as_str)
        .collect();
    let fields = fields.join(", ");
    let (rule, message) = match pause {
        Some(pause) => {
            let every = pause.as_secs();
            // Without a time: that would be news at each round.
            let by = drift.by.as_ref().map_or("somebody", |by| &*by.manager);
            let message = format!(
                "{fields} is set back over and over, last by {by}; it is put right only every {every} s"
            );
            ("drift-fight", message)
        }
        None => (
            "drift",
            format!("{fields} was changed by {by}, and is left so: the kit's drift is `report`"),
        ),
    };
    let hint = match pause {
        Some(_) => "stop the other one, or leave the field to it: `ignore` in kit.yaml",
        None => "put it right by hand, take it into the manifest, or let the kit correct it",
    };
    let mut finding = Finding::host_error(rule, message)
        .about(drift.key.clone())
        .at(drift.origin.clone())
        .hint(hint);
    finding.severity = Severity::Warning;
    finding.field = drift.fields.first().cloned();
    finding
}

/// Puts what was corrected, and what is newly left as it is, into the status; gives its Event.
pub(super) fn told(before: &KitStatus, after: &mut KitStatus, drifted: &Drifted) -> Option<Note> {
    let mut all = drifted.corrected.clone();
    all.append(&mut after.drift);
    all.truncate(LIMIT);
    after.drift = all;
    if let Some(first) = drifted.corrected.first() {
        let more = match drifted.corrected.len() {
            1 => String::new(),
            count => format!(" (and {} more objects)", count - 1),
        };
        let message = format!(
            "{}: {} was changed by {}{}, and is again as the manifest says{more}",
            first.object,
            first.fields.join(", "),
            first.manager.as_deref().unwrap_or("somebody"),
            first
                .changed_at
                .as_ref()
                .map(|at| format!(" at {at}"))
                .unwrap_or_default(),
        );
        return Some(Note {
            warning: true,
            reason: "DriftCorrected",
            message,
        });
    }
    let news = drifted
        .findings
        .iter()
        .find(|finding| !before.findings.contains(finding))?;
    let reason = match news.rule.as_str() {
        "trimtab/drift-fight" => "DriftFight",
        _ => "Drifted",
    };
    Some(Note {
        warning: true,
        reason,
        message: news.to_string(),
    })
}
