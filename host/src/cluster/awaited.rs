//! Single objects that kits wait for and that no kit has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::Api;
use kube::core::DynamicObject;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use tokio::sync::watch as signal;
use tokio::task::AbortHandle;

use crate::health::Health;
use crate::manifest::ObjectKey;

use super::seen::{Seen, event_of};
use super::{Cluster, ClusterError, Touched};

/// How long the first look at an object may take.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Watches on single objects.
#[derive(Default)]
pub(super) struct Awaited {
    watches: Mutex<HashMap<ObjectKey, ObjectWatch>>,
}

struct ObjectWatch {
    /// Outside: whether it was looked at; inside: its health, if it is there.
    health: signal::Receiver<Option<Option<Health>>>,
    task: AbortHandle,
}

impl Drop for ObjectWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Awaited {
    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, ObjectWatch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// The health of an object, if it is there and its kind is served. It is watched from now on.
    pub async fn awaited(&self, key: &ObjectKey) -> Result<Option<Health>, ClusterError> {
        if self.kinds.any_version(&key.group_kind).is_none() {
            self.discover().await?;
        }
        let Some(resource) = self.kinds.any_version(&key.group_kind) else {
            return Ok(None);
        };
        let mut health = {
            let mut watches = self.watched.awaited().lock();
            let watch = watches.entry(key.clone()).or_insert_with(|| {
                let api: Api<DynamicObject> = match &key.namespace {
                    Some(namespace) => {
                        Api::namespaced_with(self.client.clone(), namespace, &resource)
                    }
                    None => Api::all_with(self.client.clone(), &resource),
                };
                let config =
                    watcher::Config::default().fields(&format!("metadata.name={}", key.name));
                let (sender, health) = signal::channel(None);
                let (key, watched) = (key.clone(), self.watched.clone());
                let rules = watched.health_rules().clone();
                let seen = move |it| Seen::of_object(it, &resource, &rules);
                let events = watch(api, config)
                    .default_backoff()
                    .map_ok(move |event| event_of(event, &seen))
                    .boxed();
                // The inventory is not kept alive by what it watches.
                let tell = watched.teller();
                let task = tokio::spawn(async move {
                    follow(events, &sender, || tell(Touched::Object(key.clone()))).await;
                });
                ObjectWatch {
                    health,
                    task: task.abort_handle(),
                }
            });
            watch.health.clone()
        };
        let looked = health.wait_for(Option::is_some);
        match tokio::time::timeout(FIRST_LOOK, looked).await {
            Ok(Ok(found)) => Ok(found.clone().flatten()),
            _ => Err(ClusterError::NotListed(key.group_kind.to_string())),
        }
    }
}

async fn follow(
    mut events: futures::stream::BoxStream<'static, Result<Event<Seen>, watcher::Error>>,
    sender: &signal::Sender<Option<Option<Health>>>,
    tell: impl Fn(),
) {
    let mut listed = None;
    while let Some(event) = events.next().await {
        let health = match event {
            Ok(Event::Apply(seen)) => Some(seen.health),
            Ok(Event::Delete(_)) => None,
            Ok(Event::Init) => {
                listed = None;
                continue;
            }
            Ok(Event::InitApply(seen)) => {
                listed = Some(seen.health);
                continue;
            }
            Ok(Event::InitDone) => listed.take(),
            Err(_) => continue,
        };
        let changed = sender.send_if_modified(|before| {
            let changed = before.as_ref() != Some(&health);
            *before = Some(health.clone());
            changed
        });
        if changed {
            tell();
        }
    }
}

/// Shared by what watches for others.
pub(super) type Teller = Arc<dyn Fn(Touched) + Send + Sync>;
