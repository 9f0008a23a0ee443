//! What statuses keep of events, as news, and of what was told. Pure.

use jiff::Timestamp;

use crate::kit::{
    EventKind, Kit, NotableStatus, NotificationsStatus, RevisionStatus, TargetStatus,
};
use crate::notify::{News, State};

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

/// What was delivered last, as the status has it.
pub(super) fn delivered(target: &TargetStatus) -> Option<(String, State, String)> {
    let all = [
        State::Pending,
        State::Success,
        State::Failure,
        State::Superseded,
    ];
    let state = target.state.as_deref()?;
    let state = all.into_iter().find(|it| it.as_str() == state)?;
    Some((target.revision.clone()?, state, target.digest.clone()?))
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
