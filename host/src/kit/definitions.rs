//! The CustomResourceDefinitions of the host's own kinds.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON,
};
use kube::CustomResourceExt as _;

use super::{Kit, Repository};

/// Repository and Kit, in this order. Kit is marked as a kind of ApplySet parents (KEP-3659).
pub fn custom_resource_definitions() -> Vec<CustomResourceDefinition> {
    let mut kit = Kit::crd();
    let parent = (
        "applyset.kubernetes.io/is-parent-type".to_owned(),
        "true".to_owned(),
    );
    kit.metadata.labels = Some(BTreeMap::from([parent]));
    // The host makes Kits without a spec: that is people's.
    for version in &mut kit.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            schema.required = None;
            let spec = schema
                .properties
                .as_mut()
                .and_then(|properties| properties.get_mut("spec"));
            if let Some(spec) = spec {
                spec.default = Some(JSON(serde_json::json!({})));
            }
        }
    }
    vec![Repository::crd(), kit]
}
