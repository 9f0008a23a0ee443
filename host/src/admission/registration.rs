//! Keeps the certificates, and what the API server is told of this webhook, as they should be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde_json::Value;

use crate::cluster::{Cluster, Endpoint, StoredEntry};
use crate::server::Shown;

use super::certificates::{Certificates, LOOK};
use super::door::{DoorError, Laws, Options};
use super::law::Law;
use super::webhooks::{Entry, Route, configuration, inherited, readdressed};
use super::{Address, RepositoryId};

/// Until what failed is tried again, doubled with each failure in a row.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Of the Secret's data.
const ENTRY: &str = "certificates.json";

pub(super) struct Registration {
    cluster: Cluster,
    options: Options,
    laws: Arc<Laws>,
    serving: Arc<Shown>,
    own_user: String,
    secrets: BoxStream<'static, Option<StoredEntry>>,
    /// As the watch, or the answer to a write, showed it.
    stored: Option<StoredEntry>,
    /// Registered by a host before this one.
    inherited: BTreeMap<RepositoryId, Value>,
    /// What was registered last.
    registered: Option<Value>,
    /// Entries by the law that they are of: an unchanged one is not made anew.
    entries: BTreeMap<RepositoryId, (Arc<Law>, Option<Entry>)>,
    endpoint_is_put: bool,
}

impl Registration {
    pub(super) fn new(
        cluster: Cluster,
        options: Options,
        laws: Arc<Laws>,
        serving: Arc<Shown>,
        own_user: String,
    ) -> Self {
        let secrets = cluster.watch_entry(&options.namespace, &options.secret, ENTRY);
        Self {
            secrets: secrets.boxed(),
            cluster,
            options,
            laws,
            serving,
            own_user,
            stored: None,
            inherited: BTreeMap::new(),
            registered: None,
            entries: BTreeMap::new(),
            endpoint_is_put: false,
        }
    }

    /// What has to be before anybody is reconciled.
    pub(super) async fn begin(&mut self) -> Result<(), DoorError> {
        let name = &self.options.configuration;
        if let Some(found) = self.cluster.webhooks(name).await? {
            self.inherited = inherited(&found);
        }
        self.stored = self.secrets.next().await.flatten();
        self.settle(Timestamp::now()).await
    }

    /// Never ends.
    pub(super) async fn keep(mut self) {
        let mut failures = 0;
        loop {
            let pause = match failures {
                0 => LOOK,
                some => LONGEST_RETRY.min(RETRY * 2_u32.pow(some.min(6) - 1)),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.laws.changed.notified() => {}
                Some(stored) = self.secrets.next() => {
                    if stored == self.stored {
                        continue;
                    }
                    self.stored = stored;
                }
            }
            match self.settle(Timestamp::now()).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "the admission webhook is not as it should be; will be tried again");
                }
            }
        }
    }

    /// Costs no request where nothing changed. A new authority is registered before anything that
    /// it signed is shown.
    async fn settle(&mut self, now: Timestamp) -> Result<(), DoorError> {
        let certificates = self.certificates(now).await?;
        let route = Route {
            address: self.options.address.clone(),
            bundle: certificates.bundle(),
            own_user: self.own_user.clone(),
        };
        let wanted = self.wanted(&route);
        let nothing = wanted["webhooks"].as_array().is_some_and(Vec::is_empty);
        let first = self.registered.is_none() && self.inherited.is_empty();
        if self.registered.as_ref() != Some(&wanted) && !(nothing && first) {
            let name = &self.options.configuration;
            self.cluster.put_webhooks(name, &wanted).await?;
            tracing::info!(
                webhooks = wanted["webhooks"].as_array().map_or(0, Vec::len),
                "the admission webhook is registered"
            );
            self.registered = Some(wanted);
        }
        self.serving
            .show(&certificates.serving.certificate, &certificates.serving.key)
            .map_err(DoorError::Tls)?;
        if let (Address::Service { namespace, name }, Some(address), false) = (
            &self.options.address,
            self.options.endpoint,
            self.endpoint_is_put,
        ) {
            // It is led to by the Service's address, which any endpoint may be behind.
            let endpoint = Endpoint { address, pod: None };
            self.cluster
                .put_endpoint(namespace, name, &endpoint)
                .await?;
            self.endpoint_is_put = true;
        }
        Ok(())
    }

    async fn certificates(&mut self, now: Timestamp) -> Result<Certificates, DoorError> {
        let kept: Option<Certificates> = self.stored.as_ref().and_then(|stored| {
            let read = serde_json::from_slice(&stored.bytes);
            if read.is_err() {
                // Not with serde's words: they might quote a key.
                tracing::warn!(secret = %self.options.secret, "the certificates in the Secret cannot be read; they are made anew");
            }
            read.ok()
        });
        let next = Certificates::at(kept.as_ref(), &self.options.names(), now)?;
        if kept.as_ref() == Some(&next) {
            return Ok(next);
        }
        let bytes =
            serde_json::to_vec(&next).map_err(|error| DoorError::Sign(error.to_string()))?;
        let Options {
            namespace, secret, ..
        } = &self.options;
        let put = self
            .cluster
            .put_entry(namespace, secret, ENTRY, self.stored.as_ref(), bytes);
        self.stored = Some(put.await?);
        tracing::info!(until = %next.serving.until, "the admission webhook's certificates are new");
        Ok(next)
    }

    fn wanted(&mut self, route: &Route) -> Value {
        let laws = self.laws.all();
        let mut own = vec![self.options.namespace.as_str()];
        if let Address::Service { namespace, .. } = &self.options.address {
            own.push(namespace);
        }
        self.entries.retain(|id, _| laws.contains_key(id));
        let mut webhooks = BTreeMap::new();
        for (id, law) in laws {
            let known = self.entries.get(&id);
            let entry = match known.filter(|(of, _)| Arc::ptr_eq(of, &law)) {
                Some((_, entry)) => entry.clone(),
                None => Entry::of(&law, &own),
            };
            if let Some(entry) = &entry {
                webhooks.insert(id.clone(), entry.webhook(&id, route));
            }
            self.entries.insert(id, (law, entry));
        }
        let laws = &self.laws;
        for (id, webhook) in self.inherited.iter().filter(|(id, _)| laws.inherits(id)) {
            webhooks.insert(id.clone(), readdressed(webhook, id, route));
        }
        configuration(
            &self.options.configuration,
            webhooks.into_values().collect(),
        )
    }
}
