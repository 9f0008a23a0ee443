//! What the host knows of kits: their objects, and which is behind a set's id.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::ResourceExt as _;

use crate::history::Anchor;
use crate::kit::{Kit, KitPath, KitSpec, KitStatus, REQUESTED_ANNOTATION, RecordStatus};
use crate::plan::SetId;

/// Namespaces and names of the Repositories that this host follows, and where their statuses say
/// that the record had got to.
#[derive(Default)]
pub(super) struct RepositoryIndex(Mutex<BTreeMap<(String, String), Option<Anchor>>>);

impl RepositoryIndex {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Option<Anchor>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, id: &(String, String), record: Option<&RecordStatus>) {
        let anchor = record.and_then(|it| {
            Some(Anchor {
                sequence: it.sequence.try_into().ok()?,
                hash: it.hash.parse().ok()?,
            })
        });
        self.lock().insert(id.clone(), anchor);
    }

    pub(super) fn anchors(&self) -> Vec<Anchor> {
        self.lock().values().filter_map(|it| *it).collect()
    }

    pub(super) fn remove(&self, id: &(String, String)) {
        self.lock().remove(id);
    }

    /// These are all that there are.
    pub(super) fn listed(&self, all: &HashSet<(String, String)>) {
        self.lock().retain(|id, _| all.contains(id));
    }

    pub(super) fn all(&self) -> BTreeSet<(String, String)> {
        self.lock().keys().cloned().collect()
    }
}

/// Kit objects as the watch last showed them.
#[derive(Default)]
pub(super) struct KitIndex {
    kits: Mutex<HashMap<(String, String), Arc<Kit>>>,
    /// The uid of the one that was there last.
    gone: Mutex<HashMap<(String, String), String>>,
    told: Mutex<HashMap<(String, String), Told>>,
}

/// What this host wrote last into a Kit's status.
struct Told {
    print: u64,
    /// The API server has something else: a write that was given up, and that it carried out after
    /// a newer one, or somebody else's.
    lost: bool,
}

/// When a person asked for an object to be looked at.
pub(super) fn requested(object: &impl kube::Resource) -> Option<String> {
    object.annotations().get(REQUESTED_ANNOTATION).cloned()
}

/// What people want of a kit.
pub(super) fn asked(kit: &Kit) -> (KitSpec, Option<String>, bool) {
    let deleted = kit.metadata.deletion_timestamp.is_some();
    (kit.spec.clone(), requested(kit), deleted)
}

pub(super) fn id_of(kit: &Kit) -> (String, String) {
    (kit.namespace().unwrap_or_default(), kit.name_any())
}

/// Tells two statuses of one process apart.
fn print_of(status: &KitStatus) -> u64 {
    let mut hasher = DefaultHasher::new();
    // What cannot be written as JSON was not written into the cluster either.
    serde_json::to_vec(status).ok().hash(&mut hasher);
    hasher.finish()
}

impl KitIndex {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Arc<Kit>>> {
        self.kits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<Kit>> {
        self.lock()
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// Gives what was there before. An older version than the one that is there is not taken, nor
    /// an answer that comes later than the news that the Kit is gone. A status is what this host
    /// wrote last, whatever it has become: hooks that have run are not run again for it.
    pub(super) fn put(&self, mut kit: Kit) -> Option<Arc<Kit>> {
        kit.metadata.managed_fields = None;
        let mut kits = self.lock();
        let id = id_of(&kit);
        // Resource versions of one resource are ordered numbers (KEP-5504).
        let version = |kit: &Kit| kit.resource_version()?.parse::<u64>().ok();
        let known = kits.get(&id).filter(|known| known.uid() == kit.uid());
        if let Some(known) = known
            && version(known) > version(&kit)
        {
            return Some(known.clone());
        }
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if gone
            .get(&id)
            .is_some_and(|uid| kit.uid().as_ref() == Some(uid))
        {
            return None;
        }
        gone.remove(&id);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(told), Some(known)) = (told.get_mut(&id), known) {
            told.lost = kit.status.as_ref().map(print_of) != Some(told.print);
            if told.lost {
                kit.status.clone_from(&known.status);
            }
        }
        kits.insert(id, Arc::new(kit))
    }

    /// What the host is about to write into a Kit's status.
    pub(super) fn tells(&self, namespace: &str, name: &str, status: &KitStatus) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let print = print_of(status);
        told.insert(
            (namespace.to_owned(), name.to_owned()),
            Told { print, lost: false },
        );
    }

    /// Whether a Kit's status is to be written again.
    pub(super) fn lost_status(&self, namespace: &str, name: &str) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.get(&(namespace.to_owned(), name.to_owned()));
        told.is_some_and(|told| told.lost)
    }

    /// What the host has just written into a Kit's status; the rest is as the watch showed it.
    pub(super) fn put_status(&self, namespace: &str, name: &str, status: KitStatus) {
        let mut kits = self.lock();
        if let Some(kit) = kits.get_mut(&(namespace.to_owned(), name.to_owned())) {
            Arc::make_mut(kit).status = Some(status);
        }
    }

    pub(super) fn remove(&self, namespace: &str, name: &str) {
        let id = (namespace.to_owned(), name.to_owned());
        let mut kits = self.lock();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(&id);
        if let Some(uid) = kits.remove(&id).and_then(|kit| kit.uid()) {
            let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
            gone.insert(id, uid);
        }
    }

    /// The Kits of a Repository.
    pub(super) fn of_repository(&self, namespace: &str, repository: &str) -> Vec<Arc<Kit>> {
        let belongs = |kit: &&Arc<Kit>| {
            kit.namespace().as_deref() == Some(namespace) && kit.repository() == Some(repository)
        };
        self.lock().values().filter(belongs).cloned().collect()
    }
}

/// A kit, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Of the Repository and its Kit objects.
    pub namespace: String,
    pub repository: String,
    pub path: KitPath,
}

/// Which kit is behind a set's id.
#[derive(Default)]
pub(super) struct SetIndex {
    kits: Mutex<HashMap<SetId, Member>>,
}

impl SetIndex {
    /// The first Repository of a namespace that has a path keeps it.
    pub(super) fn put(&self, member: Member) {
        let set = SetId::of_kit(&member.path.object_name(), &member.namespace);
        let mut kits = self.kits.lock().unwrap_or_else(PoisonError::into_inner);
        kits.entry(set).or_insert(member);
    }

    /// The kits of a Repository that is gone are free for others.
    pub(super) fn forget(&self, namespace: &str, repository: &str) {
        let mut kits = self.kits.lock().unwrap_or_else(PoisonError::into_inner);
        kits.retain(|_, it| it.namespace != namespace || it.repository != repository);
    }

    pub(super) fn get(&self, set: &SetId) -> Option<Member> {
        self.kits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(set)
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit(uid: &str, version: &str) -> Kit {
        let mut kit = Kit::new("kits.shop", KitSpec::default());
        kit.metadata.namespace = Some("platform".into());
        kit.metadata.uid = Some(uid.into());
        kit.metadata.resource_version = Some(version.into());
        kit
    }

    #[test]
    fn a_status_that_this_host_did_not_write_last_is_not_believed() {
        let index = KitIndex::default();
        let status = |objects| KitStatus {
            objects,
            ..KitStatus::default()
        };
        let comes = |version, objects| {
            let mut kit = kit("first", version);
            kit.status = Some(status(objects));
            index.put(kit);
            let kit = index.get("platform", "kits.shop").expect("it is there");
            let objects = kit.status.as_ref().map(|it| it.objects);
            (objects, index.lost_status("platform", "kits.shop"))
        };
        assert_eq!(comes("1", 7), (Some(7), false));
        index.tells("platform", "kits.shop", &status(1));
        index.tells("platform", "kits.shop", &status(2));
        assert_eq!(comes("2", 2), (Some(2), false), "before its answer");
        index.put_status("platform", "kits.shop", status(2));
        assert_eq!(comes("3", 1), (Some(2), true), "carried out late");
        index.tells("platform", "kits.shop", &status(2));
        assert_eq!(comes("4", 2), (Some(2), false));
        index.remove("platform", "kits.shop");
        index.put(kit("second", "5"));
        assert!(!index.lost_status("platform", "kits.shop"));
    }

    #[test]
    fn an_answer_that_comes_after_a_kit_is_gone_does_not_bring_it_back() {
        let index = KitIndex::default();
        let uid = || index.get("platform", "kits.shop").and_then(|kit| kit.uid());
        index.put(kit("first", "1"));
        index.remove("platform", "kits.shop");
        index.put(kit("first", "2"));
        assert_eq!(uid(), None);
        index.put(kit("second", "3"));
        assert_eq!(uid().as_deref(), Some("second"));
    }
}
