//! For how long kits have been live as they are, which decides when one is not healthy in time.
//!
//! A status tells when by the wall clock of the host that wrote it. That clock may have been
//! wrong, and this host's may be, or is set while it runs. So a host counts by a clock that does
//! not jump, from its own first look; and what a status tells of the time before does not by
//! itself bring a kit to its deadline.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::kit::Kit;
use crate::plan::SetId;

/// How long a host itself sees a kit before it finds it overdue.
const OWN_LOOK: Duration = Duration::from_secs(10);

/// What is known of the time that a kit has been live.
struct Known {
    /// As the status has it: another time is another beginning.
    at: String,
    /// What the status told at the first look.
    told: Duration,
    seen: Instant,
}

/// Of each kit that was looked at.
#[derive(Default)]
pub(super) struct Ages {
    kits: Mutex<HashMap<SetId, Known>>,
    /// The hook that a kit waits for, by its uid, and since when this host has seen it run.
    hooks: Mutex<HashMap<SetId, (Arc<str>, Instant)>>,
}

impl Ages {
    /// The age of what is live since `at`.
    pub(super) fn of(&self, set: &SetId, kit: &Kit, at: &str, deadline: Duration) -> Duration {
        let now = Instant::now();
        let mut all = self.kits.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(set).is_none_or(|known| known.at != at) {
            let told = told(at, created(kit), Timestamp::now());
            let (at, seen) = (at.to_owned(), now);
            all.insert(set.clone(), Known { at, told, seen });
        }
        let known = &all[set];
        let seen = now.saturating_duration_since(known.seen);
        age(known.told, seen, deadline, is_judged(kit))
    }

    /// What this host has just written down needs no clock to be compared with.
    pub(super) fn begin(&self, set: SetId, at: &str) {
        let known = Known {
            at: at.to_owned(),
            told: Duration::ZERO,
            seen: Instant::now(),
        };
        let mut all = self.kits.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(set, known);
    }

    /// For how long this host has seen a hook run.
    pub(super) fn of_hook(&self, set: &SetId, uid: &Arc<str>) -> Duration {
        let mut all = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(set).filter(|(known, _)| known == uid);
        let since = known.map_or_else(Instant::now, |(_, since)| *since);
        all.insert(set.clone(), (uid.clone(), since));
        since.elapsed()
    }

    pub(super) fn forget(&self, set: &SetId) {
        let mut all = self.kits.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(set);
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.remove(set);
    }
}

/// By the API server's clock.
fn created(kit: &Kit) -> Option<Timestamp> {
    let created = kit.metadata.creation_timestamp.as_ref()?;
    Timestamp::from_second(created.0.as_second()).ok()
}

/// Whether a host has found it unhealthy already. Then it is not better for being looked at by
/// another.
fn is_judged(kit: &Kit) -> bool {
    let mut conditions = kit.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|it| it.kind == "Ready" && it.reason == "Unhealthy")
}

/// For how long a status says that it has been so. Nothing, if it cannot be: what is yet to come,
/// and what was before the Kit.
fn told(at: &str, created: Option<Timestamp>, now: Timestamp) -> Duration {
    let Ok(at) = at.parse::<Timestamp>() else {
        return Duration::ZERO;
    };
    if created.is_some_and(|created| at < created) {
        return Duration::ZERO;
    }
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// `seen` by this host, after what was `told`.
fn age(told: Duration, seen: Duration, deadline: Duration, judged: bool) -> Duration {
    let believed = match judged {
        true => told,
        false => told.min(deadline.saturating_sub(OWN_LOOK)),
    };
    believed + seen
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(300);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn said(at: &str) -> Duration {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let created = Some(time("2026-01-05T09:00:00Z"));
        told(at, created, time("2026-01-05T09:10:00Z"))
    }

    #[test]
    fn what_a_status_tells_is_believed_where_it_can_be() {
        assert_eq!(
            said("2026-01-05T09:09:00.5Z"),
            Duration::from_millis(59_500)
        );
        assert_eq!(said("2026-01-05T09:00:00Z"), seconds(600));
        for lie in ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "", "noon"] {
            assert_eq!(said(lie), Duration::ZERO, "{lie:?}");
        }
    }

    #[test]
    fn a_kit_comes_to_its_deadline_by_what_a_host_sees_itself() {
        let (none, year) = (Duration::ZERO, seconds(365 * 86_400));
        assert_eq!(age(none, seconds(299), DEADLINE, false), seconds(299));
        assert_eq!(age(seconds(200), seconds(100), DEADLINE, false), DEADLINE);
        assert_eq!(age(year, none, DEADLINE, false), seconds(290));
        assert_eq!(age(year, seconds(10), DEADLINE, false), DEADLINE);
        assert_eq!(age(year, seconds(1), seconds(2), false), seconds(1));
    }

    #[test]
    fn what_was_found_unhealthy_stays_so_when_another_host_looks() {
        assert_eq!(
            age(seconds(301), Duration::ZERO, DEADLINE, true),
            seconds(301)
        );
    }
}
