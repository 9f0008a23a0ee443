//! The watch on autoscalers, whoever made them.

use std::collections::BTreeMap;
use std::sync::Weak;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::Api;
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use tokio::sync::watch as signal;

use crate::manifest::{GroupKind, ObjectKey};
use crate::plan::{autoscaler_kind, scaled_by};

use super::inventory::Shared;
use super::noted::key_of;
use super::{Cluster, Touched};

impl Cluster {
    /// Watches autoscalers from now on, if any object was scaled: without one they do not matter.
    /// Nobody waits for them: until they are known, what was scaled is left as it is.
    pub(super) fn watch_autoscalers(&self) {
        if !self.watched.read(|inventory| inventory.has_scaled()) {
            return;
        }
        let kind = autoscaler_kind();
        let Some(resource) = self.kinds.any_version(&kind) else {
            return;
        };
        // Not a kind of any API: all that there are, and not only those of kits.
        let all = GroupKind {
            group: "".into(),
            kind: "*autoscalers".into(),
        };
        self.watched.keep(all, |shared, listed| {
            let task = tokio::spawn(follow(shared, listed, kind, self.autoscalers(&resource)));
            task.abort_handle()
        });
    }

    fn autoscalers(
        &self,
        resource: &ApiResource,
    ) -> BoxStream<'static, Result<Event<DynamicObject>, watcher::Error>> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), resource);
        watch(api, watcher::Config::default())
            .default_backoff()
            .boxed()
    }
}

/// Keeps what autoscalers scale, as long as somebody has the inventory.
async fn follow(
    shared: Weak<Shared>,
    listed: signal::Sender<bool>,
    kind: GroupKind,
    mut events: BoxStream<'static, Result<Event<DynamicObject>, watcher::Error>>,
) {
    let mut listing = BTreeMap::new();
    while let Some(event) = events.next().await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let sets = |sets: Vec<_>| sets.into_iter().map(Touched::Set).collect();
        let (autoscaler, target) = match event {
            Ok(Event::Apply(object)) => (key_of(&kind, &object.metadata), target_of(&object)),
            Ok(Event::Delete(object)) => (key_of(&kind, &object.metadata), None),
            Ok(Event::Init) => {
                listing.clear();
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listing.extend(key_of(&kind, &object.metadata).zip(target_of(&object)));
                continue;
            }
            Ok(Event::InitDone) => {
                let all = std::mem::take(&mut listing);
                shared.note(|inventory| sets(inventory.list_autoscalers(all)));
                listed.send_replace(true);
                continue;
            }
            Err(error) => {
                tracing::debug!(%kind, %error, "watch interrupted; it will resume");
                continue;
            }
        };
        if let Some(autoscaler) = autoscaler {
            shared.note(|inventory| sets(inventory.put_autoscaler(autoscaler, target)));
        }
    }
}

fn target_of(object: &DynamicObject) -> Option<ObjectKey> {
    scaled_by(object.metadata.namespace.as_deref(), &object.data)
}
