//! What the host keeps for itself in a Secret: one entry, written in place of what was seen.

use futures::{Stream, StreamExt as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};

use super::{Cluster, ClusterError};

const MANAGER: &str = "trimtab-host";

/// What the Secret holds, of which version.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Not to be logged.
    pub bytes: Vec<u8>,
    version: Option<String>,
}

impl StoredEntry {
    fn of(secret: Secret, entry: &str) -> Self {
        let mut data = secret.data.unwrap_or_default();
        Self {
            bytes: data.remove(entry).map(|it| it.0).unwrap_or_default(),
            version: secret.metadata.resource_version,
        }
    }
}

impl Cluster {
    /// An entry of a Secret, once.
    pub async fn entry(
        &self,
        namespace: &str,
        name: &str,
        entry: &str,
    ) -> Result<Vec<u8>, ClusterError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        Ok(StoredEntry::of(api.get(name).await?, entry).bytes)
    }

    /// An entry of a Secret: as it is, and whenever it changes; `None` while there is no such
    /// Secret. Never ends; a broken watch resumes.
    pub fn watch_entry(
        &self,
        namespace: &str,
        name: &str,
        entry: &'static str,
    ) -> impl Stream<Item = Option<StoredEntry>> + Send + use<> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let name = name.to_owned();
        let mut listed = None;
        watch(api, only).default_backoff().filter_map(move |event| {
            std::future::ready(match event {
                Ok(Event::Init) => {
                    listed = None;
                    None
                }
                Ok(Event::InitApply(secret)) => {
                    listed = Some(StoredEntry::of(secret, entry));
                    None
                }
                Ok(Event::InitDone) => Some(listed.take()),
                Ok(Event::Apply(secret)) => Some(Some(StoredEntry::of(secret, entry))),
                Ok(Event::Delete(_)) => Some(None),
                Err(error) => {
                    tracing::warn!(%error, secret = %name, "the watch on the host's Secret was interrupted; it will resume");
                    None
                }
            })
        })
    }

    /// Keeps an entry in place of the one that was seen; a conflict if another host was quicker.
    pub async fn put_entry(
        &self,
        namespace: &str,
        name: &str,
        entry: &str,
        seen: Option<&StoredEntry>,
        bytes: Vec<u8>,
    ) -> Result<StoredEntry, ClusterError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                resource_version: seen.and_then(|seen| seen.version.clone()),
                ..ObjectMeta::default()
            },
            data: Some([(entry.to_owned(), ByteString(bytes))].into()),
            type_: Some("Opaque".into()),
            ..Secret::default()
        };
        let params = PostParams {
            field_manager: Some(MANAGER.into()),
            ..PostParams::default()
        };
        let kept = match seen {
            Some(_) => api.replace(name, &params, &secret).await?,
            None => api.create(&params, &secret).await?,
        };
        Ok(StoredEntry::of(kept, entry))
    }
}
