//! An object as policies see it: the API server fills in what a manifest leaves out first. Known
//! here are the fields that policies ask for most.

use serde_json::{Map, Value as Json, json};
use trimtab_plugin::{Object, pod_spec};

use crate::library::quantity::Quantity;
use crate::value::{Key, Value};

/// When the object is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Mutating,
    /// After the API server has given it a uid and the like.
    Validating,
    /// It is another's parameter.
    Stored,
}

/// What only the API server gives an object.
const GIVEN: [&str; 3] = ["uid", "creationTimestamp", "managedFields"];

pub fn as_admitted(object: &Object, namespace: &str, admission: Admission) -> Value {
    let mut value = object.value.clone();
    fill(object, &mut value, namespace);
    let value = Value::from_json(&value);
    match admission {
        Admission::Validating => with_unknown(value),
        _ => value,
    }
}

fn with_unknown(value: Value) -> Value {
    let Value::Map(fields) = value else {
        return value;
    };
    let mut fields = (*fields).clone();
    if let Some(Value::Map(metadata)) = fields.get_mut(&Key::String("metadata".into())) {
        let mut given = (**metadata).clone();
        let mut unknown = |name: &str| {
            let what = format!("object.metadata.{name}, which the API server gives an object");
            given.insert(Key::String(name.into()), Value::Unknown(what.into()));
        };
        GIVEN.into_iter().for_each(&mut unknown);
        let name = Key::String("name".into());
        if !metadata.contains_key(&name) {
            unknown("name");
        }
        given
            .entry(Key::String("generation".into()))
            .or_insert(Value::Int(1));
        *metadata = given.into();
    }
    Value::Map(fields.into())
}

/// Puts in what the API server would.
pub fn fill(object: &Object, value: &mut Json, namespace: &str) {
    if !namespace.is_empty() {
        absent(value, "/metadata", "namespace", json!(namespace));
    }
    if let Some(pods) = pod_spec(object) {
        let pointer = pods.pointer.to_string();
        pod(value, &pointer, object.kind());
    }
    match (object.group(), object.kind()) {
        ("apps", "Deployment") => {
            absent(value, "/spec", "replicas", json!(1));
            absent(value, "/spec", "revisionHistoryLimit", json!(10));
            absent(value, "/spec", "progressDeadlineSeconds", json!(600));
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
            absent(value, "/spec", "strategy", rolling);
        }
        ("apps", "StatefulSet") => {
            absent(value, "/spec", "replicas", json!(1));
            absent(value, "/spec", "revisionHistoryLimit", json!(10));
            absent(value, "/spec", "podManagementPolicy", json!("OrderedReady"));
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
            absent(value, "/spec", "updateStrategy", rolling);
            let kept = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
            absent(value, "/spec", "persistentVolumeClaimRetentionPolicy", kept);
        }
        ("apps", "DaemonSet") => {
            absent(value, "/spec", "revisionHistoryLimit", json!(10));
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
            absent(value, "/spec", "updateStrategy", rolling);
        }
        ("apps", "ReplicaSet") | ("", "ReplicationController") => {
            absent(value, "/spec", "replicas", json!(1));
        }
        ("batch", "Job") => job(value, "/spec"),
        ("batch", "CronJob") => {
            absent(value, "/spec", "concurrencyPolicy", json!("Allow"));
            absent(value, "/spec", "suspend", json!(false));
            absent(value, "/spec", "successfulJobsHistoryLimit", json!(3));
            absent(value, "/spec", "failedJobsHistoryLimit", json!(1));
        }
        ("", "Service") => service(value),
        ("", "PersistentVolumeClaim") => {
            absent(value, "/spec", "volumeMode", json!("Filesystem"));
            quantities(value.pointer_mut("/spec/resources"));
        }
        ("", "Secret") => {
            absent(value, "", "type", json!("Opaque"));
        }
        _ => {}
    }
}

fn absent(value: &mut Json, at: &str, field: &str, default: Json) {
    if let Some(Json::Object(fields)) = value.pointer_mut(at) {
        let slot = fields.entry(field).or_insert(Json::Null);
        if slot.is_null() {
            *slot = default;
        }
    }
}

fn put(fields: &mut Map<String, Json>, field: &str, default: Json) {
    let slot = fields.entry(field).or_insert(Json::Null);
    if slot.is_null() {
        *slot = default;
    }
}

fn job(value: &mut Json, at: &str) {
    // With a number of completions alone, or with neither, pods run one after the other.
    let (completions, parallelism) = (
        value.pointer(&format!("{at}/completions")).is_some(),
        value.pointer(&format!("{at}/parallelism")).is_some(),
    );
    if !completions && !parallelism {
        absent(value, at, "completions", json!(1));
    }
    absent(value, at, "parallelism", json!(1));
    absent(value, at, "backoffLimit", json!(6));
    absent(value, at, "completionMode", json!("NonIndexed"));
    absent(value, at, "suspend", json!(false));
}

fn service(value: &mut Json) {
    absent(value, "/spec", "type", json!("ClusterIP"));
    absent(value, "/spec", "sessionAffinity", json!("None"));
    let of_type = value.pointer("/spec/type").and_then(Json::as_str);
    let outside = matches!(of_type, Some("NodePort" | "LoadBalancer"));
    let balanced = of_type == Some("LoadBalancer");
    if of_type != Some("ExternalName") {
        absent(value, "/spec", "internalTrafficPolicy", json!("Cluster"));
    }
    if outside {
        absent(value, "/spec", "externalTrafficPolicy", json!("Cluster"));
    }
    if balanced {
        absent(value, "/spec", "allocateLoadBalancerNodePorts", json!(true));
    }
    for port in list(value, "/spec/ports") {
        put(port, "protocol", json!("TCP"));
        let number = port.get("port").cloned().unwrap_or(Json::Null);
        put(port, "targetPort", number);
    }
}

fn list<'v>(value: &'v mut Json, at: &str) -> impl Iterator<Item = &'v mut Map<String, Json>> {
    let items = value.pointer_mut(at).and_then(Json::as_array_mut);
    items.into_iter().flatten().filter_map(Json::as_object_mut)
}

fn pod(value: &mut Json, at: &str, kind: &str) {
    // Of jobs it must be given.
    absent(value, at, "restartPolicy", json!("Always"));
    absent(value, at, "dnsPolicy", json!("ClusterFirst"));
    absent(value, at, "terminationGracePeriodSeconds", json!(30));
    absent(value, at, "schedulerName", json!("default-scheduler"));
    absent(value, at, "securityContext", json!({}));
    if kind == "Pod" {
        absent(value, at, "enableServiceLinks", json!(true));
        absent(value, at, "serviceAccountName", json!("default"));
    }
    // The older name of the same field is kept beside it.
    for (from, to) in [
        ("serviceAccountName", "serviceAccount"),
        ("serviceAccount", "serviceAccountName"),
    ] {
        if let Some(name) = value.pointer(&format!("{at}/{from}")).cloned() {
            absent(value, at, to, name);
        }
    }
    for field in ["containers", "initContainers", "ephemeralContainers"] {
        for container in list(value, &format!("{at}/{field}")) {
            of_container(container);
        }
    }
}

fn of_container(container: &mut Map<String, Json>) {
    let image = container.get("image").and_then(Json::as_str).unwrap_or("");
    let last = image.rsplit('/').next().unwrap_or(image);
    let moves = !image.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    let pull = if moves { "Always" } else { "IfNotPresent" };
    put(container, "imagePullPolicy", json!(pull));
    put(
        container,
        "terminationMessagePath",
        json!("/dev/termination-log"),
    );
    put(container, "terminationMessagePolicy", json!("File"));
    put(container, "resources", json!({}));
    if let Some(Json::Array(ports)) = container.get_mut("ports") {
        for port in ports.iter_mut().filter_map(Json::as_object_mut) {
            put(port, "protocol", json!("TCP"));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(Json::Object(probe)) = container.get_mut(probe) {
            put(probe, "timeoutSeconds", json!(1));
            put(probe, "periodSeconds", json!(10));
            put(probe, "successThreshold", json!(1));
            put(probe, "failureThreshold", json!(3));
            if let Some(Json::Object(get)) = probe.get_mut("httpGet") {
                put(get, "path", json!("/"));
                put(get, "scheme", json!("HTTP"));
            }
        }
    }
    quantities(container.get_mut("resources"));
    // What has a limit and no request asks for the limit.
    if let Some(Json::Object(resources)) = container.get_mut("resources") {
        let limits = resources.get("limits").cloned();
        if let Some(Json::Object(limits)) =
            limits.filter(|it| it.as_object().is_some_and(|it| !it.is_empty()))
        {
            put(resources, "requests", json!({}));
            if let Some(Json::Object(requests)) = resources.get_mut("requests") {
                for (name, limit) in limits {
                    put(requests, &name, limit);
                }
            }
        }
    }
}

/// Quantities are written as Kubernetes writes them.
fn quantities(resources: Option<&mut Json>) {
    let Some(Json::Object(resources)) = resources else {
        return;
    };
    for field in ["limits", "requests"] {
        let Some(Json::Object(amounts)) = resources.get_mut(field) else {
            continue;
        };
        for amount in amounts.values_mut() {
            let text = match &*amount {
                Json::String(text) => text.clone(),
                Json::Number(number) => number.to_string(),
                _ => continue,
            };
            if let Some(quantity) = Quantity::parse(&text) {
                *amount = quantity.canonical().into();
            }
        }
    }
}
