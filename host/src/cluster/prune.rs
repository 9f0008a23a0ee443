//! Deleting what left a kit, and letting go of what stays.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind as Gvk};
use serde_json::json;

use crate::health::Health;
use crate::kit::Propagation;
use crate::manifest::{Finding, ObjectKey, Severity};
use crate::plan::{MADE_FOR_ANNOTATION, PART_OF_LABEL, Prune, SetId, is_kept};

use super::connect::WRITE_DEADLINE;
use super::managed_fields::{ObjectApi, is_applied_by, kit_fields, rewrite};
use super::seen::Seen;
use super::{Cluster, ClusterError};

/// Tries of one deletion, with 0.1, 0.2, 0.4 … s between those that the API server was too busy for.
const TRIES: u32 = 5;

/// What became of deletions.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Objects whose deletion was asked for and granted; finalizers may still hold them.
    pub deleted: Vec<ObjectKey>,
    /// Objects that were let go: they stay, and are the kit's no longer.
    pub released: Vec<ObjectKey>,
    /// Each object that was not deleted, and why.
    pub findings: Vec<Finding>,
}

/// What became of one deletion.
enum Ended {
    Granted,
    /// It is gone, or no longer the kit's.
    NotThere,
    /// It has to stay for now.
    Stays(Box<Finding>),
}

impl Cluster {
    /// Deletes all of these at once; each delete carries the uid and the resourceVersion that were
    /// seen, and is given up if the object is no longer the kit's. Each that is granted is told of.
    pub async fn prune(
        &self,
        now: &[Prune],
        owner: &SetId,
        propagation: Propagation,
        granted: &(dyn Fn(&ObjectKey) + Send + Sync),
    ) -> Pruned {
        let mut results: FuturesUnordered<_> = now
            .iter()
            .map(|prune| async move { (prune, self.delete(prune, owner, propagation).await) })
            .collect();
        let mut pruned = Pruned::default();
        while let Some((prune, result)) = results.next().await {
            match result {
                Ok(Ended::Granted) => {
                    granted(&prune.key);
                    pruned.deleted.push(prune.key.clone());
                }
                Ok(Ended::NotThere) => {}
                Ok(Ended::Stays(finding)) => pruned.findings.push(*finding),
                Err(error) => pruned.findings.push(failure(prune, "not deleted", &error)),
            }
        }
        pruned.deleted.sort();
        pruned
    }

    /// Takes the kit's label and field manager off objects that stay when they leave the kit.
    pub async fn release(&self, released: &[Prune], manager: &str) -> Pruned {
        let mut pruned = Pruned::default();
        for prune in released {
            let Some(api) = self.object_api(&prune.key) else {
                // A kind that is not served has no objects.
                self.watched.forget(&prune.key, &prune.uid);
                continue;
            };
            let _writing = self.writing.begin(&prune.key, self.account.as_ref());
            let ours = |meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
                (meta.uid.as_deref() == Some(&*prune.uid)).then(|| {
                    let entries = meta.managed_fields.clone().unwrap_or_default();
                    entries
                        .into_iter()
                        .filter(|entry| !is_applied_by(entry, manager))
                        .collect()
                })
            };
            match rewrite(&api, &prune.key.name, &[PART_OF_LABEL], ours).await {
                Ok(_) => {
                    self.watched.forget(&prune.key, &prune.uid);
                    pruned.released.push(prune.key.clone());
                }
                Err(error) => pruned.findings.push(failure(prune, "not let go", &error)),
            }
        }
        pruned
    }

    /// Takes from namespaces that the host made the mark that lets it delete them: there is in them
    /// what is to stay.
    pub async fn spare(&self, namespaces: &[Arc<str>]) -> Result<(), ClusterError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        for name in namespaces {
            let patch = json!({"metadata": {"annotations": {MADE_FOR_ANNOTATION: null}}});
            let params = PatchParams::default();
            match api
                .patch_metadata(name, &params, &Patch::Merge(&patch))
                .await
            {
                Ok(answer) => self.watched.made_namespace(name, &answer.metadata),
                Err(error) => match ClusterError::from(error) {
                    error if error.is_not_found() => {}
                    error => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// What became of the object.
    async fn delete(
        &self,
        prune: &Prune,
        owner: &SetId,
        propagation: Propagation,
    ) -> Result<Ended, ClusterError> {
        let Some(api) = self.object_api(&prune.key) else {
            // A kind that is not served has no objects.
            self.watched.forget(&prune.key, &prune.uid);
            return Ok(Ended::NotThere);
        };
        if &*prune.key.group_kind.kind == "CustomResourceDefinition"
            && let Some(finding) = self.in_use(prune).await?
        {
            return Ok(Ended::Stays(Box::new(finding)));
        }
        let mut version = prune.resource_version.to_string();
        let mut tries = 0;
        loop {
            tries += 1;
            let params = DeleteParams {
                propagation_policy: Some(match propagation {
                    Propagation::Background => PropagationPolicy::Background,
                    Propagation::Foreground => PropagationPolicy::Foreground,
                }),
                preconditions: Some(Preconditions {
                    uid: Some(prune.uid.to_string()),
                    resource_version: Some(version.clone()),
                }),
                ..DeleteParams::default()
            };
            let deletion =
                tokio::time::timeout(WRITE_DEADLINE, api.delete(&prune.key.name, &params));
            let result = match self.writes.take(deletion).await {
                Ok(result) => result.map_err(ClusterError::from),
                Err(_) => Err(ClusterError::TimedOut(WRITE_DEADLINE.as_secs())),
            };
            match result {
                Ok(answer) => {
                    match answer.left() {
                        Some(object) => {
                            let seen = Seen {
                                metadata: object.metadata,
                                health: Health::Terminating,
                            };
                            self.watched.deleting(&prune.key, &seen);
                        }
                        None => self.watched.forget(&prune.key, &prune.uid),
                    }
                    return Ok(Ended::Granted);
                }
                Err(error) if error.is_not_found() => {
                    self.watched.forget(&prune.key, &prune.uid);
                    return Ok(Ended::NotThere);
                }
                Err(error) if error.is_conflict() && tries < TRIES => {
                    match self.still_ours(&api, prune, owner).await? {
                        Some(newer) => version = newer,
                        None => return Ok(Ended::NotThere),
                    }
                }
                Err(error) if error.is_passing() && tries < TRIES => {
                    tokio::time::sleep(super::apply::pause(tries)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The newest version of an object that changed since it was seen, if it is still to be deleted.
    async fn still_ours(
        &self,
        api: &ObjectApi,
        prune: &Prune,
        owner: &SetId,
    ) -> Result<Option<String>, ClusterError> {
        let Some(found) = api.get_metadata_opt(&prune.key.name).await? else {
            self.watched.forget(&prune.key, &prune.uid);
            return Ok(None);
        };
        let metadata = found.metadata;
        let has = |map: &Option<std::collections::BTreeMap<String, String>>, name: &str| {
            map.as_ref().and_then(|map| map.get(name)).cloned()
        };
        let namespace = &*prune.key.group_kind.kind == "Namespace";
        let ours = metadata.uid.as_deref() == Some(&*prune.uid)
            && (namespace
                || has(&metadata.labels, PART_OF_LABEL).as_deref() == Some(owner.as_str())
                    && kit_fields(&metadata).is_some())
            && !is_kept(|name| metadata.annotations.as_ref()?.get(name).map(String::as_str));
        Ok(metadata.resource_version.filter(|_| ours))
    }

    /// A CustomResourceDefinition takes all objects of its kind along, whoever made them.
    async fn in_use(&self, prune: &Prune) -> Result<Option<Finding>, ClusterError> {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let Some(definition) = api.get_opt(&prune.key.name).await? else {
            return Ok(None);
        };
        let spec = definition.spec;
        let Some(version) = spec.versions.iter().find(|version| version.served) else {
            return Ok(None);
        };
        let gvk = Gvk::gvk(&spec.group, &version.name, &spec.names.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, &spec.names.plural);
        let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let found = all.list_metadata(&ListParams::default().limit(1)).await?;
        Ok(found.items.first().map(|object| {
            let name = object.metadata.name.clone().unwrap_or_default();
            let place = object.metadata.namespace.clone();
            let message = format!(
                "{} stays: there are objects of its kind, such as {}{name}, and they would be lost with it",
                prune.key,
                place.map(|it| format!("{it}/")).unwrap_or_default()
            );
            let mut finding = Finding::host_error("definition-in-use", message)
                .about(prune.key.clone())
                .hint("delete them, or keep the definition in the kit");
            finding.severity = Severity::Warning;
            finding.origin.clone_from(&prune.origin);
            finding
        }))
    }

    pub(super) fn object_api(&self, key: &ObjectKey) -> Option<ObjectApi> {
        let resource = self.kinds.any_version(&key.group_kind)?;
        Some(match &key.namespace {
            Some(namespace) => Api::namespaced_with(self.acting.clone(), namespace, &resource),
            None => Api::all_with(self.acting.clone(), &resource),
        })
    }
}

fn failure(prune: &Prune, what: &str, error: &ClusterError) -> Finding {
    let message = format!("{} was {what}: {error}", prune.key);
    let mut finding = Finding::host_error("delete-failed", message)
        .about(prune.key.clone())
        .hint("it will be tried again");
    finding.origin.clone_from(&prune.origin);
    finding
}
