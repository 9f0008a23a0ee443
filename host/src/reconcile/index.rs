//! What the host knows of kits: their objects, and which is behind a set's id.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
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
    /// What people want of each, as the watch last showed it: answers to writes may be ahead of it.
    asked: Mutex<HashMap<(String, String), Asks>>,
}

/// What this host has written into a Kit's status.
#[derive(Default)]
struct Told {
    uid: Option<String>,
    /// Of the last status that the API server was seen to have, and of those after it, which may be
    /// on their way; the newest last.
    prints: VecDeque<u64>,
    /// The API server has another than the newest: a write was given up, and carried out late or not
    /// at all, or somebody else wrote.
    lost: bool,
}

/// Statuses on their way: more than a watch is ever behind.
const PRINTS: usize = 16;

/// When a person asked for an object to be looked at.
pub(super) fn requested(object: &impl kube::Resource) -> Option<String> {
    object.annotations().get(REQUESTED_ANNOTATION).cloned()
}

/// A Kit's spec, when a person asked for it to be looked at, and whether it is being deleted.
type Asks = (KitSpec, Option<String>, bool);

fn asked(kit: &Kit) -> Asks {
    let deleted = kit.metadata.deletion_timestamp.is_some();
    (kit.spec.clone(), requested(kit), deleted)
}

pub(super) fn id_of(kit: &Kit) -> (String, String) {
    (kit.namespace().unwrap_or_default(), kit.name_any())
}

impl Told {
    /// The API server has this status; false if this host has not written it.
    fn comes(&mut self, status: Option<&KitStatus>) -> bool {
        let print = status.map(print_of);
        let place = self.prints.iter().rposition(|it| Some(*it) == print);
        if let Some(place) = place {
            self.prints.drain(..place);
        }
        self.lost = place.is_none() || self.prints.len() > 1;
        place.is_some()
    }
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

    /// An older version than the one that is there is not taken, nor an answer that comes later than
    /// the news that the Kit is gone; nor a status that this host did not write: hooks that have run
    /// are not run again for it.
    pub(super) fn put(&self, mut kit: Kit) {
        kit.metadata.managed_fields = None;
        let mut kits = self.lock();
        let id = id_of(&kit);
        // Resource versions of one resource are ordered numbers (KEP-5504).
        let version = |kit: &Kit| kit.resource_version()?.parse::<u64>().ok();
        let known = kits.get(&id).filter(|known| known.uid() == kit.uid());
        if let Some(known) = known
            && version(known) > version(&kit)
        {
            return;
        }
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if gone
            .get(&id)
            .is_some_and(|uid| kit.uid().as_ref() == Some(uid))
        {
            return;
        }
        gone.remove(&id);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = kit.uid();
        if let (Some(told), Some(known)) = (told.get_mut(&id).filter(|it| it.uid == uid), known)
            && !told.comes(kit.status.as_ref())
        {
            kit.status.clone_from(&known.status);
        }
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // Until the watch has shown it; later, an answer may be ahead of that.
        all.entry(id.clone()).or_insert_with(|| asked(&kit));
        kits.insert(id, Arc::new(kit));
    }

    /// The API server took a status: what it made of it is this host's, too.
    pub(super) fn taken(&self, status: &KitStatus, written: Kit) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(told), Some(made)) = (all.get_mut(&id_of(&written)), &written.status) {
            let (print, made) = (print_of(status), print_of(made));
            let place = told.prints.iter().rposition(|it| *it == print);
            if let Some(place) = place.and_then(|at| told.prints.get_mut(at)) {
                *place = made;
            }
        }
        drop(all);
        self.put(written);
    }

    /// The watch shows a Kit. Whether people want something else of it than before.
    pub(super) fn shows(&self, kit: &Kit) -> bool {
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let asks = asked(kit);
        let before = all.insert(id_of(kit), asks.clone());
        before.is_some_and(|before| before != asks)
    }

    /// What the host is about to write into a Kit's status; false if it is there already.
    pub(super) fn tells(&self, kit: &Kit, status: &KitStatus) -> bool {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = all.entry(id_of(kit)).or_default();
        if told.uid != kit.uid() {
            *told = Told {
                uid: kit.uid(),
                ..Told::default()
            };
        }
        let print = print_of(status);
        let there = kit.status.as_ref().map(print_of);
        let newest = told.prints.back().is_none_or(|newest| *newest == print);
        if newest && !told.lost && there == Some(print) {
            return false;
        }
        if told.prints.is_empty() {
            told.prints.extend(there);
        }
        if told.prints.len() >= PRINTS {
            told.prints.pop_front();
        }
        told.prints.push_back(print);
        true
    }

    /// Whether a Kit's status is to be written again.
    pub(super) fn lost_status(&self, namespace: &str, name: &str) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.get(&(namespace.to_owned(), name.to_owned()));
        told.is_some_and(|told| told.lost)
    }

    /// These are all that there are.
    pub(super) fn listed(&self, all: &HashSet<(String, String)>) {
        self.lock().retain(|id, _| all.contains(id));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|id, _| all.contains(id));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|id, _| all.contains(id));
    }

    pub(super) fn remove(&self, namespace: &str, name: &str) {
        let id = (namespace.to_owned(), name.to_owned());
        let mut kits = self.lock();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(&id);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.remove(&id);
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

    fn status(objects: u32) -> KitStatus {
        KitStatus {
            objects,
            ..KitStatus::default()
        }
    }

    /// A Kit comes with this status; gives what it is taken for, and whether it is to be written.
    fn comes(index: &KitIndex, version: &str, objects: u32) -> (u32, bool) {
        let mut kit = kit("first", version);
        kit.status = Some(status(objects));
        index.put(kit);
        let kit = index.get("platform", "kits.shop").expect("it is there");
        let objects = kit.status.as_ref().map_or(0, |it| it.objects);
        (objects, index.lost_status("platform", "kits.shop"))
    }

    fn tells(index: &KitIndex, objects: u32) -> bool {
        let kit = index.get("platform", "kits.shop").expect("it is there");
        index.tells(&kit, &status(objects))
    }

    #[test]
    fn a_status_that_this_host_did_not_write_is_not_believed_and_written_over() {
        let index = KitIndex::default();
        assert_eq!(comes(&index, "1", 7), (7, false), "it was there before");
        assert!(!tells(&index, 7), "it is there");
        assert!(tells(&index, 2));
        assert_eq!(comes(&index, "2", 2), (2, false), "before its answer");
        assert_eq!(comes(&index, "3", 9), (2, true), "somebody else's");
        // As long as it is not seen to be there, it is written again.
        assert!(tells(&index, 2) && tells(&index, 2));
        assert_eq!(comes(&index, "4", 2), (2, false));
        assert!(!tells(&index, 2));
        // What the API server makes of it is not written for ever.
        assert!(tells(&index, 5));
        let mut made = kit("first", "5");
        made.status = Some(status(6));
        index.taken(&status(5), made);
        assert_eq!(comes(&index, "5", 6), (6, false));
        index.remove("platform", "kits.shop");
        index.put(kit("second", "6"));
        assert!(!index.lost_status("platform", "kits.shop"));
    }

    #[test]
    fn what_a_person_asks_before_the_watch_has_shown_a_kit_is_seen() {
        let index = KitIndex::default();
        index.put(kit("first", "1"));
        let mut held = kit("first", "2");
        held.spec.suspend = true;
        // An answer to a write may be ahead of the watch, and wakes nobody.
        index.put(held.clone());
        assert!(index.shows(&held));
        assert!(!index.shows(&held));
    }

    #[test]
    fn a_status_whose_write_was_given_up_is_known_when_it_comes_and_written_over() {
        let index = KitIndex::default();
        comes(&index, "1", 1);
        assert!(tells(&index, 1 + 1) && tells(&index, 3));
        // The first is carried out late; the second has not come yet.
        assert_eq!(comes(&index, "2", 2), (2, true));
        assert_eq!(comes(&index, "3", 3), (3, false));
        // What is told is what was there before: the write that was given up may come yet.
        assert!(tells(&index, 4));
        assert!(tells(&index, 3));
        assert_eq!(comes(&index, "4", 4), (4, true));
        assert!(tells(&index, 3));
        assert_eq!(comes(&index, "5", 3), (3, false));
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
