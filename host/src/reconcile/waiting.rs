//! What kits wait for, and what makes them look again.

use std::time::Duration;

use crate::kit::KitPath;
use crate::manifest::ObjectKey;

use super::outcome::{Outcome, Wait};
use super::repository::{Actor, Job, KitState};

/// First pause before a kit whose objects were not taken is tried again; doubled each time.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_LIMIT: Duration = Duration::from_secs(300);
/// How long a report of progress waits for kits that have not begun, and a status that is not
/// what was written for the news that it is.
const PATIENCE: Duration = Duration::from_secs(1);

impl Actor {
    /// Kits that must be live before this one; of a kit that is gone, those that depend on it and
    /// have objects still.
    pub(super) fn unmet(&self, path: &KitPath) -> Vec<KitPath> {
        let Some(state) = self.kits.get(path) else {
            return Vec::new();
        };
        if state.gone {
            let kits = self
                .shared
                .kits
                .of_repository(&self.namespace(), &self.name());
            let statuses = kits.iter().filter_map(|kit| kit.status.as_ref());
            return statuses
                .filter(|status| status.objects > 0)
                .filter(|status| status.depends_on.iter().any(|on| on == path.as_str()))
                .map(|status| KitPath::new(status.path.as_str()))
                .collect();
        }
        let live = |on: &&KitPath| {
            // What the revision makes of it is not known yet.
            let state = self.kits.get(*on).filter(|_| !self.evaluation.is_late(on));
            state
                .and_then(|state| state.outcome.as_ref())
                .is_some_and(Outcome::is_ready)
        };
        let needed = state.verdict.kit.depends_on.iter();
        needed.filter(|on| !live(on)).cloned().collect()
    }

    /// Whether a kit waits for one that was done before the waiting was known here.
    pub(super) fn missed_its_turn(&self, path: &KitPath) -> bool {
        let state = self.kits.get(path);
        state
            .and_then(|kit| kit.outcome.as_ref())
            .is_some_and(|outcome| {
                outcome.waits(|wait| match wait {
                    Wait::Kit(kit) => !self.unmet(path).contains(kit),
                    Wait::Definer(definer) => self
                        .kits
                        .get(definer)
                        .and_then(|kit| kit.outcome.as_ref())
                        .is_some_and(Outcome::is_live),
                    Wait::Rendered(kit) => !self.evaluation.is_late(kit),
                    _ => false,
                })
            })
    }

    /// The first time at once where nothing failed, later ever more slowly.
    pub(super) fn retry_later(&mut self, path: &KitPath, attempt: u64) {
        let Some(state) = self.kits.get_mut(path) else {
            return;
        };
        let waits = matches!(state.outcome, Some(Outcome::Waiting { .. }));
        let delay = match (waits, state.retries) {
            (true, 0) => Duration::ZERO,
            (_, retries) => RETRY.saturating_mul(1 << retries.min(16)).min(RETRY_LIMIT),
        };
        state.retries += 1;
        let path = path.clone();
        self.jobs.spawn(async move {
            tokio::time::sleep(delay).await;
            Job::RetryDue { path, attempt }
        });
    }

    /// Something happened: whoever waits for it looks again.
    pub(super) fn wake(&mut self, happened: impl Fn(&Wait) -> bool) {
        let waits = |state: &KitState| {
            state.running.is_none() && state.outcome.as_ref().is_some_and(|it| it.waits(&happened))
        };
        let waiting: Vec<KitPath> = self
            .kits
            .iter()
            .filter(|(_, state)| waits(state))
            .map(|(path, _)| path.clone())
            .collect();
        for path in waiting {
            self.start(&path);
        }
    }

    /// An object of a kit's changed, and the kit did not do it.
    pub(super) fn touched(&mut self, path: &KitPath) {
        let Some(state) = self.kits.get_mut(path) else {
            return;
        };
        if state.running.is_none() && state.outcome.is_none() {
            // It has not begun: what it was before is about to be rolled back to.
        } else if state.running.is_some() {
            state.again = true;
        } else if !matches!(state.outcome, Some(Outcome::Failed | Outcome::Refused)) {
            // What failed is tried again in its own time, and what is refused sends nothing.
            self.start(path);
        }
    }

    /// How a kit comes along is looked at, and told; while others have not begun, they go first.
    pub(super) fn look(&mut self, path: &KitPath) {
        if self.kits.values().any(|state| state.outcome.is_none()) {
            self.look_later(path, PATIENCE);
        } else {
            self.touched(path);
        }
    }

    /// A kit is looked at again after a while, whatever happens meanwhile.
    pub(super) fn look_later(&mut self, path: &KitPath, pause: Duration) {
        let Some(state) = self.kits.get_mut(path) else {
            return;
        };
        if let Some(before) = state.look.take() {
            before.abort();
        }
        let path = path.clone();
        state.look = Some(self.jobs.spawn(async move {
            tokio::time::sleep(pause).await;
            Job::Look { path }
        }));
    }

    pub(super) fn path_of(&self, object_name: &str) -> Option<KitPath> {
        let mut paths = self.kits.keys();
        paths
            .find(|path| path.object_name() == object_name)
            .cloned()
    }

    /// An object that kits may wait for changed.
    pub(super) fn object_touched(&mut self, key: &ObjectKey) {
        for state in self.kits.values_mut().filter(|it| it.running.is_some()) {
            let objects = &state.verdict.kit.depends_on_objects;
            state.again |= objects.contains(key);
        }
        self.wake(|wait| matches!(wait, Wait::Object(waited) if waited == key));
    }

    pub(super) fn namespace_gone(&mut self, name: &str) {
        // Those at work may be about to wait for it.
        for state in self.kits.values_mut().filter(|it| it.running.is_some()) {
            state.again = true;
        }
        self.wake(|wait| matches!(wait, Wait::Namespace(waited) if **waited == *name));
    }

    /// The watch may be behind what is written: only what stays is looked at.
    pub(super) fn look_at_status_later(&mut self, object_name: &str) {
        if let Some(path) = self.path_of(object_name) {
            self.jobs.spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                Job::StatusDue { path }
            });
        }
    }

    /// A status that this host did not write last is written anew, of whatever the kit is at.
    pub(super) fn look_at_status(&mut self, path: &KitPath) {
        let (namespace, name) = (self.namespace(), path.object_name());
        if !self.shared.kits.lost_status(&namespace, &name) {
            return;
        }
        let Some(state) = self.kits.get_mut(path) else {
            return;
        };
        if state.running.is_some() {
            state.again = true;
        } else if !matches!(state.outcome, None | Some(Outcome::Failed)) {
            // What failed is tried again in its own time, and writes it then.
            self.start(path);
        }
    }
}
