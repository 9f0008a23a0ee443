//! From outcomes to statuses and Events. Pure: time comes in as text.

use crate::cluster::Note;
use crate::kit::{
    Condition, ConditionStatus, FindingCounts, GivenValues, HealthStatus, HealthyRevision,
    HookStatus, KitSpec, KitStatus, Quarantine, RevisionStatus, set_condition,
};
use crate::manifest::{Finding, Severity};
use crate::source::Commit;

use super::outcome::Outcome;

/// How many findings a status holds; the counts tell of the rest.
const FINDINGS_LIMIT: usize = 50;
/// How many objects that are not healthy a status holds.
const HEALTH_LIMIT: usize = 20;
/// How many revisions a status remembers.
const HISTORY_LIMIT: usize = 10;
/// Bytes of one finding's message in a status.
const MESSAGE_LIMIT: usize = 2048;

/// A kit's attempt in full.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'a> {
    pub outcome: &'a Outcome,
    pub commit: &'a Commit,
    pub findings: &'a [Finding],
    /// The revision no longer has the kit.
    pub gone: bool,
    /// The revision that this one is applied instead of.
    pub quarantine: Option<&'a Quarantine>,
    /// A person holds it, at this revision or as it is.
    pub held: Option<&'a KitSpec>,
    pub inputs: String,
    /// Of the rendered objects.
    pub digest: String,
    /// What they were rendered with.
    pub values: &'a [GivenValues],
    /// What is to be kept of hooks, if it is something else.
    pub hooks: Option<&'a [HookStatus]>,
    /// Objects that the kit has live after this attempt.
    pub objects: usize,
    pub generation: Option<i64>,
}

/// The status after an attempt. `now` is RFC 3339.
pub(super) fn kit_status(before: &KitStatus, attempt: &Attempt<'_>, now: &str) -> KitStatus {
    let mut status = before.clone();
    status.observed_generation = attempt.generation;
    let unchanged = before.inputs.as_deref() == Some(attempt.inputs.as_str());
    status.quarantine = attempt.quarantine.cloned();
    if let Some(quarantine) = attempt.quarantine {
        rolled_back(&mut status, attempt, quarantine, now);
    } else if !matches!(attempt.outcome, Outcome::Suspended | Outcome::Gone) {
        // A kit whose inputs a revision did not touch keeps the revision that did.
        if !unchanged || status.attempted.is_none() {
            status.attempted = Some(RevisionStatus::new(attempt.commit, Some(now.to_owned())));
        }
        status.inputs = Some(attempt.inputs.clone());
        status.finding_counts = counts(attempt.findings);
        status.findings = bounded(attempt.findings);
    }
    if let (Outcome::Applied { changed, .. }, None) = (attempt.outcome, attempt.quarantine) {
        let same =
            unchanged && *changed == 0 && status.digest.as_deref() == Some(attempt.digest.as_str());
        if !same || status.applied.is_none() {
            if let Some(attempted) = &mut status.attempted {
                attempted.at = Some(now.to_owned());
            }
            status.applied.clone_from(&status.attempted);
        }
        status.digest = Some(attempt.digest.clone());
        status.values = attempt.values.to_vec();
    }
    if attempt.outcome.is_ready() && attempt.quarantine.is_none() {
        status.healthy.clone_from(&status.applied);
        remember(&mut status, attempt.held.is_some());
    }
    if let Outcome::Applied { health, .. } = attempt.outcome {
        let objects = health.objects.iter().take(HEALTH_LIMIT);
        status.health = objects
            .map(|(key, health)| HealthStatus {
                object: key.to_string(),
                health: health.to_string(),
                message: health.message().to_owned(),
            })
            .collect();
    }
    status.objects = attempt.objects.try_into().unwrap_or(u32::MAX);
    conditions(&mut status, attempt, now);
    status
}

/// A revision that renders to what the last one did is nothing that anybody would go back to.
fn remember(status: &mut KitStatus, held: bool) {
    let (Some(revision), Some(digest)) = (&status.healthy, &status.digest) else {
        return;
    };
    let healthy = HealthyRevision {
        revision: revision.clone(),
        digest: digest.clone(),
    };
    let same = |last: &HealthyRevision| last.digest == healthy.digest;
    remembered(
        &mut status.history,
        healthy.clone(),
        held,
        |it| &it.revision,
        same,
    );
}

/// Puts a revision that is healthy into a history, newest first. One that was healthy once keeps its
/// place, so that going back once more leads further; what a person has left behind by holding it is
/// nothing to go back to later. `same`: the last one is as good.
pub(super) fn remembered<T>(
    history: &mut Vec<T>,
    healthy: T,
    held: bool,
    revision: impl Fn(&T) -> &RevisionStatus,
    same: impl Fn(&T) -> bool,
) {
    let now = revision(&healthy);
    let is_now = |it: &T| revision(it).revision == now.revision;
    let known = history.iter().position(is_now);
    match known {
        Some(known) if held => drop(history.drain(..known)),
        None if held => history.retain(|it| revision(it).committed_at <= now.committed_at),
        _ => {}
    }
    if known.is_none() && !history.first().is_some_and(same) {
        history.insert(0, healthy);
        history.truncate(HISTORY_LIMIT);
    }
}

/// `held by Ada: the lamp flickers`.
pub(super) fn held(by: Option<&str>, reason: Option<&str>) -> String {
    format!(
        "held by {}: {}",
        by.unwrap_or("its spec"),
        reason.unwrap_or("no reason is given")
    )
}

/// The bad revision stays the one that was tried, so that it is not tried again.
fn rolled_back(status: &mut KitStatus, attempt: &Attempt<'_>, quarantine: &Quarantine, now: &str) {
    status.inputs = Some(quarantine.inputs.clone());
    status.finding_counts = counts(attempt.findings);
    status.findings = bounded(attempt.findings);
    let live = status.applied.as_ref().map(|it| it.revision.as_str());
    if matches!(attempt.outcome, Outcome::Applied { .. })
        && live != Some(attempt.commit.revision.as_str())
    {
        status.applied = Some(RevisionStatus::new(attempt.commit, Some(now.to_owned())));
        status.digest = Some(attempt.digest.clone());
        status.values = attempt.values.to_vec();
    }
}

fn conditions(status: &mut KitStatus, attempt: &Attempt<'_>, now: &str) {
    use ConditionStatus::{False, True};
    let message = message(status, attempt);
    let (ready, reason, busy, stalled) = match attempt.outcome {
        Outcome::Applied { .. } if attempt.quarantine.is_some() => {
            (False, "RolledBack", false, true)
        }
        Outcome::Applied { health, .. } if health.is_bad() => (False, "Unhealthy", false, true),
        Outcome::Applied { health, .. } if !health.objects.is_empty() => {
            (False, "Progressing", true, false)
        }
        Outcome::Applied { .. } if attempt.held.is_some() => (True, "Held", false, false),
        Outcome::Applied { .. } => (True, "Applied", false, false),
        Outcome::Refused => (False, "Refused", false, true),
        Outcome::Failed => (False, "ApplyFailed", true, false),
        Outcome::HookFailed { .. } => (False, "HookFailed", false, true),
        Outcome::Waiting { reason, .. } => (False, *reason, true, false),
        Outcome::Suspended => (False, "Suspended", false, true),
        Outcome::Gone => (False, "Removed", true, false),
    };
    let condition = |kind: &str, status| Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message: message.clone(),
        last_transition_time: now.to_owned(),
        observed_generation: attempt.generation,
    };
    set_condition(&mut status.conditions, condition("Ready", ready));
    for (kind, holds) in [("Reconciling", busy), ("Stalled", stalled)] {
        if holds {
            set_condition(&mut status.conditions, condition(kind, True));
        } else {
            status.conditions.retain(|old| old.kind != kind);
        }
    }
}

fn message(status: &KitStatus, attempt: &Attempt<'_>) -> String {
    let message = what_became(status, attempt);
    match attempt.held {
        Some(spec) => {
            let held = held(spec.by.as_deref(), spec.reason.as_deref());
            format!("{message}; {held}")
        }
        None => message,
    }
}

fn what_became(status: &KitStatus, attempt: &Attempt<'_>) -> String {
    let tried = status
        .attempted
        .as_ref()
        .map_or("", |revision| &revision.short);
    let live = match &status.applied {
        Some(revision) => format!("live: {}", revision.short),
        None => "nothing is live yet".to_owned(),
    };
    let errors = errors(status.finding_counts.errors);
    let first = attempt
        .findings
        .iter()
        .find(|finding| finding.is_error())
        .map(clipped)
        .unwrap_or_default();
    if let (Outcome::Applied { health, .. }, Some(bad)) = (attempt.outcome, attempt.quarantine) {
        let why = &bad.message;
        return format!("{tried} was not healthy ({why}) and is rolled back; {live} ({health})");
    }
    match attempt.outcome {
        Outcome::Applied { health, .. } => {
            let revision = status
                .applied
                .as_ref()
                .map_or("", |revision| &revision.short);
            let objects = if attempt.objects == 1 {
                "object"
            } else {
                "objects"
            };
            let count = attempt.objects;
            match (health.objects.is_empty(), health.overdue) {
                (true, _) => format!("{revision} is live: {count} {objects}"),
                (false, Some(deadline)) => {
                    let seconds = deadline.as_secs();
                    format!("{revision} is live and not healthy after {seconds} s: {health}")
                }
                (false, None) if health.is_bad() => {
                    format!("{revision} is live and not healthy: {health}")
                }
                (false, None) => format!("{revision} is live and on its way: {health}"),
            }
        }
        Outcome::Refused if attempt.gone => {
            format!("{tried} no longer has the kit, which stays, {errors}: {first}")
        }
        Outcome::Refused => format!("{tried} refused, {errors}: {first}; {live}"),
        Outcome::Failed if attempt.gone => {
            format!("{tried} no longer has the kit; not all of it could be deleted: {first}")
        }
        Outcome::Failed => format!("{tried} is not wholly live, {errors}: {first}"),
        Outcome::HookFailed { .. } => format!("{tried} is not wholly live: {first}; {live}"),
        Outcome::Waiting { message, .. } => format!("{tried} {message}; {live}"),
        Outcome::Suspended => format!("suspended by its spec; {live}"),
        Outcome::Gone => format!("no longer in the repository since {tried}"),
    }
}

fn errors(count: u32) -> String {
    if count == 1 {
        "1 error".into()
    } else {
        format!("{count} errors")
    }
}

fn clipped(finding: &Finding) -> String {
    let mut text = finding.to_string();
    if text.len() > 512 {
        let end = (0..=508)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

pub(super) fn counts(findings: &[Finding]) -> FindingCounts {
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
            .try_into()
            .unwrap_or(u32::MAX)
    };
    FindingCounts {
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        infos: count(Severity::Info),
    }
}

/// The first findings, errors before others, each of bounded size.
pub(super) fn bounded(findings: &[Finding]) -> Vec<Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    sorted
        .into_iter()
        .take(FINDINGS_LIMIT)
        .map(|finding| {
            let mut finding = finding.clone();
            if finding.message.len() > MESSAGE_LIMIT {
                let end = (0..MESSAGE_LIMIT)
                    .rev()
                    .find(|end| finding.message.is_char_boundary(*end))
                    .unwrap_or(0);
                finding.message.truncate(end);
                finding.message.push('…');
            }
            finding.notes.truncate(10);
            finding.tags.truncate(20);
            finding
        })
        .collect()
}

/// The Event for an attempt that a person would want; `None` if it only confirms what was.
pub(super) fn kit_note(
    before: &KitStatus,
    after: &KitStatus,
    attempt: &Attempt<'_>,
) -> Option<Note> {
    let ready = |status: &KitStatus| {
        status
            .conditions
            .iter()
            .find(|condition| condition.kind == "Ready")
            .map(|condition| (condition.reason.clone(), condition.message.clone()))
    };
    // A new kit that is live at once is told by the Repository's Event, with all the others.
    let new = ready(before).is_none() && attempt.outcome.is_ready();
    if new || ready(before) == ready(after) {
        return None;
    }
    let message = ready(after).map(|(_, message)| message).unwrap_or_default();
    let (warning, reason, message) = match attempt.outcome {
        Outcome::Applied {
            changed,
            deleted,
            left,
            health,
        } => {
            let revision = after.applied.as_ref()?;
            let deleted = match deleted {
                0 => String::new(),
                some => format!("{some} deleted, "),
            };
            let message = format!(
                "{} by {} ({}) is live: {changed} changed, {deleted}{left} as they were",
                revision.short, revision.author, revision.subject
            );
            if attempt.quarantine.is_some() {
                return Some(Note {
                    warning: true,
                    reason: "RolledBack",
                    message: ready(after)?.1,
                });
            }
            match (health.objects.is_empty(), health.is_bad()) {
                (true, _) if attempt.held.is_some() => (false, "Held", ready(after)?.1),
                (true, _) => (false, "Applied", message),
                (_, true) => (true, "Unhealthy", ready(after)?.1),
                (_, false) => (false, "Progressing", format!("{message}; {health}")),
            }
        }
        Outcome::Refused => (true, "Refused", message),
        Outcome::Failed => (true, "ApplyFailed", message),
        Outcome::HookFailed { .. } => (true, "HookFailed", message),
        Outcome::Waiting { reason, .. } => (false, *reason, message),
        Outcome::Suspended => (false, "Suspended", message),
        Outcome::Gone => (true, "Removed", message),
    };
    Some(Note {
        warning,
        reason,
        message,
    })
}
