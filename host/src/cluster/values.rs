//! ConfigMaps and Secrets that kits are given values from: each is watched by its name, so that what
//! stays the same costs nothing.

use std::collections::BTreeMap;
use std::fmt;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::kit::{Entries, Supply, Values};
use crate::manifest::causes;

use super::Cluster;

impl Cluster {
    /// What an object holds: as it is, and whenever it changes. Never ends; a broken watch resumes.
    /// Why it cannot be read is told as well, and tried again.
    pub fn watch_values(
        &self,
        namespace: &str,
        name: &str,
        secret: bool,
    ) -> BoxStream<'static, Supply> {
        let name = name.to_owned();
        match secret {
            true => {
                let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
                seen(api, name, |it: Secret| {
                    let uid = it.uid().unwrap_or_default();
                    let entries = it.data.unwrap_or_default().into_iter();
                    let entries = entries.map(|(name, value)| (name, value.0)).collect();
                    Values::new(entries, true, &uid)
                })
                .boxed()
            }
            false => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                seen(api, name, |it: ConfigMap| {
                    let bytes = it.binary_data.unwrap_or_default().into_iter();
                    let mut entries: Entries = bytes.map(|(name, value)| (name, value.0)).collect();
                    let texts: BTreeMap<String, String> = it.data.unwrap_or_default();
                    let texts = texts.into_iter();
                    entries.extend(texts.map(|(name, text)| (name, text.into_bytes())));
                    Values::new(entries, false, "")
                })
                .boxed()
            }
        }
    }
}

fn seen<K, F>(api: Api<K>, name: String, values: F) -> impl Stream<Item = Supply> + Send + 'static
where
    F: Fn(K) -> Values + Send + 'static,
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + fmt::Debug + Send + 'static,
{
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut listed = None;
    watch(api, only).default_backoff().filter_map(move |event| {
        let here = |it| Supply::Here(values(it).into());
        std::future::ready(match event {
            Ok(Event::Init) => {
                listed = None;
                None
            }
            Ok(Event::InitApply(it)) => {
                listed = Some(here(it));
                None
            }
            Ok(Event::InitDone) => Some(listed.take().unwrap_or(Supply::Missing)),
            Ok(Event::Apply(it)) => Some(here(it)),
            Ok(Event::Delete(_)) => Some(Supply::Missing),
            Err(error) => {
                let reason = causes(&error);
                tracing::warn!(error = %reason, object = %name, "the watch on values of the platform team was interrupted; it will resume");
                Some(Supply::Unknown(reason))
            }
        })
    })
}
