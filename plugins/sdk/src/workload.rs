//! Pods, in whatever kind of object they stand.

use serde_json::Value;

use crate::Object;

/// The part of an object that describes its Pods.
pub struct PodSpec<'o> {
    /// RFC 6901 pointer to it.
    pub pointer: &'static str,
    pub spec: &'o Value,
    /// The Pods' labels.
    pub labels: &'o Value,
}

/// The Pods of a Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob.
pub fn pod_spec(object: &Object) -> Option<PodSpec<'_>> {
    let (pointer, labels) = match (object.group(), object.kind()) {
        ("", "Pod") => ("/spec", "/metadata/labels"),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
            ("/spec/template/spec", "/spec/template/metadata/labels")
        }
        ("batch", "CronJob") => (
            "/spec/jobTemplate/spec/template/spec",
            "/spec/jobTemplate/spec/template/metadata/labels",
        ),
        _ => return None,
    };
    Some(PodSpec {
        pointer,
        spec: object.at(pointer),
        labels: object.at(labels),
    })
}

impl<'o> PodSpec<'o> {
    /// Containers of every sort with their pointers.
    pub fn containers(&self) -> Vec<(String, &'o Value)> {
        let mut found = Vec::new();
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            for (index, container) in self.spec[list].as_array().into_iter().flatten().enumerate() {
                found.push((format!("{}/{list}/{index}", self.pointer), container));
            }
        }
        found
    }
}
