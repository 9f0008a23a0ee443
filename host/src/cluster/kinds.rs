//! Which kinds the API server serves, by discovery.

use std::collections::HashMap;
use std::sync::RwLock;

use kube::Client;
use kube::core::ApiResource;
use serde_json::Value;

use crate::manifest::{GroupKind, GroupVersionKind, Scope, Scopes};

use super::{Cluster, ClusterError};

/// What discovery told last.
pub(super) struct Kinds {
    client: Client,
    served: RwLock<HashMap<GroupVersionKind, (ApiResource, Scope)>>,
}

/// A kind that the API server does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    pub gvk: GroupVersionKind,
    /// Versions of the same kind that it does serve.
    pub other_versions: Vec<String>,
}

impl Kinds {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            served: RwLock::default(),
        }
    }

    pub(super) fn get(&self, gvk: &GroupVersionKind) -> Option<(ApiResource, Scope)> {
        self.read().get(gvk).cloned()
    }

    /// The served version of a kind; any, if there are several.
    pub(super) fn any_version(&self, kind: &GroupKind) -> Option<ApiResource> {
        let served = self.read();
        let mut found: Vec<_> = served
            .iter()
            .filter(|(gvk, _)| gvk.group_kind() == *kind)
            .collect();
        found.sort_by(|a, b| a.0.version.cmp(&b.0.version));
        found.first().map(|(_, (resource, _))| resource.clone())
    }

    fn read(
        &self,
    ) -> std::sync::RwLockReadGuard<'_, HashMap<GroupVersionKind, (ApiResource, Scope)>> {
        self.served
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Learns from a CRD that is established: discovery would tell the same, a little later.
    pub(super) fn define(&self, definition: &Value) {
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
        let (Some(group), Some(kind), Some(plural)) = (
            text("/spec/group"),
            text("/spec/names/kind"),
            text("/spec/names/plural"),
        ) else {
            return;
        };
        let scope = if text("/spec/scope") == Some("Cluster") {
            Scope::Cluster
        } else {
            Scope::Namespaced
        };
        let versions = definition
            .pointer("/spec/versions")
            .and_then(Value::as_array);
        let served = |version: &&Value| version["served"].as_bool() == Some(true);
        let mut known = self
            .served
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for version in versions.into_iter().flatten().filter(served) {
            let Some(version) = version["name"].as_str() else {
                continue;
            };
            let gvk = GroupVersionKind {
                group: group.into(),
                version: version.into(),
                kind: kind.into(),
            };
            let resource = ApiResource {
                group: group.to_owned(),
                version: version.to_owned(),
                api_version: gvk.api_version(),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
            };
            known.insert(gvk, (resource, scope));
        }
    }

    /// Two requests (aggregated discovery), however many groups there are.
    async fn refresh(&self) -> Result<(), ClusterError> {
        let core = self.client.list_core_api_versions_aggregated().await?;
        let groups = self.client.list_api_groups_aggregated().await?;
        let mut served = HashMap::new();
        for group in core.items.iter().chain(&groups.items) {
            let name = group
                .metadata
                .as_ref()
                .and_then(|meta| meta.name.clone())
                .unwrap_or_default();
            for version in &group.versions {
                let version_name = version.version.clone().unwrap_or_default();
                for resource in &version.resources {
                    let Some(kind) = resource
                        .response_kind
                        .as_ref()
                        .and_then(|kind| kind.kind.clone())
                    else {
                        continue;
                    };
                    let gvk = GroupVersionKind {
                        group: name.as_str().into(),
                        version: version_name.as_str().into(),
                        kind: kind.as_str().into(),
                    };
                    let cluster = resource.scope.as_deref() == Some("Cluster");
                    let api = ApiResource {
                        group: name.clone(),
                        version: version_name.clone(),
                        api_version: gvk.api_version(),
                        kind,
                        plural: resource.resource.clone().unwrap_or_default(),
                    };
                    served.insert(
                        gvk,
                        (
                            api,
                            if cluster {
                                Scope::Cluster
                            } else {
                                Scope::Namespaced
                            },
                        ),
                    );
                }
            }
        }
        *self
            .served
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = served;
        Ok(())
    }
}

impl Cluster {
    /// Teaches `scopes` the kinds in question; asks the API server only if one of them is not
    /// known yet. Gives those that it does not serve.
    pub async fn learn_kinds(
        &self,
        kinds: impl IntoIterator<Item = GroupVersionKind>,
        scopes: &mut Scopes,
    ) -> Result<Vec<Unserved>, ClusterError> {
        let mut kinds: Vec<GroupVersionKind> = kinds.into_iter().collect();
        kinds.sort();
        kinds.dedup();
        if kinds.iter().any(|gvk| self.kinds.get(gvk).is_none()) {
            self.kinds.refresh().await?;
        }
        let mut unserved = Vec::new();
        for gvk in kinds {
            match self.kinds.get(&gvk) {
                Some((_, scope)) => scopes.learn(gvk.group_kind(), scope),
                None => unserved.push(Unserved {
                    other_versions: self.versions_of(&gvk.group_kind()),
                    gvk,
                }),
            }
        }
        Ok(unserved)
    }

    /// Asks the API server for all that it serves.
    pub async fn discover(&self) -> Result<(), ClusterError> {
        self.kinds.refresh().await
    }

    /// Other versions of a kind; in other groups, if its own has none: kinds have moved.
    fn versions_of(&self, kind: &GroupKind) -> Vec<String> {
        let served = self.kinds.read();
        let versions = |same: &dyn Fn(&GroupVersionKind) -> bool| {
            let mut found: Vec<String> = served
                .keys()
                .filter(|gvk| same(gvk))
                .map(GroupVersionKind::api_version)
                .collect();
            found.sort();
            found
        };
        let own = versions(&|gvk| gvk.group_kind() == *kind);
        if own.is_empty() {
            versions(&|gvk| gvk.kind == kind.kind)
        } else {
            own
        }
    }
}
