//! What of a kit's status, and of a revision, is worth being told. Pure: time comes in as text.

use crate::cluster::Note;
use crate::kit::{Condition, EventKind, KitPath, KitStatus, NotableStatus};
use crate::manifest::Finding;
use crate::notify::{CommitState, State};

/// Characters of an event's own message.
const MESSAGE: usize = 500;

pub(super) fn ready(status: &KitStatus) -> Option<&Condition> {
    status.conditions.iter().find(|it| it.kind == "Ready")
}

fn trouble(status: &KitStatus) -> Option<EventKind> {
    Some(match ready(status)?.reason.as_str() {
        "Refused" => EventKind::Refused,
        "ApplyFailed" => EventKind::Failed,
        "Unhealthy" => EventKind::Unhealthy,
        "RolledBack" => EventKind::RolledBack,
        _ => return None,
    })
}

fn is_held(status: &KitStatus) -> bool {
    ready(status).is_some_and(|it| it.reason == "Held")
}

fn is_live(status: &KitStatus) -> bool {
    ready(status).is_some_and(|it| it.reason == "Applied")
}

fn tried(status: &KitStatus) -> &str {
    let attempted = status.attempted.as_ref();
    attempted.map_or("", |it| it.revision.as_str())
}

/// What tells one refusal from another of the same revision: not the words, which change.
fn errors(status: &KitStatus) -> impl Iterator<Item = (&str, String)> {
    let errors = status.findings.iter().filter(|it| it.is_error());
    errors.map(|it| (it.rule.as_str(), format!("{:?}{:?}", it.object, it.field)))
}

/// The kit's events after an attempt: how it is, unless it is as it was, and drift.
pub(super) fn events(
    before: &KitStatus,
    after: &KitStatus,
    drift: Option<&Note>,
    now: &str,
) -> Vec<NotableStatus> {
    let is_drift = |it: &&NotableStatus| it.event == EventKind::Drift;
    let kept = before.events.iter().find(|it| !is_drift(it));
    let revision = tried(after);
    let event = |event, message: &str| NotableStatus {
        event,
        revision: revision.to_owned(),
        message: message.chars().take(MESSAGE).collect(),
        at: now.to_owned(),
    };
    let news = trouble(after).or(is_held(after).then_some(EventKind::Held));
    let how_it_is = match (news, kept) {
        (Some(trouble), Some(kept)) if kept.event == trouble && kept.revision == revision => {
            let other = trouble == EventKind::Refused && !errors(before).eq(errors(after));
            Some(if other {
                event(trouble, "")
            } else {
                kept.clone()
            })
        }
        (Some(trouble), _) => Some(event(trouble, "")),
        (None, Some(kept)) if is_live(after) && kept.event.is_trouble() => {
            // A newer revision that is live tells that itself, but not that it was let go.
            let told = kept.revision == revision || kept.event == EventKind::Held;
            told.then(|| event(EventKind::Recovered, ""))
        }
        (None, kept) => kept.cloned(),
    };
    let drift = match drift {
        Some(note) => Some(event(EventKind::Drift, &note.message)),
        None => before.events.iter().find(is_drift).cloned(),
    };
    how_it_is.into_iter().chain(drift).collect()
}

/// A kit as far as a revision is concerned.
pub(super) struct KitAt<'a> {
    pub path: &'a KitPath,
    /// None has been written yet.
    pub status: Option<&'a KitStatus>,
    /// What it is to be rendered from by the newest revision.
    pub inputs: String,
    /// No attempt is under way.
    pub idle: bool,
    /// A person holds it at a revision.
    pub held: bool,
}

/// How far a revision is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Standing {
    /// All kits that it changed are live and healthy: these. What it changes of those that are held
    /// is not known.
    Live {
        kits: Vec<KitPath>,
        held: Vec<KitPath>,
    },
    OnItsWay,
    Failing(String),
}

/// A kit that the revision did not change says nothing about it.
pub(super) fn standing<'a>(
    revision: &str,
    kits: impl Iterator<Item = KitAt<'a>>,
    findings: &[Finding],
) -> Standing {
    if let Some(error) = findings.iter().find(|it| it.is_error()) {
        return Standing::Failing(brief(error));
    }
    let (mut live, mut held, mut failing) = (Vec::new(), Vec::new(), Vec::new());
    let mut on_its_way = false;
    for kit in kits {
        if kit.held {
            held.push(kit.path.clone());
            continue;
        }
        let told = kit
            .status
            .filter(|it| it.inputs.as_ref() == Some(&kit.inputs));
        let Some(status) = told else {
            on_its_way = true;
            continue;
        };
        if tried(status) != revision {
            continue;
        }
        if trouble(status).is_some() {
            failing.push((kit.path, status));
        } else if is_live(status) && kit.idle {
            live.push(kit.path.clone());
        } else {
            on_its_way = true;
        }
    }
    match failing.split_first() {
        Some(((path, status), others)) => {
            let error = status.findings.iter().find(|it| it.is_error());
            let refused = error.filter(|_| trouble(status) != Some(EventKind::Unhealthy));
            let mut words = match (refused, ready(status)) {
                (Some(error), _) => brief(error),
                (None, Some(ready)) => format!("{path}: {}", ready.message),
                (None, None) => path.to_string(),
            };
            if !others.is_empty() {
                // Before what may be cut off.
                words = format!("{} kits: {words}", others.len() + 1);
            }
            Standing::Failing(words)
        }
        None if on_its_way => Standing::OnItsWay,
        None => Standing::Live { kits: live, held },
    }
}

/// `kits/acme/shop/service.yaml:14: what is wrong [rule]`: the place first, as there is little room.
fn brief(finding: &Finding) -> String {
    let place = finding.origin.as_ref().map(|it| format!("{it}: "));
    let place = place.unwrap_or_default();
    format!("{place}{} [{}]", finding.message, finding.rule)
}

pub(super) fn commit_state(revision: &str, standing: &Standing) -> CommitState {
    match standing {
        Standing::OnItsWay => CommitState::new(revision, State::Pending, "being applied"),
        Standing::Failing(words) => CommitState::new(revision, State::Failure, words),
        Standing::Live { kits, held } => {
            let words = match (kits.len(), held.first()) {
                (0, None) => "everything is as it says".to_owned(),
                // It may be what the revision is about.
                (0, Some(first)) => {
                    let words = format!("waits: a person holds {first}{}", more(held.len()));
                    return CommitState::new(revision, State::Pending, &words);
                }
                (1, _) => "1 kit is live and healthy".to_owned(),
                (count, _) => format!("{count} kits are live and healthy"),
            };
            let held = match held.first() {
                Some(first) => format!("; a person holds {first}{}", more(held.len())),
                None => String::new(),
            };
            CommitState::new(revision, State::Success, &format!("{words}{held}"))
        }
    }
}

fn more(count: usize) -> String {
    match count {
        1 => String::new(),
        _ => format!(" and {} more", count - 1),
    }
}

#[cfg(test)]
#[path = "notable_tests.rs"]
mod tests;
