//! What statuses keep of events, as news, and of what was told. Pure.

use jiff::Timestamp;

use crate::kit::{
    EventKind, Kit, NotableStatus, NotificationsStatus, RevisionStatus, TargetStatus,
};
use crate::notify::{Delivered, News, Receipt, State};

use super::notable::ready;

pub(super) fn target<'a>(kept: &'a mut NotificationsStatus, name: &str) -> &'a mut TargetStatus {
    let place = kept.targets.iter().position(|it| it.name == name);
    let place = place.unwrap_or_else(|| {
        let name = name.to_owned();
        kept.targets.push(TargetStatus {
            name,
            ..TargetStatus::default()
        });
        kept.targets.len() - 1
    });
    &mut kept.targets[place]
}

/// What was delivered, as the status has it.
pub(super) fn delivered(target: &TargetStatus) -> Delivered {
    let head = || {
        let state = target.state.as_deref()?;
        let state = State::ALL.into_iter().find(|it| it.as_str() == state)?;
        Some((target.revision.clone()?, state, target.digest.clone()?))
    };
    Delivered {
        head: head(),
        pending: target.pending.clone(),
    }
}

/// Keeps what an outbox did.
pub(super) fn keep(target: &mut TargetStatus, receipt: Receipt) {
    match receipt {
        Receipt::News { until, given_up } => {
            // What was told late happened before what was told already.
            let before: Option<Timestamp> = target.until.as_ref().and_then(|it| it.parse().ok());
            target.until = Some(until.max(before.unwrap_or(until)).to_string());
            target.given_up = given_up.iter().map(ToString::to_string).collect();
        }
        Receipt::State { head, pending } => {
            target.pending = pending;
            if let Some(told) = head {
                target.digest = Some(told.digest());
                target.state = Some(told.state.as_str().to_owned());
                target.revision = Some(told.revision);
            }
        }
    }
}

/// Whether a target has yet to be told of what happened then.
pub(super) fn is_due(target: &TargetStatus, until: Timestamp, at: Timestamp) -> bool {
    let same = |it: &String| it.parse().is_ok_and(|it: Timestamp| it == at);
    at > until || target.given_up.iter().any(same)
}

pub(super) fn time(event: &NotableStatus) -> Timestamp {
    event.at.parse().unwrap_or_default()
}

pub(super) fn is_of(kit: &Kit, revision: &str) -> bool {
    let status = kit.status.as_ref();
    let tried = status.and_then(|it| it.attempted.as_ref());
    tried.is_some_and(|it| it.revision == revision)
}

pub(super) fn own_news(event: &NotableStatus, revision: Option<RevisionStatus>) -> News {
    News {
        at: time(event),
        event: event.event,
        kit: None,
        revision,
        message: event.message.clone(),
        findings: Vec::new(),
        kits: Vec::new(),
    }
}

pub(super) fn kit_news(kit: &Kit) -> Vec<News> {
    let (Some(status), Some(path)) = (&kit.status, kit.path()) else {
        return Vec::new();
    };
    let news = status.events.iter().map(|event| {
        let refused = matches!(event.event, EventKind::Refused | EventKind::Failed);
        let errors = status.findings.iter().filter(|it| refused && it.is_error());
        let message = match (event.message.is_empty(), ready(status)) {
            (true, Some(ready)) => ready.message.clone(),
            _ => event.message.clone(),
        };
        let tried = status.attempted.clone();
        News {
            at: time(event),
            event: event.event,
            kit: Some(path.to_string()),
            revision: tried.filter(|it| it.revision == event.revision),
            message,
            findings: errors.take(3).cloned().collect(),
            kits: Vec::new(),
        }
    });
    news.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn until_when_a_target_was_told_never_goes_back() {
        let mut target = TargetStatus::default();
        let news = |until: i64, given_up: &[i64]| Receipt::News {
            until: at(until),
            given_up: given_up.iter().map(|it| at(*it)).collect(),
        };
        keep(&mut target, news(9, &[]));
        keep(&mut target, news(4, &[4]));
        assert_eq!(target.until, Some(at(9).to_string()));
        // What was given up is told by a host that starts anew, and nothing else twice.
        let due: Vec<i64> = (3..12)
            .filter(|it| is_due(&target, at(9), at(*it)))
            .collect();
        assert_eq!(due, [4, 10, 11]);
        keep(&mut target, news(10, &[]));
        assert!(!is_due(&target, at(10), at(4)));
    }

    #[test]
    fn an_older_revisions_status_does_not_take_the_heads_place() {
        let mut target = TargetStatus::default();
        let told = crate::notify::CommitState::new("b", State::Failure, "words");
        let state = |head, pending: &[&str]| Receipt::State {
            head,
            pending: pending.iter().map(ToString::to_string).collect(),
        };
        keep(&mut target, state(Some(told.clone()), &["a"]));
        let head = Some(("b".to_owned(), State::Failure, told.digest()));
        assert_eq!(delivered(&target).head, head);
        assert_eq!(delivered(&target).pending, ["a"]);
        keep(&mut target, state(None, &[]));
        assert_eq!(
            (delivered(&target).head, delivered(&target).pending),
            (head, vec![])
        );
    }
}
