//! What the Git host is told of revisions, and of their kits.

use std::sync::Arc;

use crate::kit::{COMMIT_STATUS, EventKind, Kit, KitPath, RevisionStatus};
use crate::notify::{CommitState, Outbox, Pace, State};

use super::news::{delivered, is_of};
use super::notable::{KitAt, Standing, commit_state, held_state, kit_state, standing};
use super::notices::kit_of;
use super::outcome::Outcome;
use super::repository::{Actor, KitState};

/// Kits that have a status of their own at once: Git hosts bound what is written there by the hour.
const KITS: usize = 50;

impl Actor {
    /// Tells that a revision was found.
    pub(super) fn tell_found(&mut self) {
        if let (Some(outbox), Some(head)) = (&self.notices.commit, &self.head) {
            outbox.tell(commit_state(head.revision.as_str(), &Standing::OnItsWay));
        }
    }

    /// Tells how far the newest revision is. The status is to be written after it.
    pub(super) fn tell_revision(&mut self) {
        if self.notices.opened.is_none() || self.deleting || self.evaluating.is_some() {
            return;
        }
        let Some(head) = self.head.as_ref().map(|it| it.revision.to_string()) else {
            return;
        };
        // While the platform is held, or may not be held where it is to be, nothing is known of what
        // was committed since.
        let taken = self.taken.as_ref().map(|it| it.revision.as_str());
        if let Some(at) = &self.repository.spec.revision
            && taken != Some(&*head)
        {
            if let (Some(outbox), None) = (&self.notices.commit, &self.refused) {
                let at = at.get(..7).unwrap_or(at);
                outbox.tell(held_state(&head, &format!("the platform at {at}")));
            }
            return;
        }
        // Of what was found since, nothing is known yet.
        let evaluated = self.status.revision.clone();
        let Some(revision) = evaluated.filter(|it| it.revision == head) else {
            return;
        };
        let standing = self.standing(&revision.revision);
        let failing = matches!(standing, Standing::Failing(_));
        self.notices.failing = failing.then(|| revision.revision.clone());
        if let Some(outbox) = &self.notices.commit {
            outbox.tell(commit_state(&revision.revision, &standing));
        }
        match standing {
            Standing::Live { kits, .. } if !kits.is_empty() => {
                let count = kits.len();
                let message = match count {
                    1 => "1 kit is live and healthy".to_owned(),
                    _ => format!("{count} kits are live and healthy"),
                };
                let kits = kits.iter().map(ToString::to_string).collect();
                self.tell_once(EventKind::Applied, Some(revision), message, kits);
            }
            Standing::Failing(broken) if self.findings.iter().any(|it| it.is_error()) => {
                self.tell_once(EventKind::Refused, Some(revision), broken.words, Vec::new());
            }
            _ => {}
        }
    }

    /// Tells that a revision may not be taken up.
    pub(super) async fn tell_refused(&mut self, revision: &str, message: &str) {
        if let Some(outbox) = &self.notices.commit {
            outbox.tell(CommitState::new(revision, State::Failure, message));
        }
        let head = self.head.as_ref().map(|it| RevisionStatus::new(it, None));
        let head = head.filter(|it| it.revision == revision);
        self.tell_once(EventKind::Refused, head, message.to_owned(), Vec::new());
        self.put_status().await;
    }

    /// Tells that what was not decided yet will not be, until the Repository is resumed.
    pub(super) fn tell_suspended(&mut self) {
        let Some(outbox) = &self.notices.commit else {
            return;
        };
        let kept = self.status.notifications.as_ref();
        let mut targets = kept.into_iter().flat_map(|it| &it.targets);
        let told = targets.find(|it| it.name == COMMIT_STATUS);
        // A host that starts while it is suspended knows no head.
        let pending = told.filter(|it| it.state.as_deref() == Some(State::Pending.as_str()));
        let pending = pending.and_then(|it| it.revision.clone());
        let head = self.head.as_ref().map(|it| it.revision.to_string());
        let head = head.filter(|_| self.unsettled.is_some());
        if let Some(revision) = head.or(pending) {
            outbox.tell(held_state(&revision, "the Repository"));
        }
    }

    /// Tells a failure before all other kits have settled.
    pub(super) fn tell_failure(&mut self, path: &KitPath) {
        let outcome = self.kits.get(path).and_then(|it| it.outcome.as_ref());
        let failed = match outcome {
            Some(Outcome::Refused | Outcome::Failed | Outcome::HookFailed { .. }) => true,
            Some(Outcome::Applied { health, .. }) => health.is_bad(),
            _ => false,
        };
        let head = self.head.as_ref().map(|it| it.revision.as_str());
        // The next ones are told with all the others, once these are at rest.
        if failed && self.notices.failing.as_deref() != head {
            self.tell_revision();
        }
    }

    fn standing(&self, revision: &str) -> Standing {
        let known: Vec<Known<'_>> = self
            .kits
            .iter()
            .filter(|(_, state)| !state.has_left())
            .map(|(path, state)| self.known(path, state))
            .collect();
        match standing(revision, known.iter().map(Known::at), &self.findings) {
            Standing::Live { .. } if !self.evaluation.late.is_empty() => Standing::OnItsWay,
            standing => standing,
        }
    }

    fn known<'a>(&self, path: &'a KitPath, state: &'a KitState) -> Known<'a> {
        let kit = self.shared.kits.get(&self.namespace(), &path.object_name());
        Known { path, state, kit }
    }

    /// Tells how far a kit is, where each has a status of its own.
    pub(super) fn tell_kit_state(&mut self, path: &KitPath) {
        if self.notices.per_kit.is_none() {
            return;
        }
        let Some(state) = self.kits.get(path).filter(|it| !it.has_left()) else {
            return;
        };
        let known = self.known(path, state);
        let told = kit_state(&known.at());
        let head = self.head.as_ref().map(|it| it.revision.to_string());
        let is_new = known.kit.as_deref().is_some_and(|kit| {
            let head = head.as_deref();
            head.is_some_and(|head| is_of(kit, head))
        });
        let Some(told) = told else { return };
        // Of kits that the revision leaves alone, only what was told before is followed up.
        let target = format!("{COMMIT_STATUS}/{path}");
        let kept = self.status.notifications.get_or_insert_default();
        let known = kept.targets.iter().any(|it| it.name == target);
        if !(is_new || known) || !self.open_for(path) {
            return;
        }
        if let Some(outbox) = self.notices.kits.get(path) {
            outbox.tell(told);
        }
    }

    /// Opens the outbox of a kit, if there may be one more.
    fn open_for(&mut self, path: &KitPath) -> bool {
        if self.notices.kits.contains_key(path) {
            return true;
        }
        let Some((spec, about, secrets)) = self.notices.per_kit.clone() else {
            return false;
        };
        let kept = self.status.notifications.get_or_insert_default();
        let name = format!("{COMMIT_STATUS}/{path}");
        let own: Vec<&str> = kept.targets.iter().map(|it| &*it.name).collect();
        let own: Vec<KitPath> = own.into_iter().filter_map(kit_of).collect();
        if own.len() >= KITS && !own.contains(path) {
            // One that is done with makes room.
            let head = self.head.as_ref().map(|it| it.revision.to_string());
            let done = kept.targets.iter().position(|it| {
                let pending = it.state.as_deref() == Some(State::Pending.as_str());
                kit_of(&it.name).is_some() && it.revision != head && !pending
            });
            let Some(done) = done else {
                tracing::info!(kit = %path, "too many kits have a commit status of their own; this one has none");
                return false;
            };
            let done = kept.targets.remove(done);
            if let Some(done) = kit_of(&done.name) {
                self.notices.kits.remove(&done);
            }
        }
        let last = super::news::target(kept, &name);
        let last = delivered(last);
        let (kit, sender, pace) = (path.as_str(), &self.notices.sender, Pace::default());
        match Outbox::of_commit_status(&spec, Some(kit), last, &about, &secrets, sender, pace) {
            Ok(outbox) => self.notices.kits.insert(path.clone(), outbox).is_none(),
            Err(error) => {
                tracing::error!(kit, %error, "no commit status");
                false
            }
        }
    }
}

/// A kit as this host and the cluster have it.
struct Known<'a> {
    path: &'a KitPath,
    state: &'a KitState,
    kit: Option<Arc<Kit>>,
}

impl Known<'_> {
    fn at(&self) -> KitAt<'_> {
        let (state, kit) = (self.state, self.kit.as_ref());
        let inputs = match &state.quarantine {
            Some(quarantine) => quarantine.inputs.clone(),
            None => state.verdict.kit.inputs.to_string(),
        };
        KitAt {
            path: self.path,
            status: kit.and_then(|it| it.status.as_ref()),
            inputs,
            idle: state.running.is_none(),
            held: state.verdict.pinned.is_some() || kit.is_some_and(|it| it.spec.suspend),
        }
    }
}
