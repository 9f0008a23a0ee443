//! Kinds as people write them, and objects as they are.

use kube::Api;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::manifest::{GroupVersionKind, Scope, Scopes};

use super::{Cluster, ClusterError};

impl Cluster {
    /// The kind that kubectl would take a word for: `service`, `services`, `svc`, `Service`,
    /// `deployment.apps`, `deployments.v1.apps`. The API server says what there is, at each call:
    /// it may have changed.
    pub async fn kind_named(
        &self,
        word: &str,
    ) -> Result<Option<(GroupVersionKind, Scope)>, ClusterError> {
        let (name, of) = word.split_once('.').unwrap_or((word, ""));
        let name = name.to_lowercase();
        let core = self.client.list_core_api_versions_aggregated().await?;
        let groups = self.client.list_api_groups_aggregated().await?;
        // In the API server's own order: of kinds with one name the first is meant.
        for group in core.items.iter().chain(&groups.items) {
            let metadata = group.metadata.as_ref();
            let group_name = metadata.and_then(|it| it.name.clone()).unwrap_or_default();
            for served in &group.versions {
                let version = served.version.clone().unwrap_or_default();
                let meant = of.is_empty()
                    || of == group_name
                    || of == version && group_name.is_empty()
                    || of == format!("{version}.{group_name}");
                if !meant {
                    continue;
                }
                for resource in &served.resources {
                    let kind = resource.response_kind.as_ref();
                    let Some(kind) = kind.and_then(|kind| kind.kind.clone()) else {
                        continue;
                    };
                    let is = |other: &Option<String>| other.as_deref() == Some(&*name);
                    if kind.to_lowercase() == name
                        || is(&resource.resource)
                        || is(&resource.singular_resource)
                        || resource.short_names.contains(&name)
                    {
                        let scope = match resource.scope.as_deref() {
                            Some("Cluster") => Scope::Cluster,
                            _ => Scope::Namespaced,
                        };
                        let gvk = GroupVersionKind {
                            group: group_name.as_str().into(),
                            version: version.as_str().into(),
                            kind: kind.as_str().into(),
                        };
                        return Ok(Some((gvk, scope)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether discovery told of a kind when it was last asked.
    pub fn serves(&self, gvk: &GroupVersionKind) -> bool {
        self.kinds.get(gvk).is_some()
    }

    /// A live object as the API server has it, managedFields and all; nothing if it is not there,
    /// or its kind is not served. Not to be logged: it may be a Secret.
    pub async fn live(
        &self,
        gvk: &GroupVersionKind,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, ClusterError> {
        self.learn_kinds([gvk.clone()], &mut Scopes::default())
            .await?;
        let Some((resource, scope)) = self.kinds.get(gvk) else {
            return Ok(None);
        };
        // With the host's own rights: an account that kits act as may be one that only writes.
        let client = self.client.clone();
        let api: Api<DynamicObject> = match (namespace, scope) {
            (Some(namespace), Scope::Namespaced) => {
                Api::namespaced_with(client, namespace, &resource)
            }
            _ => Api::all_with(client, &resource),
        };
        let Some(found) = api.get_opt(name).await? else {
            return Ok(None);
        };
        let mut object = serde_json::to_value(found)
            .map_err(|error| ClusterError::Unreadable(error.to_string()))?;
        let of = |field: &str, wanted: &str| object[field].as_str().is_none_or(|it| it == wanted);
        if !of("apiVersion", &gvk.api_version()) || !of("kind", &gvk.kind) {
            return Err(ClusterError::Unreadable(format!(
                "the API server gave another object than the {} that was asked for",
                gvk.kind
            )));
        }
        object["apiVersion"] = gvk.api_version().into();
        object["kind"] = (&*gvk.kind).into();
        Ok(Some(object))
    }
}
