//! What becomes of an object on its way to the store, before it is validated: the API server resets
//! what is not the author's, and gives it what nobody knows before.

use serde_json::{Value as Json, json};
use trimtab_plugin::Object;

use super::{absent, found, place, put};
use crate::policy::kinds::is_built_in;
use crate::value::{Key, Value};

/// Built-in kinds whose changes the API server counts.
const COUNTED: [(&str, &str); 15] = [
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("", "Pod"),
    ("", "ReplicationController"),
];

/// What the types say before anything has been done.
const STATUS: [((&str, &str), &str); 16] = [
    (("", "Pod"), r#"{"phase":"Pending"}"#),
    (("", "ResourceQuota"), "{}"),
    (
        ("apps", "DaemonSet"),
        r#"{"currentNumberScheduled":0,"desiredNumberScheduled":0,"numberMisscheduled":0,"numberReady":0}"#,
    ),
    (("apps", "Deployment"), "{}"),
    (("apps", "ReplicaSet"), r#"{"replicas":0}"#),
    (
        ("apps", "StatefulSet"),
        r#"{"availableReplicas":0,"replicas":0}"#,
    ),
    (
        ("autoscaling", "HorizontalPodAutoscaler"),
        r#"{"currentMetrics":null,"desiredReplicas":0}"#,
    ),
    (("batch", "CronJob"), "{}"),
    (("batch", "Job"), "{}"),
    (("networking.k8s.io", "Ingress"), r#"{"loadBalancer":{}}"#),
    (
        ("policy", "PodDisruptionBudget"),
        r#"{"currentHealthy":0,"desiredHealthy":0,"disruptionsAllowed":0,"expectedPods":0}"#,
    ),
    (("", "Namespace"), r#"{"phase":"Active"}"#),
    (("", "PersistentVolume"), r#"{"phase":"Pending"}"#),
    (("", "PersistentVolumeClaim"), "{}"),
    (("", "ReplicationController"), r#"{"replicas":0}"#),
    (("", "Service"), r#"{"loadBalancer":{}}"#),
];

/// The older versions' counter of changes to its template.
const DAEMON_SET: &str = "deprecated.daemonset.template.generation";

/// Of what it does is known.
pub fn prepare(object: &Object, value: &mut Json) {
    let of = (object.group(), object.kind());
    if !is_built_in(object) || COUNTED.contains(&of) {
        absent(value, "/metadata", "generation", json!(1));
    }
    if of == ("", "Namespace")
        && let Some(fields) = value.as_object_mut()
    {
        fields.insert("spec".into(), json!({"finalizers": ["kubernetes"]}));
    }
    if of == ("apps", "DaemonSet")
        && let Some(Json::Object(annotations)) = place(value, "/metadata/annotations")
    {
        annotations.insert(DAEMON_SET.into(), json!("1"));
    }
    if let Some((_, status)) = STATUS.iter().find(|(it, _)| *it == of)
        && let (Json::Object(fields), Ok(status)) = (&mut *value, serde_json::from_str(status))
    {
        fields.insert("status".into(), status);
    }
    if let ("batch", "Job") = (object.group(), object.kind())
        && found(value, "/spec/manualSelector") != Some(&json!(true))
        && !object.name().is_empty()
    {
        absent(value, "/spec/template", "metadata", json!({}));
        absent(value, "/spec/template/metadata", "labels", json!({}));
        if let Some(Json::Object(labels)) = place(value, "/spec/template/metadata/labels") {
            for label in ["job-name", "batch.kubernetes.io/job-name"] {
                put(labels, label, json!(object.name()));
            }
        }
    }
}

/// Of what it does is not known.
pub fn mark(object: &Object, value: &mut Value) {
    if object.name().is_empty() {
        unknown(value, &["metadata", "name"]);
    }
    match (object.group(), object.kind()) {
        ("", "Service") if object.at("/spec/type") != "ExternalName" => {
            for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if object.at("/spec")[name].is_null() {
                    unknown(value, &["spec", name]);
                }
            }
        }
        ("", "Pod") => unknown(value, &["status", "qosClass"]),
        ("batch", "Job") if object.at("/spec/manualSelector") != true => {
            unknown(value, &["spec", "selector"]);
            for label in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
                unknown(value, &["spec", "template", "metadata", "labels", label]);
            }
        }
        _ => {}
    }
}

/// Puts something unknown in a place, if there is what it stands in.
pub fn unknown(value: &mut Value, path: &[&str]) {
    let whole = path.join(".");
    put_at(value, path, &whole);
}

fn put_at(value: &mut Value, path: &[&str], whole: &str) {
    let (Value::Map(fields), [name, rest @ ..]) = (&mut *value, path) else {
        return;
    };
    let mut fields = (**fields).clone();
    let key = Key::String((*name).into());
    match (rest, fields.get_mut(&key)) {
        ([], _) => {
            let what = format!("object.{whole}, which the API server gives an object");
            fields.insert(key, Value::Unknown(what.into()));
        }
        (rest, Some(inner)) => put_at(inner, rest, whole),
        (_, None) => {}
    }
    *value = Value::Map(fields.into());
}
