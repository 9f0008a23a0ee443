//! Why a workload's pods do not come up: watched only while the workload is not as it should be.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client, ResourceExt as _};
use tokio::task::AbortHandle;

use crate::health::trouble;
use crate::manifest::ObjectKey;
use crate::plan::SetId;

/// Workloads of one kit whose pods are watched at once; the others are told by their own words.
const LIMIT: usize = 3;
/// Of all kits: where very many come up at once, they are slow and not in trouble.
const LIMIT_OF_ALL: usize = 32;

/// By pod: what is wrong with it, and whether it needs somebody.
type Troubles = Arc<Mutex<BTreeMap<String, (String, bool)>>>;

/// Watches on the pods of workloads that are not healthy.
#[derive(Default)]
pub(super) struct PodWatches {
    watches: Mutex<HashMap<ObjectKey, PodWatch>>,
}

struct PodWatch {
    owner: SetId,
    troubles: Troubles,
    task: AbortHandle,
}

impl Drop for PodWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PodWatches {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectKey, PodWatch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the pods of these workloads of a kit, by their label selectors, and no others of
    /// this kit's. `tell` is called when what is wrong with them changes.
    pub(super) fn keep(
        &self,
        client: &Client,
        owner: &SetId,
        workloads: &[(ObjectKey, String)],
        tell: impl Fn() + Clone + Send + 'static,
    ) {
        let mut watches = self.lock();
        let workloads = &workloads[..workloads.len().min(LIMIT)];
        let wanted = |key: &ObjectKey| workloads.iter().any(|(wanted, _)| wanted == key);
        watches.retain(|key, watch| watch.owner != *owner || wanted(key));
        for (key, selector) in workloads {
            if watches.contains_key(key) || watches.len() >= LIMIT_OF_ALL {
                continue;
            }
            let namespace = key.namespace.as_deref().unwrap_or_default();
            let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
            let troubles = Troubles::default();
            let task = tokio::spawn(follow(
                api,
                selector.clone(),
                troubles.clone(),
                tell.clone(),
            ));
            let watch = PodWatch {
                owner: owner.clone(),
                troubles,
                task: task.abort_handle(),
            };
            watches.insert(key.clone(), watch);
        }
    }

    /// `pod vision-7d…: web: ImagePullBackOff: …`, of the pod that is worst off.
    pub(super) fn words(&self, workload: &ObjectKey) -> Option<String> {
        let watches = self.lock();
        let troubles = &watches.get(workload)?.troubles;
        let troubles = troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let worst = troubles
            .iter()
            .find(|(_, (_, stuck))| *stuck)
            .or_else(|| troubles.iter().next());
        worst.map(|(pod, (words, _))| format!("pod {pod}: {words}"))
    }
}

async fn follow(api: Api<Pod>, selector: String, troubles: Troubles, tell: impl Fn()) {
    let config = watcher::Config::default().labels(&selector).page_size(100);
    let mut events = watch(api, config).default_backoff().boxed();
    while let Some(event) = events.next().await {
        let changed = {
            let mut troubles = troubles.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Ok(Event::Apply(pod) | Event::InitApply(pod)) => {
                    let found = serde_json::to_value(&pod)
                        .ok()
                        .and_then(|pod| trouble(&pod));
                    let before = match &found {
                        Some(found) => troubles.insert(pod.name_any(), found.clone()),
                        None => troubles.remove(&pod.name_any()),
                    };
                    before != found
                }
                Ok(Event::Delete(pod)) => troubles.remove(&pod.name_any()).is_some(),
                Ok(Event::Init) => {
                    troubles.clear();
                    false
                }
                Ok(Event::InitDone) | Err(_) => false,
            }
        };
        if changed {
            tell();
        }
    }
}
