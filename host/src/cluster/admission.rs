//! What the admission webhook needs of the cluster: its configuration, and who writes.

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::Value;

use crate::manifest::ObjectKey;

use super::{Cluster, ClusterError};

const MANAGER: &str = "trimtab-admission";

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
}
