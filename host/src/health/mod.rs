//! Whether a live object is as it should be: an object in, its health out. Pure: no clock, no
//! client. By the rules of kstatus (sigs.k8s.io/cli-utils) for every kind, with knowledge of the
//! built-in ones; where it differs from kstatus, the function says so.

mod conditions;
mod pods;
mod resources;
mod ruled;
#[cfg(test)]
mod tests;
mod workloads;

use std::fmt;

use serde_json::Value;

use crate::kit::HealthRule;

pub use pods::trouble;

/// What an object's health is, with what a person would want to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// As its spec says.
    #[default]
    Current,
    /// On its way there.
    Progressing(String),
    /// It will not get there by itself, as far as can be told; it may recover all the same.
    Failed(String),
    /// Its deletion was asked for.
    Terminating,
}

impl Health {
    pub fn is_current(&self) -> bool {
        *self == Self::Current
    }

    /// Empty where there is nothing to say.
    pub fn message(&self) -> &str {
        match self {
            Self::Current => "",
            Self::Progressing(message) | Self::Failed(message) => message,
            Self::Terminating => "is being deleted",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Progressing(_) => "progressing",
            Self::Failed(_) => "failed",
            Self::Terminating => "terminating",
        })
    }
}

/// Kinds, by group and kind, that have no status: they are as they should be as soon as they are
/// there. What these hold need not be looked at, and, as with Secrets, had better not be.
const STATUSLESS: [(&str, &str); 22] = [
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "ServiceAccount"),
    ("", "LimitRange"),
    ("", "Endpoints"),
    ("", "Event"),
    ("", "PodTemplate"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("networking.k8s.io", "IngressClass"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ),
];

/// Whether objects of a kind have no health of their own.
pub fn is_statusless(group: &str, kind: &str) -> bool {
    STATUSLESS.contains(&(group, kind))
}

/// The health of a Job or Pod of which nothing counts but its end, as Helm sees its hooks: one that
/// is suspended, or Ready, has not ended.
pub fn ended(object: &Value) -> Health {
    let health = assess(object, &[]);
    let complete = match object["kind"].as_str() {
        Some("Job") => conditions::is(object, "Complete", "True"),
        _ => object["status"]["phase"] == "Succeeded",
    };
    match health.is_current() && !complete {
        true if object["kind"] == "Job" => Health::Progressing("it is suspended".into()),
        true => Health::Progressing("it has not ended yet".into()),
        false => health,
    }
}

/// An object's health, by what it says of itself, and by the first of its kit's rules that is for
/// its kind.
pub fn assess(object: &Value, rules: &[HealthRule]) -> Health {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Health::Terminating;
    }
    let generation = object["metadata"]["generation"].as_i64();
    let observed = object["status"]["observedGeneration"].as_i64();
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed < generation
    {
        let message = "its controller has not seen the newest spec yet";
        return Health::Progressing(message.into());
    }
    let group = object["apiVersion"]
        .as_str()
        .and_then(|version| version.split_once('/'))
        .map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default();
    let for_it = |rule: &&HealthRule| *rule.kind.group == *group && *rule.kind.kind == *kind;
    if let Some(rule) = rules.iter().find(for_it) {
        return ruled::ruled(object, rule);
    }
    match (group, kind) {
        ("apps", "Deployment") => workloads::deployment(object),
        ("apps", "StatefulSet") => workloads::stateful_set(object),
        ("apps", "DaemonSet") => workloads::daemon_set(object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => workloads::replica_set(object),
        ("batch", "Job") => workloads::job(object),
        ("", "Pod") => pods::pod(object),
        ("", "PersistentVolumeClaim") => resources::volume_claim(object),
        ("", "Service") => resources::service(object),
        ("", "Namespace") => resources::namespace(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => resources::definition(object),
        ("apiregistration.k8s.io", "APIService") => resources::api_service(object),
        ("autoscaling", "HorizontalPodAutoscaler") => resources::autoscaler(object),
        // A CronJob's last run says nothing of the CronJob, and many controllers give no address
        // to an Ingress.
        ("batch", "CronJob") | ("networking.k8s.io", "Ingress") => Health::Current,
        _ => conditions::conventional(object),
    }
}
