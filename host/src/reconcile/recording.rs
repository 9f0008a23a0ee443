//! What is recorded of an attempt on a kit, and of a Repository: once, when it is news.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::cluster::Applied;
use crate::history::{
    Cause, Change, Durations, Entry, FindingsNote, HealthNote, Outcome as Recorded, PlanNote,
    PluginUse, RevisionNote, Told, Writer,
};
use crate::kit::{FindingCounts, Kit, KitSpec, KitStatus};
use crate::manifest::{Finding, Manifest, ObjectKey};
use crate::pipeline::Secrets;
use crate::plan::{Action, Plan, Reason, Step};
use crate::source::Commit;

use super::differing::changed_fields;
use super::kit::{Decision, Task};
use super::outcome::{KitHealth, Outcome};
use super::repository::Actor;

/// The record, and what it has of each kit: what is the same again is no news.
pub(super) struct Recorder {
    writer: Writer,
    last: Mutex<HashMap<(String, String), Mark>>,
}

/// What makes an attempt news.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mark {
    reason: String,
    revision: String,
    digest: Option<String>,
    inputs: Option<String>,
    findings: FindingCounts,
    held: Option<String>,
}

impl Mark {
    /// Of what a status says, if there is one.
    fn of(status: Option<&KitStatus>, held: Option<String>) -> Self {
        let Some(status) = status else {
            return Self {
                held,
                ..Self::default()
            };
        };
        let ready = status.conditions.iter().find(|it| it.kind == "Ready");
        let attempted = status.attempted.as_ref();
        Self {
            reason: ready.map(|it| it.reason.clone()).unwrap_or_default(),
            revision: attempted.map(|it| it.revision.clone()).unwrap_or_default(),
            digest: status.digest.clone(),
            inputs: status.inputs.clone(),
            findings: status.finding_counts,
            held,
        }
    }

    /// Of what a host before this one left.
    fn left(status: Option<&KitStatus>, spec: Option<&KitSpec>) -> Self {
        let mark = Self::of(status, None);
        let held = spec.and_then(|spec| spec.revision.clone());
        let held = held.filter(|_| mark.reason == "Held");
        Self { held, ..mark }
    }

    fn is_live(&self) -> bool {
        let reasons = ["Applied", "Held", "Progressing", "Unhealthy", "RolledBack"];
        reasons.contains(&self.reason.as_str())
    }
}

impl Recorder {
    pub(super) fn new(writer: Writer) -> Self {
        Self {
            writer,
            last: Mutex::default(),
        }
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }
}

impl Task {
    /// Records the attempt, if it did something or came to something else than the one before.
    /// `after` is what the status says of it, or would say; nothing if the kit is gone.
    pub(super) fn record(
        &self,
        decision: &Decision,
        kit: Option<&Kit>,
        after: Option<&KitStatus>,
        took: Duration,
    ) {
        let Some(recorder) = &self.shared.recorder else {
            return;
        };
        let spec = kit.map(|kit| &kit.spec);
        let before = kit.and_then(|kit| kit.status.as_ref());
        let held = self.verdict.pinned.as_ref();
        let mut mark = Mark::of(after.or(before), held.map(|pinned| pinned.asked.clone()));
        if decision.outcome == Outcome::Gone {
            mark.reason = "Gone".into();
        }
        let id = (self.namespace(), self.object_name());
        let last = {
            let mut last = recorder.last.lock().unwrap_or_else(PoisonError::into_inner);
            let known = match decision.outcome {
                Outcome::Gone => last.remove(&id),
                _ => last.insert(id, mark.clone()),
            };
            known.unwrap_or_else(|| Mark::left(before, spec))
        };
        let drifted = !decision.drifted.findings.is_empty() && decision.changed == 0;
        if decision.changed == 0 && last == mark && !drifted {
            return;
        }
        let cause = self.cause(decision, &last, &mark);
        let mut entry = Entry::new(
            Timestamp::now(),
            self.namespace(),
            self.repository.metadata.name.clone().unwrap_or_default(),
            Some(self.verdict.kit.path.to_string()),
            cause,
            recorded(&decision.outcome, self.quarantine.is_some()),
        );
        if matches!(cause, Cause::Rollback | Cause::Suspend | Cause::Resume) {
            let told = |text: Option<&String>| text.map(Told::new);
            entry.operator = told(spec.and_then(|spec| spec.by.as_ref()));
            entry.reason = told(spec.and_then(|spec| spec.reason.as_ref()));
        }
        entry.revision = Some(revision(&self.commit));
        entry.instead_of = match (&self.quarantine, held) {
            (Some(bad), _) => Some(bad.revision.clone()),
            (None, Some(_)) if last.revision != mark.revision => Some(last.revision),
            _ => None,
        };
        let store = &self.shared.plugins;
        let used = self.verdict.kit.plugins.iter();
        entry.plugins = used
            .filter_map(|used| {
                Some(PluginUse {
                    path: used.path.clone(),
                    digest: store.digest(used)?,
                })
            })
            .collect();
        entry.inputs = Some(self.verdict.kit.inputs.to_string());
        entry.digest = Some(self.verdict.rendered.digest.to_string());
        entry.findings = FindingsNote::of(&decision.findings);
        entry.plan = decision.done.clone();
        // The condition's words name who holds it; those are erasable elsewhere.
        entry.message = decision.outcome.to_string();
        if let Outcome::Applied { health, .. } = &decision.outcome {
            entry.health = unwell(health);
        }
        entry.durations = durations(decision, after, took);
        recorder.writer.record(entry);
    }

    fn cause(&self, decision: &Decision, last: &Mark, mark: &Mark) -> Cause {
        let others = [
            "Pruning",
            "HandingOver",
            "WaitingForDependency",
            "WaitingForKind",
            "WaitingForObject",
            "WaitingForDeletion",
            "WaitingForDependents",
        ];
        if decision.outcome == Outcome::Suspended {
            Cause::Suspend
        } else if self.verdict.pinned.is_some() && last.held != mark.held {
            Cause::Rollback
        } else if last.reason == "Suspended" || last.held.is_some() && mark.held.is_none() {
            Cause::Resume
        } else if self.quarantine.is_some() && last.reason != "RolledBack" {
            Cause::AutomaticRollback
        } else if last.revision != mark.revision || self.gone {
            Cause::Commit
        } else if !decision.drifted.findings.is_empty() || !decision.drifted.objects.is_empty() {
            Cause::Drift
        } else if last.inputs != mark.inputs {
            Cause::Spec
        } else if last.is_live() && mark.is_live() && decision.changed == 0 {
            Cause::Health
        } else if others.contains(&last.reason.as_str()) {
            Cause::Awaited
        } else if matches!(last.reason.as_str(), "ApplyFailed" | "Refused") {
            Cause::Retry
        } else {
            Cause::Request
        }
    }
}

fn recorded(outcome: &Outcome, rolled_back: bool) -> Recorded {
    match outcome {
        Outcome::Applied { .. } if rolled_back => Recorded::RolledBack,
        Outcome::Applied { health, .. } if health.is_bad() => Recorded::Unhealthy,
        Outcome::Applied { health, .. } if !health.objects.is_empty() => Recorded::Progressing,
        Outcome::Applied { .. } => Recorded::Healthy,
        Outcome::Refused => Recorded::Refused,
        Outcome::Failed => Recorded::Failed,
        Outcome::Waiting { .. } => Recorded::Waiting,
        Outcome::Suspended => Recorded::Suspended,
        Outcome::Gone => Recorded::Gone,
    }
}

fn revision(commit: &Commit) -> RevisionNote {
    let told = |text: &str| Told::new(text);
    RevisionNote {
        id: commit.revision.to_string(),
        author: told(&commit.author),
        committer: Some(told(&commit.committer)),
        committed_at: Timestamp::from_second(commit.time).ok(),
        subject: told(&commit.subject),
        signature: commit.signature.told().map(Told::new),
    }
}

fn unwell(health: &KitHealth) -> Vec<HealthNote> {
    let objects = health.objects.iter();
    objects
        .map(|(key, health)| HealthNote {
            object: key.to_string(),
            health: health.to_string(),
            message: health.message().to_owned(),
        })
        .collect()
}

fn durations(decision: &Decision, after: Option<&KitStatus>, took: Duration) -> Durations {
    let milliseconds = |it: Duration| u64::try_from(it.as_millis()).ok();
    let began = after.and_then(|it| it.applied.as_ref()?.at.as_ref()?.parse::<Timestamp>().ok());
    let healthy = began.filter(|_| decision.outcome.is_ready() && decision.changed == 0);
    let since = healthy.and_then(|it| Duration::try_from(it.until(Timestamp::now()).ok()?).ok());
    Durations {
        evaluated_ms: None,
        applied_ms: milliseconds(took).filter(|_| decision.changed > 0),
        healthy_ms: since.and_then(milliseconds),
    }
}

/// What was done of a plan. `were` is what the kit's objects were before, as far as it is known.
pub(super) fn done(plan: &Plan, applied: &Applied, were: &[Manifest]) -> PlanNote {
    let failed: BTreeSet<&ObjectKey> = applied
        .failures
        .iter()
        .filter_map(|it| it.object.as_ref())
        .collect();
    // No stage is begun after one in which something failed.
    let stopped = plan.steps.iter().find(|it| failed.contains(&it.key));
    let stopped = stopped.map(|it| it.stage);
    let mut secrets = Secrets::default();
    secrets.add_objects(were.iter().map(|it| &it.object));
    secrets.add_objects(plan.steps.iter().map(|it| &it.body));
    let sent = plan.steps.iter().filter(|it| {
        !failed.contains(&it.key) && stopped.is_none_or(|stopped| it.stage <= stopped)
    });
    let mut note = PlanNote {
        left: u32::try_from(plan.left.len()).unwrap_or(u32::MAX),
        ..PlanNote::default()
    };
    for step in sent {
        match step.action {
            Action::Create => note.created.push(step.key.to_string()),
            Action::Update => note.changed.push(change(step, plan, were, &secrets)),
        }
    }
    note
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

impl Actor {
    /// Records something of the Repository itself.
    pub(super) fn record(
        &self,
        cause: Cause,
        outcome: Recorded,
        commit: Option<&Commit>,
        findings: &[Finding],
        message: String,
    ) {
        let Some(recorder) = &self.shared.recorder else {
            return;
        };
        let (namespace, name) = (self.namespace(), self.name());
        let mut entry = Entry::new(Timestamp::now(), namespace, name, None, cause, outcome);
        if matches!(cause, Cause::Rollback | Cause::Suspend | Cause::Resume) {
            let spec = &self.repository.spec;
            entry.operator = spec.by.clone().map(Told::new);
            entry.reason = spec.reason.clone().map(Told::new);
        }
        entry.revision = commit.map(revision);
        entry.findings = FindingsNote::of(findings);
        entry.message = message;
        recorder.writer.record(entry);
    }

    /// Records what people want of the Repository now, if it is another thing than before.
    pub(super) fn record_wish(&self, revision: Option<&str>, suspend: bool) {
        let now = &self.repository.spec;
        if now.suspend != suspend {
            let (cause, outcome) = match now.suspend {
                true => (Cause::Suspend, Recorded::Suspended),
                false => (Cause::Resume, Recorded::Resumed),
            };
            self.record(cause, outcome, None, &[], String::new());
        }
        if now.revision.as_deref() != revision {
            let (cause, message) = match &now.revision {
                Some(to) => (Cause::Rollback, format!("to be held at {to}")),
                None => (Cause::Resume, "follows the newest revision again".into()),
            };
            self.record(cause, Recorded::Noted, None, &[], message);
        }
    }
}
