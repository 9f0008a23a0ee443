//! Keeps what leads to this host as it should be: the key in its Secret, and the endpoint of the
//! Service.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;

use crate::cluster::{Cluster, ClusterError, Endpoint, StoredEntry};

use super::key::{ENTRY, Key, new_key};
use super::{Https, SECRET, SERVICE};

/// Until what failed is tried again, doubled with each failure in a row.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
enum NotAnnounced {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("{0}")]
    Key(String),
}

pub(super) struct Announcement {
    cluster: Cluster,
    namespace: String,
    endpoint: Endpoint,
    key: Arc<Key>,
    secrets: BoxStream<'static, Option<StoredEntry>>,
    /// As the watch, or the answer to a write, showed it.
    stored: Option<StoredEntry>,
    /// What this host wrote last.
    own: Option<Vec<u8>>,
    endpoint_is_put: bool,
}

impl Announcement {
    pub(super) fn new(cluster: Cluster, https: &Https, key: Arc<Key>) -> Self {
        let Https {
            namespace,
            endpoint,
            ..
        } = https;
        Self {
            secrets: cluster.watch_entry(namespace, SECRET, ENTRY).boxed(),
            cluster,
            namespace: namespace.clone(),
            endpoint: endpoint.clone(),
            key,
            stored: None,
            own: None,
            endpoint_is_put: false,
        }
    }

    /// Never ends.
    pub(super) async fn keep(mut self) {
        let mut failures = 0;
        loop {
            // What is in the Secret is known before anything is written.
            tokio::select! {
                () = again(failures) => {}
                Some(stored) = self.secrets.next() => self.stored = stored,
            }
            match self.settle().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "the host cannot be asked through the API server yet; will be tried again");
                }
            }
        }
    }

    /// Each host that leads has a key of its own, so that whoever may not read the Secret any more
    /// does not have it for long; and whoever deletes the Secret, or changes it, gets a new one.
    async fn settle(&mut self) -> Result<(), NotAnnounced> {
        let found = self.stored.as_ref().map(|it| &it.bytes);
        if self.own.is_none() || found != self.own.as_ref() {
            let key = new_key().map_err(NotAnnounced::Key)?;
            let put = self.cluster.put_entry(
                &self.namespace,
                SECRET,
                ENTRY,
                self.stored.as_ref(),
                key.clone(),
            );
            self.stored = Some(put.await?);
            self.own = Some(key.clone());
            self.key.put(key);
        }
        if !self.endpoint_is_put {
            self.cluster
                .put_endpoint(&self.namespace, SERVICE, &self.endpoint)
                .await?;
            self.endpoint_is_put = true;
            tracing::info!(namespace = %self.namespace, service = SERVICE, "the host can be asked through the API server");
        }
        Ok(())
    }
}

async fn again(failures: u32) {
    match failures {
        0 => std::future::pending().await,
        some => tokio::time::sleep(LONGEST_RETRY.min(RETRY * 2_u32.pow(some.min(6) - 1))).await,
    }
}
