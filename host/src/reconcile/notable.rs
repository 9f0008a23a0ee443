//! What of a kit's status, and of a revision, is worth being told. Pure: time comes in as text.

use crate::cluster::Note;
use crate::kit::{Condition, EventKind, KitPath, KitStatus, NotableStatus, ready_condition};
use crate::manifest::Finding;
use crate::notify::{CommitState, State};

/// Characters of an event's own message.
const MESSAGE: usize = 500;

pub(super) fn ready(status: &KitStatus) -> Option<&Condition> {
    ready_condition(&status.conditions)
}

fn trouble(status: &KitStatus) -> Option<EventKind> {
    Some(match ready(status)?.reason.as_str() {
        "Refused" => EventKind::Refused,
        "ApplyFailed" | "HookFailed" => EventKind::Failed,
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

fn is_progressing(status: &KitStatus) -> bool {
    ready(status).is_some_and(|it| it.reason == "Progressing")
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
        /// What an earlier revision broke, and nobody has mended yet.
        broken: Option<Broken>,
    },
    OnItsWay,
    Failing(Broken),
}

/// Kits that are not as they should be, or none where it is the repository itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Broken {
    pub kits: Vec<KitPath>,
    pub words: String,
}

/// Whether a revision is live with all that it changed, and whether everything else is as it should
/// be, too: a kit that an earlier one broke is not mended by one that leaves it alone.
pub(super) fn standing<'a>(
    revision: &str,
    kits: impl Iterator<Item = KitAt<'a>>,
    findings: &[Finding],
) -> Standing {
    if let Some(error) = findings.iter().find(|it| it.is_error()) {
        return Standing::Failing(Broken {
            kits: Vec::new(),
            words: brief(error),
        });
    }
    let (mut live, mut held) = (Vec::new(), Vec::new());
    let (mut failing, mut broken) = (Vec::new(), Vec::new());
    let mut on_its_way = false;
    for kit in kits {
        let told = kit
            .status
            .filter(|it| it.inputs.as_ref() == Some(&kit.inputs));
        let in_trouble = told.filter(|it| trouble(it).is_some());
        if kit.held {
            held.push(kit.path.clone());
            broken.extend(in_trouble.map(|it| (kit.path, it)));
            continue;
        }
        let Some(status) = told else {
            on_its_way = true;
            continue;
        };
        match (in_trouble, tried(status) == revision) {
            (Some(status), true) => failing.push((kit.path, status)),
            (Some(status), false) => broken.push((kit.path, status)),
            (None, true) if is_live(status) && kit.idle => live.push(kit.path.clone()),
            (None, false) if is_live(status) => {}
            // It waits for what this revision does not bring about.
            (None, false) if kit.idle && !is_progressing(status) => broken.push((kit.path, status)),
            (None, _) => on_its_way = true,
        }
    }
    if let Some(failing) = all_broken(&failing, false) {
        return Standing::Failing(failing);
    }
    if on_its_way {
        return Standing::OnItsWay;
    }
    Standing::Live {
        kits: live,
        held,
        broken: all_broken(&broken, true),
    }
}

/// `earlier`: another revision has broken them.
fn all_broken(all: &[(&KitPath, &KitStatus)], earlier: bool) -> Option<Broken> {
    let ((path, status), others) = all.split_first()?;
    let mut words = what_is_wrong(path, status);
    if earlier {
        let since = status.attempted.as_ref().map_or("", |it| &it.short);
        words = format!("{path}, since {since}: {words}");
    }
    if !others.is_empty() {
        // Before what may be cut off.
        words = format!("{} kits: {words}", all.len());
    }
    Some(Broken {
        kits: all.iter().map(|(path, _)| (*path).clone()).collect(),
        words,
    })
}

/// Its first finding, if it has one.
fn what_is_wrong(path: &KitPath, status: &KitStatus) -> String {
    let error = status.findings.iter().find(|it| it.is_error());
    let refused = error.filter(|_| trouble(status) != Some(EventKind::Unhealthy));
    match (refused, ready(status)) {
        (Some(error), _) => brief(error),
        (None, Some(ready)) => format!("{path}: {}", ready.message),
        (None, None) => path.to_string(),
    }
}

/// `kits/acme/shop/service.yaml:14: what is wrong [rule]`: the place first, as there is little room.
fn brief(finding: &Finding) -> String {
    let place = finding.origin.as_ref().map(|it| format!("{it}: "));
    let place = place.unwrap_or_default();
    format!("{place}{} [{}]", finding.message, finding.rule)
}

pub(super) fn commit_state(revision: &str, standing: &Standing) -> CommitState {
    let failure = |broken: &Broken| {
        let told = CommitState::new(revision, State::Failure, &broken.words);
        told.of(&broken.kits)
    };
    match standing {
        Standing::OnItsWay => CommitState::new(revision, State::Pending, "being applied"),
        Standing::Failing(broken) => failure(broken),
        Standing::Live {
            broken: Some(broken),
            ..
        } => failure(broken),
        Standing::Live { kits, held, .. } => {
            let words = match (kits.len(), held.first()) {
                (0, None) => "everything is as it says".to_owned(),
                // It may be what the revision is about.
                (0, Some(first)) => {
                    return held_state(revision, &format!("{first}{}", more(held.len()))).of(held);
                }
                (1, _) => "1 kit is live and healthy".to_owned(),
                (count, _) => format!("{count} kits are live and healthy"),
            };
            let besides = match held.first() {
                Some(first) => format!("; a person holds {first}{}", more(held.len())),
                None => String::new(),
            };
            let told = CommitState::new(revision, State::Success, &format!("{words}{besides}"));
            told.of(kits.iter().chain(held))
        }
    }
}

/// A Git host shows it to everybody who may read there, and nobody can erase it: who holds it and
/// why stays in the cluster.
pub(super) fn held_state(revision: &str, what: &str) -> CommitState {
    let words = format!("not applied: a person holds {what}; `trimtab status` says who, and why");
    CommitState::new(revision, State::Held, &words)
}

/// A kit's own status, of the revision that was tried last.
pub(super) fn kit_state(kit: &KitAt<'_>) -> Option<CommitState> {
    let status = kit.status?;
    let revision = tried(status);
    let told = |state, words: &str| CommitState::new(revision, state, words).of([kit.path]);
    let current = status.inputs.as_ref() == Some(&kit.inputs);
    Some(match trouble(status) {
        _ if revision.is_empty() => return None,
        _ if kit.held => held_state(revision, kit.path.as_str()).of([kit.path]),
        _ if !current => return None,
        Some(_) => told(State::Failure, &what_is_wrong(kit.path, status)),
        None if is_live(status) && kit.idle => told(State::Success, "live and healthy"),
        None => told(State::Pending, "being applied"),
    })
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
