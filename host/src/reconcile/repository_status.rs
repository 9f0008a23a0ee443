//! What the Repository's status says. Pure: time comes in as text.

use crate::kit::{Condition, ConditionStatus, KitCounts, RepositoryStatus, set_condition};

/// What the Repository's conditions say.
pub(super) struct RepositoryState<'a> {
    pub ready: bool,
    pub reason: &'a str,
    pub message: String,
    /// Something is still under way, or will be tried again.
    pub busy: bool,
    pub generation: Option<i64>,
}

pub(super) fn repository_conditions(
    status: &mut RepositoryStatus,
    state: &RepositoryState<'_>,
    now: &str,
) {
    use ConditionStatus::{False, True};
    status.observed_generation = state.generation;
    let condition = |kind: &str, status| Condition {
        kind: kind.to_owned(),
        status,
        reason: state.reason.to_owned(),
        message: state.message.clone(),
        last_transition_time: now.to_owned(),
        observed_generation: state.generation,
    };
    set_condition(
        &mut status.conditions,
        condition("Ready", if state.ready { True } else { False }),
    );
    for (kind, holds) in [
        ("Reconciling", state.busy),
        ("Stalled", !state.busy && !state.ready),
    ] {
        if holds {
            set_condition(&mut status.conditions, condition(kind, True));
        } else {
            status.conditions.retain(|old| old.kind != kind);
        }
    }
}

/// `7 of 8 ready`, with what the others are.
pub(super) fn summary(counts: &KitCounts) -> String {
    let mut text = format!("{} of {} ready", counts.ready, counts.total);
    for (count, word) in [
        (counts.progressing, "progressing"),
        (counts.unhealthy, "unhealthy"),
        (counts.refused, "refused"),
        (counts.failed, "failed"),
        (counts.held, "held"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text
}
