//! What the API server fills in, kind by kind.

use serde_json::{Value as Json, json};
use trimtab_plugin::{Object, pod_spec};

use super::pods::pod;
use super::{absent, amounts, found, list, place, put, quantities};
use crate::library::format::base64;

/// Puts in what the API server would.
pub fn fill(object: &Object, value: &mut Json) {
    if let Some(pods) = pod_spec(object) {
        let pointer = pods.pointer.to_string();
        pod(value, &pointer, object.kind() == "Pod");
    }
    match (object.group(), object.kind()) {
        ("apps", "Deployment") => {
            absent(value, "/spec", "replicas", json!(1));
            absent(value, "/spec", "revisionHistoryLimit", json!(10));
            absent(value, "/spec", "progressDeadlineSeconds", json!(600));
            let parts = [("maxSurge", json!("25%")), ("maxUnavailable", json!("25%"))];
            rolling(value, "strategy", &parts);
        }
        ("apps", "StatefulSet") => stateful_set(value),
        ("apps", "DaemonSet") => {
            absent(value, "/spec", "revisionHistoryLimit", json!(10));
            let parts = [("maxSurge", json!(0)), ("maxUnavailable", json!(1))];
            rolling(value, "updateStrategy", &parts);
            absent(value, "/metadata", "annotations", json!({}));
            let counter = "deprecated.daemonset.template.generation";
            absent(value, "/metadata/annotations", counter, json!("0"));
        }
        ("", "ReplicationController") => {
            labels_of_template(value);
            let labels = found(value, "/spec/template/metadata/labels").cloned();
            absent(value, "/spec", "selector", labels.unwrap_or_default());
            absent(value, "/spec", "replicas", json!(1));
        }
        ("apps", "ReplicaSet") => {
            absent(value, "/spec", "replicas", json!(1));
        }
        ("batch", "Job") => {
            labels_of_template(value);
            job(value, "/spec");
        }
        ("batch", "CronJob") => {
            absent(value, "/spec", "concurrencyPolicy", json!("Allow"));
            absent(value, "/spec", "suspend", json!(false));
            absent(value, "/spec", "successfulJobsHistoryLimit", json!(3));
            absent(value, "/spec", "failedJobsHistoryLimit", json!(1));
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            absent(value, "/spec", "minReplicas", json!(1));
            if object.api_version() == "autoscaling/v2" {
                let target = json!({"type": "Utilization", "averageUtilization": 80});
                let by_use =
                    json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
                absent(value, "/spec", "metrics", by_use);
            }
        }
        ("", "Service") => service(value),
        ("", "PersistentVolumeClaim") => {
            finalizer(value, "kubernetes.io/pvc-protection");
            absent(value, "/spec", "volumeMode", json!("Filesystem"));
            quantities(place(value, "/spec/resources"));
        }
        ("", "PersistentVolume") => {
            finalizer(value, "kubernetes.io/pv-protection");
            absent(
                value,
                "/spec",
                "persistentVolumeReclaimPolicy",
                json!("Retain"),
            );
            absent(value, "/spec", "volumeMode", json!("Filesystem"));
            amounts(place(value, "/spec/capacity"));
        }
        ("", "ResourceQuota") => amounts(place(value, "/spec/hard")),
        ("", "Namespace") => {
            let name = found(value, "/metadata/name").cloned();
            absent(value, "/metadata", "labels", json!({}));
            if let (Some(name), Some(Json::Object(labels))) =
                (name, place(value, "/metadata/labels"))
            {
                labels.insert("kubernetes.io/metadata.name".into(), name);
            }
        }
        ("", "Secret") => secret(value),
        ("networking.k8s.io", "NetworkPolicy") => network_policy(value),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            let group = || json!("rbac.authorization.k8s.io");
            absent(value, "/roleRef", "apiGroup", group());
            for subject in list(value, "/subjects") {
                if subject.get("kind").is_some_and(|it| it != "ServiceAccount") {
                    put(subject, "apiGroup", group());
                }
            }
        }
        ("storage.k8s.io", "StorageClass") => {
            absent(value, "", "reclaimPolicy", json!("Delete"));
            absent(value, "", "volumeBindingMode", json!("Immediate"));
        }
        _ => {}
    }
}

fn finalizer(value: &mut Json, name: &str) {
    absent(value, "/metadata", "finalizers", json!([]));
    if let Some(Json::Array(finalizers)) = place(value, "/metadata/finalizers")
        && !finalizers.iter().any(|it| it == name)
    {
        finalizers.push(name.into());
    }
}

fn rolling(value: &mut Json, field: &str, parts: &[(&str, Json)]) {
    absent(value, "/spec", field, json!({}));
    let strategy = format!("/spec/{field}");
    absent(value, &strategy, "type", json!("RollingUpdate"));
    if value["spec"][field]["type"] == "RollingUpdate" {
        absent(value, &strategy, "rollingUpdate", json!({}));
        for (name, default) in parts {
            let at = format!("{strategy}/rollingUpdate");
            absent(value, &at, name, default.clone());
        }
    }
}

fn stateful_set(value: &mut Json) {
    absent(value, "/spec", "replicas", json!(1));
    absent(value, "/spec", "revisionHistoryLimit", json!(10));
    absent(value, "/spec", "podManagementPolicy", json!("OrderedReady"));
    absent(
        value,
        "/spec",
        "persistentVolumeClaimRetentionPolicy",
        json!({}),
    );
    for when in ["whenDeleted", "whenScaled"] {
        let at = "/spec/persistentVolumeClaimRetentionPolicy";
        absent(value, at, when, json!("Retain"));
    }
    absent(value, "/spec", "updateStrategy", json!({}));
    if found(value, "/spec/updateStrategy/type").is_none() {
        absent(
            value,
            "/spec/updateStrategy",
            "type",
            json!("RollingUpdate"),
        );
        absent(value, "/spec/updateStrategy", "rollingUpdate", json!({}));
    }
    if found(value, "/spec/updateStrategy/type") == Some(&json!("RollingUpdate")) {
        absent(
            value,
            "/spec/updateStrategy/rollingUpdate",
            "partition",
            json!(0),
        );
        let at = "/spec/updateStrategy/rollingUpdate";
        absent(value, at, "maxUnavailable", json!(1));
    }
    for template in list(value, "/spec/volumeClaimTemplates") {
        if let Some(Json::Object(spec)) = template.get_mut("spec") {
            put(spec, "volumeMode", json!("Filesystem"));
            quantities(spec.get_mut("resources"));
        }
    }
}

fn labels_of_template(value: &mut Json) {
    let labels = found(value, "/spec/template/metadata/labels").cloned();
    if let Some(labels) = labels {
        absent(value, "/metadata", "labels", labels);
    }
}

fn job(value: &mut Json, at: &str) {
    // With a number of completions alone, or with neither, pods run one after the other.
    let has = |value: &Json, field: &str| found(value, &format!("{at}/{field}")).is_some();
    if !has(value, "completions") && !has(value, "parallelism") {
        absent(value, at, "completions", json!(1));
    }
    absent(value, at, "parallelism", json!(1));
    let limit = match has(value, "backoffLimitPerIndex") {
        true => json!(i32::MAX),
        false => json!(6),
    };
    absent(value, at, "backoffLimit", limit);
    absent(value, at, "completionMode", json!("NonIndexed"));
    absent(value, at, "suspend", json!(false));
    let replaced = match has(value, "podFailurePolicy") {
        true => "Failed",
        false => "TerminatingOrFailed",
    };
    absent(value, at, "podReplacementPolicy", json!(replaced));
    absent(value, at, "manualSelector", json!(false));
}

fn service(value: &mut Json) {
    absent(value, "/spec", "type", json!("ClusterIP"));
    absent(value, "/spec", "sessionAffinity", json!("None"));
    if found(value, "/spec/sessionAffinity") == Some(&json!("ClientIP")) {
        let whole = json!({"clientIP": {"timeoutSeconds": 10_800}});
        absent(value, "/spec", "sessionAffinityConfig", whole);
    }
    let of_type = found(value, "/spec/type").and_then(Json::as_str);
    let balanced = of_type == Some("LoadBalancer");
    let outside = balanced || of_type == Some("NodePort");
    let external = found(value, "/spec/externalIPs");
    let addressed = external
        .and_then(Json::as_array)
        .is_some_and(|it| !it.is_empty());
    if of_type != Some("ExternalName") {
        absent(value, "/spec", "internalTrafficPolicy", json!("Cluster"));
    }
    if outside || (addressed && value["spec"]["type"] == "ClusterIP") {
        absent(value, "/spec", "externalTrafficPolicy", json!("Cluster"));
    }
    if balanced {
        absent(value, "/spec", "allocateLoadBalancerNodePorts", json!(true));
    }
    for port in list(value, "/spec/ports") {
        put(port, "protocol", json!("TCP"));
        let number = port.get("port").cloned().unwrap_or(Json::Null);
        if port.get("targetPort") == Some(&json!(0)) {
            port.remove("targetPort");
        }
        put(port, "targetPort", number);
    }
}

fn secret(value: &mut Json) {
    absent(value, "", "type", json!("Opaque"));
    let Json::Object(fields) = value else {
        return;
    };
    let Some(Json::Object(plain)) = fields.remove("stringData") else {
        return;
    };
    let data = fields.entry("data").or_insert_with(|| json!({}));
    if let Json::Object(data) = data {
        for (name, text) in plain {
            let text = text.as_str().unwrap_or_default();
            data.insert(name, base64(text.as_bytes()).into());
        }
    }
}

fn network_policy(value: &mut Json) {
    let has = |field: &str| {
        let rules = found(value, field).and_then(Json::as_array);
        rules.is_some_and(|it| !it.is_empty())
    };
    if !has("/spec/policyTypes") {
        let types = match has("/spec/egress") {
            true => json!(["Ingress", "Egress"]),
            false => json!(["Ingress"]),
        };
        if let Some(Json::Object(spec)) = place(value, "/spec") {
            spec.insert("policyTypes".into(), types);
        }
    }
    for rules in ["/spec/ingress", "/spec/egress"] {
        for rule in list(value, rules) {
            let ports = rule.get_mut("ports").and_then(Json::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Json::as_object_mut) {
                put(port, "protocol", json!("TCP"));
            }
        }
    }
}
