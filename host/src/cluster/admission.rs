//! What the admission webhook needs of the cluster: its Secret, its configuration, its endpoint.

use std::net::SocketAddr;

use futures::{Stream, StreamExt as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use serde_json::{Value, json};

use crate::manifest::ObjectKey;

use super::{Cluster, ClusterError};

const MANAGER: &str = "trimtab-admission";
const ENTRY: &str = "certificates.json";

/// What the Secret holds, of which version.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredCertificates {
    /// Not to be logged.
    pub bytes: Vec<u8>,
    version: Option<String>,
}

impl StoredCertificates {
    fn of(secret: Secret) -> Self {
        let mut data = secret.data.unwrap_or_default();
        Self {
            bytes: data.remove(ENTRY).map(|it| it.0).unwrap_or_default(),
            version: secret.metadata.resource_version,
        }
    }
}

fn forced() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

impl Cluster {
    /// Who this host is to the API server.
    pub async fn own_user(&self) -> Result<String, ClusterError> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let params = PostParams::default();
        let answer = api.create(&params, &SelfSubjectReview::default()).await?;
        let user = answer.status.and_then(|status| status.user_info);
        Ok(user.and_then(|user| user.username).unwrap_or_default())
    }

    /// Whether the host is writing this object now, as the ServiceAccount of this user name.
    pub fn is_writing(&self, key: &ObjectKey, user: &str) -> bool {
        self.writing.has(key, user)
    }

    /// The Secret with the webhook's certificates: as it is, and whenever it changes; `None` while
    /// it is not there. Never ends; a broken watch resumes.
    pub fn watch_certificates(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Stream<Item = Option<StoredCertificates>> + Send + use<> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut listed = None;
        watch(api, only).default_backoff().filter_map(move |event| {
            std::future::ready(match event {
                Ok(Event::Init) => {
                    listed = None;
                    None
                }
                Ok(Event::InitApply(secret)) => {
                    listed = Some(StoredCertificates::of(secret));
                    None
                }
                Ok(Event::InitDone) => Some(listed.take()),
                Ok(Event::Apply(secret)) => Some(Some(StoredCertificates::of(secret))),
                Ok(Event::Delete(_)) => Some(None),
                Err(error) => {
                    tracing::warn!(%error, "the watch on the admission webhook's Secret was interrupted; it will resume");
                    None
                }
            })
        })
    }

    /// Keeps certificates in place of those that were seen; a conflict if another host was quicker.
    pub async fn put_certificates(
        &self,
        namespace: &str,
        name: &str,
        seen: Option<&StoredCertificates>,
        bytes: Vec<u8>,
    ) -> Result<StoredCertificates, ClusterError> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                resource_version: seen.and_then(|seen| seen.version.clone()),
                ..ObjectMeta::default()
            },
            data: Some([(ENTRY.to_owned(), ByteString(bytes))].into()),
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
        Ok(StoredCertificates::of(kept))
    }

    pub async fn webhooks(&self, name: &str) -> Result<Option<Value>, ClusterError> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        let found = api.get_opt(name).await?;
        let value = found.map(serde_json::to_value).transpose();
        value.map_err(|error| ClusterError::Unreadable(error.to_string()))
    }

    pub async fn put_webhooks(&self, name: &str, body: &Value) -> Result<(), ClusterError> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        api.patch(name, &forced(), &Patch::Apply(body)).await?;
        Ok(())
    }

    /// One that is not there is fine.
    pub async fn remove_webhooks(&self, name: &str) -> Result<(), ClusterError> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        match api.delete(name, &DeleteParams::default()).await {
            Ok(_) => Ok(()),
            Err(error) => match ClusterError::from(error) {
                error if error.is_not_found() => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Leads a Service that has no selector to the host that acts.
    pub async fn put_endpoint(
        &self,
        namespace: &str,
        service: &str,
        address: SocketAddr,
    ) -> Result<(), ClusterError> {
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), namespace);
        let body = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": service,
                "labels": {
                    "kubernetes.io/service-name": service,
                    "endpointslice.kubernetes.io/managed-by": "trimtab",
                },
            },
            "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
            "ports": [{"name": "https", "protocol": "TCP", "port": address.port()}],
            "endpoints": [{"addresses": [address.ip().to_string()], "conditions": {"ready": true}}],
        });
        api.patch(service, &forced(), &Patch::Apply(&body)).await?;
        Ok(())
    }
}
