//! What is live, as far as it matters to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::health::Health;
use crate::manifest::{ObjectKey, Origin};

use super::SetId;

/// A live object that bears some kit's label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveObject {
    pub uid: Arc<str>,
    pub resource_version: Arc<str>,
    pub owner: SetId,
    /// Digest of the manifest that was last applied; `None` where that is not known for sure.
    pub digest: Option<Arc<str>>,
    /// Where it came from when it was last changed.
    pub origin: Option<Origin>,
    /// It stays when it leaves its kit: its annotation says so.
    pub keep: bool,
    /// Its deletion was asked for, and something holds it: a finalizer, a grace period.
    pub terminating: bool,
    /// The host made it, and did not find it there.
    pub created: bool,
    /// The fields that the kit's field manager owns: FieldsV1 as JSON text (KEP-555).
    pub fields: Option<Arc<str>>,
    /// Fields that the API server did not let the kit own when it was last applied;
    /// `None` where this host has not applied it.
    pub never: Option<Arc<[String]>>,
    /// Somebody has changed its size by its `scale` subresource, as autoscalers do.
    pub scaled: bool,
    /// Who else changed it last, status aside.
    pub by: Option<Writer>,
    pub health: Health,
    /// A kit has applied it. A label alone, which anybody can write, makes no object the kit's
    /// to delete.
    pub applied: bool,
}

/// A field manager, and when it last changed the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    pub manager: Arc<str>,
    /// RFC 3339, whole seconds, of the API server's clock.
    pub at: Arc<str>,
}

/// A namespace that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveNamespace {
    /// On its way out: it takes nothing in.
    pub terminating: bool,
    /// The kit that the host made it for.
    pub made_for: Option<SetId>,
    pub uid: Arc<str>,
    pub resource_version: Arc<str>,
}

/// An object on its way to the API server.
#[derive(Clone, Debug, Default)]
struct Sending {
    /// More than one, where a newer attempt begins before the older has let go.
    senders: usize,
    /// Sets that it was seen to belong to meanwhile: their kits look again if the answer is given up.
    seen_of: BTreeSet<SetId>,
}

/// The objects that kits own, and the namespaces that exist.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    objects: BTreeMap<ObjectKey, LiveObject>,
    by_owner: BTreeMap<SetId, BTreeSet<ObjectKey>>,
    namespaces: BTreeMap<Arc<str>, LiveNamespace>,
    /// Objects that are being sent by somebody who waits for the answer.
    being_sent: BTreeMap<ObjectKey, Sending>,
    /// Hooks that were seen to be complete, by which manifest each: their objects may be gone since.
    ran: BTreeMap<ObjectKey, (SetId, Arc<str>)>,
    /// Some object was scaled.
    scaled: bool,
    /// Autoscalers, whoever's they are, and what each scales; `None` until they were listed.
    autoscalers: Option<BTreeMap<ObjectKey, ObjectKey>>,
}

impl Inventory {
    pub fn get(&self, key: &ObjectKey) -> Option<&LiveObject> {
        self.objects.get(key)
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub fn insert(&mut self, key: ObjectKey, object: LiveObject) {
        self.remove(&key);
        self.scaled |= object.scaled;
        self.by_owner
            .entry(object.owner.clone())
            .or_default()
            .insert(key.clone());
        self.objects.insert(key, object);
    }

    pub fn remove(&mut self, key: &ObjectKey) -> Option<LiveObject> {
        let removed = self.objects.remove(key)?;
        if let Some(keys) = self.by_owner.get_mut(&removed.owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_owner.remove(&removed.owner);
            }
        }
        Some(removed)
    }

    /// Forgets what was last applied to an object: a change is on its way, and its answer may be lost.
    pub fn unsure(&mut self, key: &ObjectKey) {
        if let Some(object) = self.objects.get_mut(key) {
            object.digest = None;
        }
    }

    /// Somebody sends an object and waits for the answer; that it comes is then no news.
    pub fn begin_sending(&mut self, key: &ObjectKey) {
        self.being_sent.entry(key.clone()).or_default().senders += 1;
    }

    /// Nobody waits any longer: what comes of it now is news, a late one perhaps of a request that
    /// was given up. Gives the sets that it was seen to belong to meanwhile.
    pub fn end_sending(&mut self, key: &ObjectKey) -> BTreeSet<SetId> {
        let Some(sending) = self.being_sent.get_mut(key) else {
            return BTreeSet::new();
        };
        let seen_of = std::mem::take(&mut sending.seen_of);
        sending.senders -= 1;
        if sending.senders == 0 {
            self.being_sent.remove(key);
        }
        seen_of
    }

    /// An object was seen that is being sent. False if it is not: then it is news.
    pub fn seen_while_sent(&mut self, key: &ObjectKey, owner: &SetId) -> bool {
        let Some(sending) = self.being_sent.get_mut(key) else {
            return false;
        };
        sending.seen_of.insert(owner.clone());
        true
    }

    /// Notes which fields of an object the API server did not let its kit own.
    pub fn never(&mut self, key: &ObjectKey, fields: Vec<String>) {
        if let Some(object) = self.objects.get_mut(key) {
            object.never = Some(fields.into());
        }
    }

    /// A Job or Pod that is a hook is complete.
    pub fn put_run(&mut self, key: &ObjectKey) {
        if let Some(live) = self.objects.get(key).filter(|it| it.applied)
            && let Some(digest) = live.digest.clone().filter(|_| live.health.is_current())
        {
            let ran = (live.owner.clone(), digest);
            self.ran.insert(key.clone(), ran);
        }
    }

    /// The kit is gone; if it comes back, it is another.
    pub fn forget_runs(&mut self, owner: &SetId) {
        self.ran.retain(|_, (of, _)| of != owner);
    }

    /// Whether a hook of a kit's has run by this manifest, as far as this host has seen.
    pub(super) fn has_run(&self, owner: &SetId, key: &ObjectKey, digest: &str) -> bool {
        let ran = self.ran.get(key);
        ran.is_some_and(|(of, by)| of == owner && **by == *digest)
    }

    /// The members of a set, sorted.
    pub fn owned_by(&self, owner: &SetId) -> impl Iterator<Item = (&ObjectKey, &LiveObject)> {
        self.by_owner
            .get(owner)
            .into_iter()
            .flatten()
            .filter_map(|key| self.objects.get(key).map(|object| (key, object)))
    }

    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.keys()
    }

    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<str>> {
        self.namespaces.keys()
    }

    pub fn namespace(&self, name: &str) -> Option<&LiveNamespace> {
        self.namespaces.get(name)
    }

    /// Namespaces that the host made for a kit.
    pub fn made_for(&self, owner: &SetId) -> impl Iterator<Item = (&Arc<str>, &LiveNamespace)> {
        self.namespaces
            .iter()
            .filter(move |(_, namespace)| namespace.made_for.as_ref() == Some(owner))
    }

    pub fn put_namespace(&mut self, name: &str, namespace: LiveNamespace) -> Option<LiveNamespace> {
        match self.namespaces.get_mut(name) {
            Some(old) => Some(std::mem::replace(old, namespace)),
            None => self.namespaces.insert(name.into(), namespace),
        }
    }

    pub fn remove_namespace(&mut self, name: &str) -> Option<LiveNamespace> {
        self.namespaces.remove(name)
    }

    /// Whether it matters which autoscalers there are.
    pub fn has_scaled(&self) -> bool {
        self.scaled
    }

    /// Whether an autoscaler of an object is there, or may be.
    pub(super) fn may_be_autoscaled(&self, key: &ObjectKey) -> bool {
        self.autoscalers.as_ref().is_none_or(|all| scales(all, key))
    }

    /// All autoscalers that there are. Gives the sets with objects that this decides about.
    pub fn list_autoscalers(&mut self, all: BTreeMap<ObjectKey, ObjectKey>) -> Vec<SetId> {
        let before = self.autoscalers.replace(all);
        let after = self.autoscalers.as_ref();
        let scaled = self.objects.iter().filter(|(_, object)| object.scaled);
        let decided = scaled.filter(|(key, _)| {
            before.as_ref().map(|all| scales(all, key)) != after.map(|all| scales(all, key))
        });
        decided.map(|(_, object)| object.owner.clone()).collect()
    }

    /// What an autoscaler scales now; nothing, if it is gone. Gives the sets of what this decides
    /// about.
    pub fn put_autoscaler(
        &mut self,
        autoscaler: ObjectKey,
        target: Option<ObjectKey>,
    ) -> Vec<SetId> {
        let Some(all) = &mut self.autoscalers else {
            return Vec::new();
        };
        let before = match target.clone() {
            Some(target) => all.insert(autoscaler, target),
            None => all.remove(&autoscaler),
        };
        if before == target {
            return Vec::new();
        }
        let targets = [before, target].into_iter().flatten();
        let objects = targets.filter_map(|target| self.objects.get(&target));
        objects.map(|object| object.owner.clone()).collect()
    }
}

fn scales(autoscalers: &BTreeMap<ObjectKey, ObjectKey>, key: &ObjectKey) -> bool {
    autoscalers.values().any(|target| target == key)
}
