//! What is recorded of an attempt on a kit: once, when it is news.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::history::{
    Cause, Durations, Entry, FindingsNote, HealthNote, Outcome as Recorded, PlanNote, PluginUse,
    RevisionNote, Told, ValuesNote, Writer,
};
use crate::kit::{FindingCounts, GivenValues, Kit, KitStatus, ready_condition};
use crate::source::Commit;

use super::kit::{Decision, Task};
use super::outcome::{KitHealth, Outcome};

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
    values: Vec<GivenValues>,
    findings: FindingCounts,
    /// The revision that it is held at, as the person named it.
    held: Option<String>,
    /// It is held with all others.
    platform: bool,
}

impl Mark {
    /// Of what a status says, if there is one.
    fn of(status: Option<&KitStatus>) -> Self {
        let Some(status) = status else {
            return Self::default();
        };
        let ready = ready_condition(&status.conditions);
        let attempted = status.attempted.as_ref();
        Self {
            reason: ready.map(|it| it.reason.clone()).unwrap_or_default(),
            revision: attempted.map(|it| it.revision.clone()).unwrap_or_default(),
            digest: status.digest.clone(),
            inputs: status.inputs.clone(),
            values: status.values.clone(),
            findings: status.finding_counts,
            held: None,
            platform: false,
        }
    }

    /// Whether the platform is held is no news of a kit that stays as it is.
    fn is_same(&self, other: &Self) -> bool {
        let as_there = Self {
            platform: other.platform,
            ..self.clone()
        };
        as_there == *other
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

/// What tells why an attempt was made.
struct Tried {
    suspended: bool,
    drifted: bool,
    changed: bool,
}

/// Why an attempt was made, and whose spec asked for it, if somebody did.
struct Why<'s> {
    cause: Cause,
    by: Option<&'s String>,
    reason: Option<&'s String>,
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
        let sent = self.sent.take();
        let Some(recorder) = &self.shared.recorder else {
            return;
        };
        let before = kit.and_then(|kit| kit.status.as_ref());
        let mut mark = Mark {
            held: self.pin(),
            platform: self.platform_is_held(),
            ..Mark::of(after.or(before))
        };
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
            known.unwrap_or_else(|| self.left(before))
        };
        let tried = Tried {
            suspended: decision.outcome == Outcome::Suspended,
            drifted: !decision.drifted.findings.is_empty() || !decision.drifted.objects.is_empty(),
            changed: decision.changed > 0,
        };
        let noticed = !decision.drifted.findings.is_empty() && !tried.changed;
        if !tried.changed && last.is_same(&mark) && !noticed {
            return;
        }
        let outcome = recorded(&decision.outcome, self.quarantine.is_some());
        let mut entry = self.entry(self.why(kit, &tried, &last, &mark), outcome, sent);
        entry.instead_of = match (&self.quarantine, &mark.held) {
            (Some(bad), _) => Some(bad.revision.clone()),
            (None, Some(_)) if last.revision != mark.revision => Some(last.revision),
            _ => None,
        };
        entry.digest = Some(self.verdict.rendered.digest.to_string());
        entry.findings = FindingsNote::of(&decision.findings);
        // The condition's words name who holds it; those are erasable elsewhere.
        entry.message = decision.outcome.to_string();
        if let Outcome::Applied { health, .. } = &decision.outcome {
            entry.health = unwell(health);
        }
        entry.durations = Durations {
            evaluated_ms: self.evaluated.and_then(milliseconds),
            ..durations(decision, after, took)
        };
        recorder.writer.record(entry);
    }

    /// Records what was sent before a newer revision, or the host's end, broke the attempt off.
    fn record_broken_off(&self, sent: PlanNote, unanswered: &[String]) {
        let Some(recorder) = &self.shared.recorder else {
            return;
        };
        let kit = self.shared.kits.get(&self.namespace(), &self.object_name());
        let before = kit.as_ref().and_then(|kit| kit.status.as_ref());
        let known = {
            let last = recorder.last.lock().unwrap_or_else(PoisonError::into_inner);
            let id = (self.namespace(), self.object_name());
            last.get(&id).cloned()
        };
        let last = known.unwrap_or_else(|| self.left(before));
        // What comes next is compared with what was before this attempt.
        let mark = Mark {
            revision: self.revision(kit.as_deref()).to_string(),
            inputs: Some(self.verdict.kit.inputs.to_string()),
            values: self.verdict.kit.given.values.clone(),
            held: self.pin(),
            platform: self.platform_is_held(),
            ..last.clone()
        };
        let tried = Tried {
            suspended: false,
            drifted: sent.changed.iter().any(|it| it.by.is_some()),
            changed: true,
        };
        let why = self.why(kit.as_deref(), &tried, &last, &mark);
        let count = sent.created.len() + sent.changed.len() + sent.deleted.len();
        let mut entry = self.entry(why, Recorded::BrokenOff, sent);
        let what = if count == 1 { "object" } else { "objects" };
        entry.message = format!("broken off when the API server had taken {count} {what}");
        if !unanswered.is_empty() {
            let open = unanswered.join(", ");
            entry.message += &format!("; whether it took these is not known: {open}");
        }
        recorder.writer.record(entry);
    }

    fn entry(&self, why: Why<'_>, outcome: Recorded, sent: PlanNote) -> Entry {
        let mut entry = Entry::new(
            Timestamp::now(),
            self.namespace(),
            self.repository.metadata.name.clone().unwrap_or_default(),
            Some(self.verdict.kit.path.to_string()),
            why.cause,
            outcome,
        );
        entry.operator = why.by.map(Told::new);
        entry.reason = why.reason.map(Told::new);
        entry.revision = Some(revision(&self.commit));
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
        let given = self.verdict.kit.given.values.iter();
        entry.values = given
            .map(|it| ValuesNote {
                name: it.name.clone(),
                digest: it.digest.clone(),
            })
            .collect();
        entry.inputs = Some(self.verdict.kit.inputs.to_string());
        entry.plan = sent;
        entry
    }

    /// The revision that a person holds it at, as that person named it.
    pub(super) fn pin(&self) -> Option<String> {
        let pinned = self.verdict.pinned.as_ref();
        pinned.map(|pinned| pinned.asked.clone())
    }

    fn platform_is_held(&self) -> bool {
        self.repository.spec.revision.is_some()
    }

    /// What a host before this one left.
    fn left(&self, status: Option<&KitStatus>) -> Mark {
        let held = self
            .repository
            .status
            .as_ref()
            .and_then(|it| it.held.as_ref());
        Mark {
            held: status.and_then(|it| it.held.clone()),
            platform: held.is_some(),
            ..Mark::of(status)
        }
    }

    fn why<'s>(&'s self, kit: Option<&'s Kit>, tried: &Tried, last: &Mark, mark: &Mark) -> Why<'s> {
        let others = [
            "Pruning",
            "HandingOver",
            "WaitingForDependency",
            "WaitingForKind",
            "WaitingForObject",
            "WaitingForDeletion",
            "WaitingForDependents",
            "WaitingForSource",
            "WaitingForRendering",
            "WaitingForHook",
            "HookFailed",
        ];
        let spec = kit.map(|kit| &kit.spec);
        let asked = |cause| Why {
            cause,
            by: spec.and_then(|it| it.by.as_ref()),
            reason: spec.and_then(|it| it.reason.as_ref()),
        };
        let platform = |cause| Why {
            cause,
            by: self.repository.spec.by.as_ref(),
            reason: self.repository.spec.reason.as_ref(),
        };
        let nobody = |cause| Why {
            cause,
            by: None,
            reason: None,
        };
        let moved = last.revision != mark.revision || self.gone;
        if tried.suspended {
            asked(Cause::Suspend)
        } else if mark.held.is_some() && last.held != mark.held {
            asked(Cause::Rollback)
        } else if last.reason == "Suspended" || last.held.is_some() && mark.held.is_none() {
            asked(Cause::Resume)
        } else if self.quarantine.is_some() && last.reason != "RolledBack" {
            nobody(Cause::AutomaticRollback)
        } else if moved && mark.platform {
            platform(Cause::Rollback)
        } else if moved && last.platform {
            platform(Cause::Resume)
        } else if moved {
            nobody(Cause::Commit)
        } else if tried.drifted {
            nobody(Cause::Drift)
        } else if last.values != self.verdict.kit.given.values && last.inputs != mark.inputs {
            nobody(Cause::Values)
        } else if last.inputs != mark.inputs {
            nobody(Cause::Spec)
        } else if last.is_live() && mark.is_live() && !tried.changed {
            nobody(Cause::Health)
        } else if others.contains(&last.reason.as_str()) {
            nobody(Cause::Awaited)
        } else if matches!(last.reason.as_str(), "ApplyFailed" | "Refused") {
            nobody(Cause::Retry)
        } else {
            nobody(Cause::Request)
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let sent = self.sent.take();
        let unanswered = self.sent.unanswered();
        let nothing = sent.created.is_empty() && sent.changed.is_empty() && sent.deleted.is_empty();
        if !nothing || !unanswered.is_empty() {
            self.record_broken_off(sent, &unanswered);
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
        Outcome::Failed | Outcome::HookFailed { .. } => Recorded::Failed,
        Outcome::Waiting { .. } => Recorded::Waiting,
        Outcome::Suspended => Recorded::Suspended,
        Outcome::Gone => Recorded::Gone,
    }
}

pub(super) fn revision(commit: &Commit) -> RevisionNote {
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

fn milliseconds(it: Duration) -> Option<u64> {
    u64::try_from(it.as_millis()).ok()
}

fn durations(decision: &Decision, after: Option<&KitStatus>, took: Duration) -> Durations {
    let began = after.and_then(|it| it.applied.as_ref()?.at.as_ref()?.parse::<Timestamp>().ok());
    let healthy = began.filter(|_| decision.outcome.is_ready() && decision.changed == 0);
    let since = healthy.and_then(|it| Duration::try_from(it.until(Timestamp::now()).ok()?).ok());
    Durations {
        evaluated_ms: None,
        applied_ms: milliseconds(took).filter(|_| decision.changed > 0),
        healthy_ms: since.and_then(milliseconds),
    }
}
