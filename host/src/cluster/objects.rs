//! The host's own objects: CRDs, Secrets, Repositories, Kits.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::kit::{
    Kit, KitSpec, KitStatus, PRUNE_FINALIZER, REPOSITORY_LABEL, REQUESTED_ANNOTATION, Repository,
    RepositoryStatus,
};
use crate::plan::SetId;

use super::{Cluster, ClusterError};

/// The field manager of what the host writes for itself.
const MANAGER: &str = "trimtab";

pub(super) fn forced() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

fn requested(now: &str) -> Value {
    json!({"metadata": {"annotations": {REQUESTED_ANNOTATION: now}}})
}

impl Cluster {
    /// Applies the CRDs and waits until they are served.
    pub async fn install(
        &self,
        definitions: &[CustomResourceDefinition],
    ) -> Result<(), ClusterError> {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        for definition in definitions {
            api.patch(&definition.name_any(), &forced(), &Patch::Apply(definition))
                .await?;
        }
        for definition in definitions {
            let name = definition.name_any();
            let served = await_condition(api.clone(), &name, conditions::is_crd_established());
            match tokio::time::timeout(Duration::from_secs(30), served).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(ClusterError::Unreachable(error.to_string())),
                Err(_) => return Err(ClusterError::TimedOut(30)),
            }
        }
        Ok(())
    }

    /// Writes a Repository, as `trimtab run --file` was given it; its namespace is made if missing.
    pub async fn put_repository(
        &self,
        namespace: &str,
        repository: &Repository,
    ) -> Result<(), ClusterError> {
        self.make_namespace(namespace).await?;
        let body = json!({
            "apiVersion": "trimtab.io/v1alpha1", "kind": "Repository",
            "metadata": {"name": repository.name_any(), "namespace": namespace},
            "spec": repository.spec,
        });
        let api: Api<Repository> = Api::namespaced(self.client.clone(), namespace);
        api.patch(&repository.name_any(), &forced(), &Patch::Apply(&body))
            .await?;
        Ok(())
    }

    /// Makes a namespace of the host's own, if it is missing.
    pub async fn make_namespace(&self, namespace: &str) -> Result<(), ClusterError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if namespaces.get_metadata_opt(namespace).await?.is_none() {
            let body =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            namespaces
                .patch(namespace, &forced(), &Patch::Apply(&body))
                .await?;
        }
        Ok(())
    }

    /// Sorted by namespace and name.
    pub async fn list_repositories(&self) -> Result<Vec<Repository>, ClusterError> {
        let api: Api<Repository> = Api::all(self.client.clone());
        let mut all = api.list(&ListParams::default()).await?.items;
        all.sort_by_key(|repository| (repository.namespace(), repository.name_any()));
        Ok(all)
    }

    /// Sorted by namespace and name.
    pub async fn list_kits(&self) -> Result<Vec<Kit>, ClusterError> {
        let api: Api<Kit> = Api::all(self.client.clone());
        let mut all = api.list(&ListParams::default()).await?.items;
        all.sort_by_key(|kit| (kit.namespace(), kit.name_any()));
        Ok(all)
    }

    /// A Secret's entries. Not to be logged.
    pub async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BTreeMap<String, Vec<u8>>, ClusterError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let data = api.get(name).await?.data.unwrap_or_default();
        Ok(data
            .into_iter()
            .map(|(key, value)| (key, value.0))
            .collect())
    }

    /// A ConfigMap's entries.
    pub async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BTreeMap<String, Vec<u8>>, ClusterError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get(name).await?;
        let texts = found.data.unwrap_or_default().into_iter();
        let bytes = found.binary_data.unwrap_or_default().into_iter();
        let texts = texts.map(|(key, value)| (key, value.into_bytes()));
        Ok(texts
            .chain(bytes.map(|(key, value)| (key, value.0)))
            .collect())
    }

    /// Makes a kit's object (`new`), or brings its metadata up to date; its spec is left to people.
    /// `metadata` is that of an ApplySet's parent.
    pub async fn put_kit(
        &self,
        namespace: &str,
        name: &str,
        repository: &str,
        owner: &Repository,
        metadata: &Value,
        new: bool,
    ) -> Result<Kit, ClusterError> {
        let mut metadata = metadata.clone();
        metadata["name"] = name.into();
        metadata["namespace"] = namespace.into();
        metadata["labels"][REPOSITORY_LABEL] = repository.into();
        metadata["ownerReferences"] = json!([{
            "apiVersion": "trimtab.io/v1alpha1", "kind": "Repository",
            "name": owner.name_any(), "uid": owner.uid().unwrap_or_default(),
        }]);
        let body =
            json!({"apiVersion": "trimtab.io/v1alpha1", "kind": "Kit", "metadata": metadata});
        let api: Api<Kit> = Api::namespaced(self.client.clone(), namespace);
        if new {
            // A create costs the API server less than an apply.
            let mut kit = Kit::new(name, KitSpec::default());
            if let Ok(metadata) = serde_json::from_value(body["metadata"].clone()) {
                kit.metadata = metadata;
            }
            let params = PostParams {
                field_manager: Some(MANAGER.into()),
                ..PostParams::default()
            };
            let created = self.writes.take(api.create(&params, &kit)).await;
            match created.map_err(ClusterError::from) {
                Err(error) if error.is_conflict() => {}
                created => return created,
            }
        }
        let patch = Patch::Apply(&body);
        let params = forced();
        let write = api.patch(name, &params, &patch);
        Ok(self.writes.take(write).await?)
    }

    /// Asks the host to look at a kit now, and says so in fields of its spec, as
    /// `allowDeletions` with the revision that is let through.
    pub async fn request_kit(
        &self,
        kit: &Kit,
        now: &str,
        said: &BTreeMap<&str, String>,
    ) -> Result<(), ClusterError> {
        let mut patch = requested(now);
        if !said.is_empty() {
            patch["spec"] = json!(said);
        }
        self.patched(kit, &patch).await.map(|_| ())
    }

    /// Asks the host to poll a Repository now.
    pub async fn request_repository(
        &self,
        repository: &Repository,
        now: &str,
    ) -> Result<(), ClusterError> {
        self.patched(repository, &requested(now)).await.map(|_| ())
    }

    /// Says in fields of a spec what a person wants of a Kit or a Repository; `null` takes one out.
    pub async fn ask<K>(&self, object: &K, spec: &Value) -> Result<K, ClusterError>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
        K::DynamicType: Default,
    {
        self.patched(object, &json!({"spec": spec})).await
    }

    async fn patched<K>(&self, object: &K, patch: &Value) -> Result<K, ClusterError>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        let params = PatchParams {
            field_manager: Some("trimtab-cli".into()),
            ..PatchParams::default()
        };
        let name = object.name_any();
        Ok(api.patch(&name, &params, &Patch::Merge(patch)).await?)
    }

    /// Deletes a kit's object; one of another uid is left, and one that is gone already is fine.
    pub async fn delete_kit(
        &self,
        namespace: &str,
        name: &str,
        uid: Option<&str>,
    ) -> Result<(), ClusterError> {
        let api: Api<Kit> = Api::namespaced(self.client.clone(), namespace);
        let params = DeleteParams {
            preconditions: uid.map(|uid| Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match api.delete(name, &params).await.map_err(ClusterError::from) {
            Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
            _ => {
                let set = SetId::of_kit(name, namespace);
                self.watched.health_rules().forget(&set);
                Ok(())
            }
        }
    }

    pub async fn put_kit_status(
        &self,
        namespace: &str,
        name: &str,
        status: &KitStatus,
    ) -> Result<Kit, ClusterError> {
        let body = json!({
            "apiVersion": "trimtab.io/v1alpha1", "kind": "Kit",
            "metadata": {"name": name}, "status": status,
        });
        let api: Api<Kit> = Api::namespaced(self.client.clone(), namespace);
        let (params, patch) = (forced(), Patch::Apply(&body));
        let write = api.patch_status(name, &params, &patch);
        let written = self.writes.take(write).await?;
        let others = written.status.as_ref().and_then(|it| beside(it, status));
        let Some(others) = others else {
            return Ok(written);
        };
        // Fields of other managers stay when a status is applied without them.
        let patch = Patch::Merge(json!({"status": others}));
        let params = PatchParams::default();
        let write = api.patch_status(name, &params, &patch);
        Ok(self.writes.take(write).await?)
    }

    /// Puts the finalizer that holds a Repository until its objects are deleted on it, or takes
    /// it off. Those of others stay.
    pub async fn hold_repository(
        &self,
        repository: &Repository,
        hold: bool,
    ) -> Result<(), ClusterError> {
        let namespace = repository.namespace().unwrap_or_default();
        let api: Api<Repository> = Api::namespaced(self.client.clone(), &namespace);
        // Of a field manager of its own: the Repository may have been applied by this host, too.
        let params = PatchParams::apply("trimtab-finalizer").force();
        let finalizers: &[&str] = if hold { &[PRUNE_FINALIZER] } else { &[] };
        let body = json!({
            "apiVersion": "trimtab.io/v1alpha1", "kind": "Repository",
            "metadata": {"name": repository.name_any(), "finalizers": finalizers},
        });
        let name = repository.name_any();
        match api.patch(&name, &params, &Patch::Apply(&body)).await {
            Ok(_) => Ok(()),
            Err(error) => match ClusterError::from(error) {
                error if error.is_not_found() && !hold => Ok(()),
                error => Err(error),
            },
        }
    }

    pub async fn put_repository_status(
        &self,
        namespace: &str,
        name: &str,
        status: &RepositoryStatus,
    ) -> Result<(), ClusterError> {
        let body = json!({
            "apiVersion": "trimtab.io/v1alpha1", "kind": "Repository",
            "metadata": {"name": name}, "status": status,
        });
        let api: Api<Repository> = Api::namespaced(self.client.clone(), namespace);
        api.patch_status(name, &forced(), &Patch::Apply(&body))
            .await?;
        Ok(())
    }
}

/// What a status has beside what it was to have, as a merge patch that takes it out.
fn beside(written: &KitStatus, wanted: &KitStatus) -> Option<Value> {
    fn patch(written: &Value, wanted: Option<&Value>) -> Option<Value> {
        let (Value::Object(fields), Some(wanted)) = (written, wanted) else {
            return wanted.is_none().then_some(Value::Null);
        };
        let fields = fields.iter();
        let others =
            fields.filter_map(|(name, it)| Some((name.clone(), patch(it, wanted.get(name))?)));
        let others: serde_json::Map<String, Value> = others.collect();
        (!others.is_empty()).then_some(Value::Object(others))
    }
    let [written, wanted] = [written, wanted].map(|it| serde_json::to_value(it).ok());
    patch(&written?, Some(&wanted?))
}
