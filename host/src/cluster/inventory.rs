//! The inventory, kept by watches: objects that bear an ApplySet's label, metadata only.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client};
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;

use crate::manifest::{GroupKind, ObjectKey, Origin};
use crate::plan::{
    DIGEST_ANNOTATION, Inventory, LiveObject, ORIGIN_ANNOTATION, PART_OF_LABEL, SetId,
};

use super::Cluster;

/// A live inventory. Cheap to clone; the watches end with the last clone.
#[derive(Clone)]
pub struct Watched {
    client: Client,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    inventory: Mutex<Inventory>,
    /// By kind: whether the first list has been read.
    kinds: Mutex<HashMap<GroupKind, signal::Receiver<bool>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        lock(&self.tasks).iter().for_each(JoinHandle::abort);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            shared: Arc::default(),
        }
    }

    /// Looks at the inventory as it is now.
    pub fn read<T>(&self, look: impl FnOnce(&Inventory) -> T) -> T {
        look(&lock(&self.shared.inventory))
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Inventory)) {
        change(&mut lock(&self.shared.inventory));
    }

    /// What the API server answered to an apply.
    pub(super) fn applied(&self, kind: &GroupKind, metadata: &ObjectMeta) {
        self.change(|inventory| note(inventory, kind, metadata, true));
    }

    fn watch_kind(&self, resource: ApiResource) -> signal::Receiver<bool> {
        let kind = GroupKind {
            group: resource.group.as_str().into(),
            kind: resource.kind.as_str().into(),
        };
        let mut kinds = lock(&self.shared.kinds);
        if let Some(ready) = kinds.get(&kind) {
            return ready.clone();
        }
        let (listed, ready) = signal::channel(false);
        kinds.insert(kind.clone(), ready.clone());
        let api: Api<PartialObjectMeta<DynamicObject>> =
            Api::all_with(self.client.clone(), &resource);
        let events = watch(api, watcher::Config::default().labels(PART_OF_LABEL))
            .default_backoff()
            .boxed();
        let shared = Arc::downgrade(&self.shared);
        let mut listing = BTreeSet::new();
        let task = tokio::spawn(events.for_each(move |event| {
            if let Some(shared) = shared.upgrade() {
                match event {
                    Ok(event) => follow(
                        &mut lock(&shared.inventory),
                        &kind,
                        event,
                        &mut listing,
                        &listed,
                    ),
                    Err(error) => {
                        tracing::debug!(%kind, %error, "watch interrupted; it will resume")
                    }
                }
            }
            std::future::ready(())
        }));
        lock(&self.shared.tasks).push(task);
        ready
    }

    fn watch_namespaces(&self) -> signal::Receiver<bool> {
        // Not a kind of any API: the names of all namespaces, labelled or not.
        let kind = GroupKind {
            group: "".into(),
            kind: "*namespaces".into(),
        };
        let mut kinds = lock(&self.shared.kinds);
        if let Some(ready) = kinds.get(&kind) {
            return ready.clone();
        }
        let (listed, ready) = signal::channel(false);
        kinds.insert(kind, ready.clone());
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let events = watch(api, watcher::Config::default())
            .default_backoff()
            .boxed();
        let shared = Arc::downgrade(&self.shared);
        let task = tokio::spawn(events.for_each(move |event| {
            if let (Some(shared), Ok(event)) = (shared.upgrade(), event) {
                follow_namespaces(&shared, event, &listed);
            }
            std::future::ready(())
        }));
        lock(&self.shared.tasks).push(task);
        ready
    }
}

/// `listing` holds the keys that a list has told of so far, while one is being read.
fn follow(
    inventory: &mut Inventory,
    kind: &GroupKind,
    event: Event<PartialObjectMeta<DynamicObject>>,
    listing: &mut BTreeSet<ObjectKey>,
    listed: &signal::Sender<bool>,
) {
    match event {
        Event::Init => listing.clear(),
        Event::InitApply(object) => {
            listing.extend(key_of(kind, &object.metadata));
            note(inventory, kind, &object.metadata, false);
        }
        Event::Apply(object) => note(inventory, kind, &object.metadata, false),
        Event::Delete(object) => {
            if let Some(key) = key_of(kind, &object.metadata)
                && inventory
                    .get(&key)
                    .is_some_and(|live| Some(&*live.uid) == object.metadata.uid.as_deref())
            {
                inventory.remove(&key);
            }
        }
        Event::InitDone => {
            // What a list after an interruption no longer has was deleted meanwhile.
            let gone: Vec<ObjectKey> = inventory
                .keys()
                .filter(|key| key.group_kind == *kind && !listing.contains(key))
                .cloned()
                .collect();
            for key in gone {
                inventory.remove(&key);
            }
            listing.clear();
            listed.send_replace(true);
        }
    }
}

fn follow_namespaces(
    shared: &Shared,
    event: Event<PartialObjectMeta<Namespace>>,
    listed: &signal::Sender<bool>,
) {
    let mut inventory = lock(&shared.inventory);
    match event {
        Event::Apply(namespace) | Event::InitApply(namespace) => {
            let name = namespace.metadata.name.unwrap_or_default();
            // One on its way out takes nothing in: it counts as missing, and making it says why.
            match namespace.metadata.deletion_timestamp {
                None => inventory.add_namespace(&name),
                Some(_) => inventory.remove_namespace(&name),
            }
        }
        Event::Delete(namespace) => {
            inventory.remove_namespace(&namespace.metadata.name.unwrap_or_default())
        }
        Event::Init => {}
        Event::InitDone => {
            listed.send_replace(true);
        }
    }
}

fn key_of(kind: &GroupKind, metadata: &ObjectMeta) -> Option<ObjectKey> {
    Some(ObjectKey {
        group_kind: kind.clone(),
        namespace: metadata.namespace.as_deref().map(Into::into),
        name: metadata.name.as_deref()?.into(),
    })
}

/// Puts an object's newest state into the inventory. `answer`: it is the answer to an apply of
/// ours, and so makes an unsure entry sure.
fn note(inventory: &mut Inventory, kind: &GroupKind, metadata: &ObjectMeta, answer: bool) {
    let Some(key) = key_of(kind, metadata) else {
        return;
    };
    let Some(owner) = metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(PART_OF_LABEL))
    else {
        inventory.remove(&key);
        return;
    };
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    let mut unsure = false;
    if let Some(old) = inventory
        .get(&key)
        .filter(|old| Some(&*old.uid) == metadata.uid.as_deref())
    {
        // Resource versions of one resource are ordered numbers (KEP-5504).
        if let (Ok(old), Ok(new)) = (old.resource_version.parse::<u64>(), version.parse::<u64>())
            && new < old
        {
            return;
        }
        unsure = !answer && old.digest.is_none();
    }
    let annotation = |name: &str| {
        metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(name))
            .map(String::as_str)
    };
    let live = LiveObject {
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        resource_version: version.into(),
        owner: SetId::from_label(owner),
        digest: annotation(DIGEST_ANNOTATION)
            .filter(|_| !unsure)
            .map(Into::into),
        origin: annotation(ORIGIN_ANNOTATION).and_then(parse_origin),
    };
    inventory.insert(key, live);
}

fn parse_origin(text: &str) -> Option<Origin> {
    let (path, line) = text.rsplit_once(':')?;
    Some(Origin::new(path, line.parse().ok()?))
}

impl Cluster {
    /// Watches these kinds (and namespaces) from now on, and waits until each has been listed once.
    /// Kinds that the API server does not serve are passed over.
    pub async fn watch_kinds(&self, kinds: &BTreeSet<GroupKind>) {
        let mut ready = vec![self.watched.watch_namespaces()];
        for kind in kinds {
            if let Some(resource) = self.kinds.any_version(kind) {
                ready.push(self.watched.watch_kind(resource));
            }
        }
        for mut listed in ready {
            // An error means that the watch is gone, as at shutdown.
            let _ = listed.wait_for(|listed| *listed).await;
        }
    }
}
