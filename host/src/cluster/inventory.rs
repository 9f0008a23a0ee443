//! The inventory, kept by watches: objects that bear an ApplySet's label, metadata only.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client};
use tokio::sync::{mpsc, watch as signal};
use tokio::task::AbortHandle;

use crate::kit::HealthRule;
use crate::manifest::{GroupKind, ObjectKey};
use crate::plan::{Inventory, PART_OF_LABEL, SetId, Step, missing};

use super::awaited::{Awaited, Teller};
use super::health_rules::HealthRules;
use super::listed::all_listed;
use super::managed_fields::kit_fields;
use super::noted::{follow, follow_namespaces, live_namespace, note};
use super::pods::PodWatches;
use super::seen::{Seen, event_of, metadata_is_enough};
use super::{Cluster, ClusterError};

/// Objects that one page of a list brings: each is decoded whole before the next is asked for.
const PAGE: u32 = 100;

/// A live inventory. Cheap to clone; the watches end with the last clone.
#[derive(Clone)]
pub struct Watched {
    client: Client,
    shared: Arc<Shared>,
}

/// What a watch noticed that a kit did not do itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// An object of this set changed, came, or went.
    Set(SetId),
    /// An object of this set is healthier, or less so, than it was.
    Health(SetId),
    /// An object that some kit waits for changed, came, or went.
    Object(ObjectKey),
    /// A namespace went.
    Namespace(Arc<str>),
}

/// The watch on one kind: whether its first list has been read, and what reads it.
struct KindWatch {
    listed: signal::Receiver<bool>,
    task: AbortHandle,
}

impl Drop for KindWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) struct Shared {
    inventory: Mutex<Inventory>,
    /// Told at each change of the inventory.
    changed: signal::Sender<()>,
    touched: mpsc::UnboundedSender<Touched>,
    /// Until somebody listens.
    listener: Mutex<Option<mpsc::UnboundedReceiver<Touched>>>,
    kinds: Mutex<HashMap<GroupKind, KindWatch>>,
    pods: PodWatches,
    awaited: Awaited,
    health_rules: HealthRules,
}

impl Default for Shared {
    fn default() -> Self {
        let (touched, listener) = mpsc::unbounded_channel();
        Self {
            inventory: Mutex::default(),
            changed: signal::channel(()).0,
            touched,
            listener: Mutex::new(Some(listener)),
            kinds: Mutex::default(),
            pods: PodWatches::default(),
            awaited: Awaited::default(),
            health_rules: HealthRules::default(),
        }
    }
}

impl Shared {
    /// Changes the inventory, and tells of it.
    pub(super) fn note(&self, change: impl FnOnce(&mut Inventory) -> Vec<Touched>) {
        let touched = change(&mut lock(&self.inventory));
        self.tell(touched);
    }

    fn tell(&self, touched: impl IntoIterator<Item = Touched>) {
        self.changed.send_replace(());
        for it in touched {
            // Whoever does not follow, as `trimtab status`, is not told.
            let _ = self.touched.send(it);
        }
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

    /// Changes it, and tells of it.
    pub(super) fn note(&self, change: impl FnOnce(&mut Inventory) -> Vec<Touched>) {
        self.shared.note(change);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Inventory)) {
        change(&mut lock(&self.shared.inventory));
    }

    /// What the watches notice from now on; the first caller has it.
    pub fn touched(&self) -> Option<mpsc::UnboundedReceiver<Touched>> {
        lock(&self.shared.listener).take()
    }

    /// Waits until the inventory is as asked; false if it is not by then.
    pub async fn until(&self, deadline: Duration, reached: impl Fn(&Inventory) -> bool) -> bool {
        let mut changes = self.shared.changed.subscribe();
        let waiting = async {
            while !self.read(&reached) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // The last look tells, whether it was reached or time ran out.
        let _ = tokio::time::timeout(deadline, waiting).await;
        self.read(reached)
    }

    /// Watches the pods of these workloads of a kit, by their label selectors, and no others of it.
    pub fn watch_pods(&self, owner: &SetId, workloads: &[(ObjectKey, String)]) {
        let shared = Arc::downgrade(&self.shared);
        let touched = Touched::Health(owner.clone());
        let tell = move || {
            if let Some(shared) = shared.upgrade() {
                shared.tell([touched.clone()]);
            }
        };
        self.shared.pods.keep(&self.client, owner, workloads, tell);
    }

    pub(super) fn health_rules(&self) -> &HealthRules {
        &self.shared.health_rules
    }

    pub(super) fn awaited(&self) -> &Awaited {
        &self.shared.awaited
    }

    /// Tells the host, as long as somebody has the inventory.
    pub(super) fn teller(&self) -> Teller {
        let shared = Arc::downgrade(&self.shared);
        Arc::new(move |touched| {
            if let Some(shared) = shared.upgrade() {
                shared.tell([touched]);
            }
        })
    }

    /// What is wrong with a workload's pods, as far as they are watched.
    pub fn pod_words(&self, workload: &ObjectKey) -> Option<String> {
        self.shared.pods.words(workload)
    }

    /// What the API server answered to an apply.
    pub(super) fn applied(&self, step: &Step, seen: &Seen) {
        let metadata = &seen.metadata;
        let kind = &step.key.group_kind;
        let mut inventory = lock(&self.shared.inventory);
        let mut touched = note(&mut inventory, kind, seen, true);
        if let Some(fields) = kit_fields(metadata) {
            inventory.never(&step.key, missing(&step.body, &fields));
        }
        drop(inventory);
        // The kit that applied it knows; one that had it until now does not.
        let label = metadata
            .labels
            .as_ref()
            .and_then(|it| it.get(PART_OF_LABEL));
        let own = label.map(|label| Touched::Set(SetId::from_label(label)));
        touched.retain(|it| Some(it) != own.as_ref());
        self.shared.tell(touched);
    }

    /// What hooks have run of a kit that is gone.
    pub fn forget_runs(&self, owner: &SetId) {
        self.change(|inventory| inventory.forget_runs(owner));
    }

    /// What the API server answered when a kit's namespace was made.
    pub(super) fn made_namespace(&self, name: &str, metadata: &ObjectMeta) {
        self.change(|inventory| {
            inventory.put_namespace(name, live_namespace(metadata));
        });
    }

    /// What the API server answered to a delete that has not ended yet.
    pub(super) fn deleting(&self, key: &ObjectKey, seen: &Seen) {
        self.change(|inventory| note(inventory, &key.group_kind, seen, false).clear());
    }

    /// An object is gone, or no longer anybody's.
    pub(super) fn forget(&self, key: &ObjectKey, uid: &str) {
        self.change(|inventory| {
            if inventory.get(key).is_some_and(|live| &*live.uid == uid) {
                inventory.remove(key);
            }
        });
        self.shared.changed.send_replace(());
    }

    /// Begins a watch, unless there is one of this name. It does not keep the inventory alive.
    pub(super) fn keep(
        &self,
        kind: GroupKind,
        begin: impl FnOnce(Weak<Shared>, signal::Sender<bool>) -> AbortHandle,
    ) -> signal::Receiver<bool> {
        let mut kinds = lock(&self.shared.kinds);
        let watch = kinds.entry(kind).or_insert_with(|| {
            let (listed, ready) = signal::channel(false);
            KindWatch {
                listed: ready,
                task: begin(Arc::downgrade(&self.shared), listed),
            }
        });
        watch.listed.clone()
    }

    fn watch_kind(&self, resource: ApiResource) -> signal::Receiver<bool> {
        let kind = kind_of(&resource);
        self.keep(kind.clone(), |shared, listed| {
            self.begin(kind, resource, shared, listed)
        })
    }

    fn begin(
        &self,
        kind: GroupKind,
        resource: ApiResource,
        shared: Weak<Shared>,
        listed: signal::Sender<bool>,
    ) -> AbortHandle {
        let members = watcher::Config::default()
            .labels(PART_OF_LABEL)
            .page_size(PAGE);
        let task = if metadata_is_enough(&resource) {
            let api: Api<PartialObjectMeta<DynamicObject>> =
                Api::all_with(self.client.clone(), &resource);
            let events = watch(api, members).default_backoff();
            let seen = events.map_ok(|event| event_of(event, Seen::of_metadata));
            tokio::spawn(follow_kind(shared, kind, listed, seen.boxed()))
        } else {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
            let events = watch(api, members).default_backoff();
            let rules = self.shared.health_rules.clone();
            let health = move |object| Seen::of_object(object, &resource, &rules);
            let seen = events.map_ok(move |event| event_of(event, &health));
            tokio::spawn(follow_kind(shared, kind, listed, seen.boxed()))
        };
        task.abort_handle()
    }

    fn watch_namespaces(&self) -> signal::Receiver<bool> {
        // Not a kind of any API: the names of all namespaces, labelled or not.
        let kind = GroupKind {
            group: "".into(),
            kind: "*namespaces".into(),
        };
        self.keep(kind, |shared, listed| {
            let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
            let events = watch(api, watcher::Config::default())
                .default_backoff()
                .boxed();
            let mut listing = BTreeSet::new();
            let task = tokio::spawn(events.for_each(move |event| {
                if let (Some(shared), Ok(event)) = (shared.upgrade(), event) {
                    shared.note(|inventory| {
                        follow_namespaces(inventory, event, &mut listing, &listed)
                    });
                }
                std::future::ready(())
            }));
            task.abort_handle()
        })
    }
}

pub(super) fn kind_of(resource: &ApiResource) -> GroupKind {
    GroupKind {
        group: resource.group.as_str().into(),
        kind: resource.kind.as_str().into(),
    }
}

/// Keeps the inventory of one kind, as long as somebody has the inventory.
async fn follow_kind(
    shared: Weak<Shared>,
    kind: GroupKind,
    listed: signal::Sender<bool>,
    mut events: BoxStream<'static, Result<Event<Seen>, watcher::Error>>,
) {
    let mut listing = BTreeSet::new();
    while let Some(event) = events.next().await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match event {
            Ok(event) => {
                shared.note(|inventory| follow(inventory, &kind, event, &mut listing, &listed))
            }
            Err(error) => tracing::debug!(%kind, %error, "watch interrupted; it will resume"),
        }
    }
}

impl Cluster {
    /// From now on the health of kits' custom resources is told by these rules. Kinds that are
    /// watched are listed anew if that is news, once for all kits: what they hold is not kept.
    pub fn judge_by<'r>(&self, kits: impl IntoIterator<Item = (SetId, &'r [HealthRule])>) {
        let known = self.watched.health_rules();
        let kits = kits.into_iter();
        let news: BTreeSet<GroupKind> = kits
            .flat_map(|(set, rules)| known.put(&set, rules))
            .collect();
        for kind in news {
            let watched = lock(&self.watched.shared.kinds).remove(&kind).is_some();
            if let Some(resource) = self.kinds.any_version(&kind).filter(|_| watched) {
                self.watched.watch_kind(resource);
            }
        }
    }

    /// Watches these kinds (and namespaces) from now on, and waits until each has been listed once.
    /// Kinds that the API server does not serve are passed over; of one that cannot be listed,
    /// nothing can be known, and so nothing be planned.
    pub async fn watch_kinds(&self, kinds: &BTreeSet<GroupKind>) -> Result<(), ClusterError> {
        let mut ready = vec![("Namespace".to_owned(), self.watched.watch_namespaces())];
        for kind in kinds {
            if let Some(resource) = self.kinds.any_version(kind) {
                ready.push((kind.to_string(), self.watched.watch_kind(resource)));
            }
        }
        all_listed(ready).await?;
        self.watch_autoscalers();
        Ok(())
    }
}
