//! Reports of a kit's findings.

use kube::Api;
use kube::api::{DeleteParams, Patch};
use kube::core::{ApiResource, DynamicObject};
use serde_json::Value;

use super::objects::forced;
use super::{Cluster, ClusterError};
use crate::kit::ReportKind;

impl Cluster {
    /// Writes a report whole. False if the API server does not serve its kind.
    pub async fn put_report(
        &self,
        kind: &ReportKind,
        namespace: &str,
        name: &str,
        report: &Value,
    ) -> Result<bool, ClusterError> {
        let api = self.reports(kind, namespace);
        let patch = Patch::Apply(report);
        let params = forced();
        let write = api.patch(name, &params, &patch);
        match self.writes.take(write).await.map_err(ClusterError::from) {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One that is gone already is fine.
    pub async fn delete_report(
        &self,
        kind: &ReportKind,
        namespace: &str,
        name: &str,
    ) -> Result<(), ClusterError> {
        let api = self.reports(kind, namespace);
        let deleted = api.delete(name, &DeleteParams::default()).await;
        match deleted.map_err(ClusterError::from) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    fn reports(&self, kind: &ReportKind, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: kind.gvk.group.to_string(),
            version: kind.gvk.version.to_string(),
            api_version: kind.gvk.api_version(),
            kind: kind.gvk.kind.to_string(),
            plural: kind.plural.to_owned(),
        };
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }
}
