//! What is live, as far as it matters to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
}

/// The objects that kits own, and the namespaces that exist.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    objects: BTreeMap<ObjectKey, LiveObject>,
    by_owner: BTreeMap<SetId, BTreeSet<ObjectKey>>,
    namespaces: BTreeSet<Arc<str>>,
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

    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    pub fn add_namespace(&mut self, name: &str) {
        if !self.has_namespace(name) {
            self.namespaces.insert(name.into());
        }
    }

    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }
}
