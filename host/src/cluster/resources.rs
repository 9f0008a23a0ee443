//! Watches on Repositories and Kits.

use futures::{Stream, StreamExt as _};
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::watch_object;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::kit::{Kit, Repository};

use super::Cluster;

/// What happened to a Repository.
#[derive(Clone, Debug)]
pub enum RepositoryChange {
    Put(Box<Repository>),
    Gone {
        namespace: String,
        name: String,
    },
    /// All that there are will be told, then `Listed`.
    Listing,
    /// What has not been told since `Listing` is gone.
    Listed,
}

/// What happened to a Kit.
#[derive(Clone, Debug)]
pub enum KitChange {
    Put(Box<Kit>),
    Gone { namespace: String, name: String },
    Listing,
    Listed,
}

impl Cluster {
    /// Of one namespace, or of all. Never ends; a broken watch resumes.
    pub fn watch_repositories(
        &self,
        namespace: Option<&str>,
    ) -> impl Stream<Item = RepositoryChange> + Send + use<> {
        let api: Api<Repository> = self.in_namespace(namespace);
        watch(api, watcher::Config::default()).default_backoff().filter_map(|event| {
            std::future::ready(match event {
                Ok(Event::Apply(it) | Event::InitApply(it)) => Some(RepositoryChange::Put(Box::new(it))),
                Ok(Event::Delete(it)) => Some(RepositoryChange::Gone {
                    namespace: it.namespace().unwrap_or_default(),
                    name: it.name_any(),
                }),
                Ok(Event::InitDone) => Some(RepositoryChange::Listed),
                Ok(Event::Init) => Some(RepositoryChange::Listing),
                Err(error) => {
                    tracing::warn!(%error, "the watch on Repositories was interrupted; it will resume");
                    None
                }
            })
        })
    }

    /// Of one namespace, or of all. Never ends; a broken watch resumes.
    pub fn watch_kits(
        &self,
        namespace: Option<&str>,
    ) -> impl Stream<Item = KitChange> + Send + use<> {
        let api: Api<Kit> = self.in_namespace(namespace);
        watch(api, watcher::Config::default())
            .default_backoff()
            .filter_map(|event| {
                std::future::ready(match event {
                    Ok(Event::Apply(it) | Event::InitApply(it)) => {
                        Some(KitChange::Put(Box::new(it)))
                    }
                    Ok(Event::Delete(it)) => Some(KitChange::Gone {
                        namespace: it.namespace().unwrap_or_default(),
                        name: it.name_any(),
                    }),
                    Ok(Event::InitDone) => Some(KitChange::Listed),
                    Ok(Event::Init) => Some(KitChange::Listing),
                    Err(error) => {
                        tracing::warn!(%error, "the watch on Kits was interrupted; it will resume");
                        None
                    }
                })
            })
    }

    /// A Kit or a Repository as it is, and as it becomes. Ends when it is gone.
    pub fn watch_one<K>(&self, object: &K) -> impl Stream<Item = K> + Send + use<K>
    where
        K: Resource<Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug
            + Send
            + 'static,
        K::DynamicType: Default,
    {
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        watch_object(api, &object.name_any())
            .default_backoff()
            .filter_map(|seen| std::future::ready(seen.ok()))
            .take_while(|seen| std::future::ready(seen.is_some()))
            .filter_map(std::future::ready)
    }

    fn in_namespace<K>(&self, namespace: Option<&str>) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }
}
