//! What the API server fills in of Pods and of templates of Pods.

use serde_json::{Map, Value as Json, json};

use super::{absent, found, list, place, put, quantities};

/// The pod at a place; `alone` where it is no template.
pub fn pod(value: &mut Json, at: &str, alone: bool) {
    // The older name of the same field is kept beside it, and the newer wins.
    let names = ["serviceAccountName", "serviceAccount"];
    let given = names.map(|it| found(value, &format!("{at}/{it}")).cloned());
    let account = given.into_iter().flatten().find(|it| *it != "");
    if let Some(account) = account.or_else(|| alone.then(|| json!("default")))
        && let Some(Json::Object(fields)) = place(value, at)
    {
        for name in names {
            fields.insert(name.into(), account.clone());
        }
    }
    absent(value, at, "dnsPolicy", json!("ClusterFirst"));
    absent(value, at, "restartPolicy", json!("Always"));
    absent(value, at, "securityContext", json!({}));
    absent(value, at, "terminationGracePeriodSeconds", json!(30));
    absent(value, at, "schedulerName", json!("default-scheduler"));
    let host_network = found(value, &format!("{at}/hostNetwork")) == Some(&json!(true));
    for field in ["containers", "initContainers", "ephemeralContainers"] {
        for container in list(value, &format!("{at}/{field}")) {
            of_container(container);
            if alone && field != "ephemeralContainers" {
                of_pod_alone(container, host_network);
            }
        }
    }
    for volume in list(value, &format!("{at}/volumes")) {
        of_volume(volume);
    }
    if alone {
        absent(value, at, "enableServiceLinks", json!(true));
        by_admission(value, at);
    }
}

/// What the API server's own admission plugins put into a Pod, but for the volume of its account's
/// token, whose name is made up.
fn by_admission(value: &mut Json, at: &str) {
    let Some(Json::Object(spec)) = place(value, at) else {
        return;
    };
    if !spec.contains_key("priorityClassName") {
        put(spec, "priority", json!(0));
        put(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    }
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Json::Array(tolerations) = tolerations else {
        return;
    };
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let tolerates = |it: &Json| {
            let of_key = it["key"] == key || it["key"].as_str().is_none_or(str::is_empty);
            let of_effect =
                it["effect"] == "NoExecute" || it["effect"].as_str().is_none_or(str::is_empty);
            of_key && of_effect
        };
        if !tolerations.iter().any(tolerates) {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
}

fn of_container(container: &mut Map<String, Json>) {
    let image = container.get("image").and_then(Json::as_str).unwrap_or("");
    let last = image.rsplit('/').next().unwrap_or(image);
    let moves = !image.contains('@') && (!last.contains(':') || last.ends_with(":latest"));
    let pull = if moves { "Always" } else { "IfNotPresent" };
    put(container, "imagePullPolicy", json!(pull));
    let path = "terminationMessagePath";
    put(container, path, json!("/dev/termination-log"));
    put(container, "terminationMessagePolicy", json!("File"));
    put(container, "resources", json!({}));
    for port in items(container.get_mut("ports")) {
        put(port, "protocol", json!("TCP"));
    }
    for variable in items(container.get_mut("env")) {
        field_reference(variable.get_mut("valueFrom"));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(Json::Object(probe)) = container.get_mut(probe) {
            put(probe, "timeoutSeconds", json!(1));
            put(probe, "periodSeconds", json!(10));
            put(probe, "successThreshold", json!(1));
            put(probe, "failureThreshold", json!(3));
            http_get(probe.get_mut("httpGet"));
            if let Some(Json::Object(call)) = probe.get_mut("grpc") {
                call.entry("service").or_insert(json!(""));
            }
        }
    }
    if let Some(Json::Object(lifecycle)) = container.get_mut("lifecycle") {
        for hook in ["postStart", "preStop"] {
            http_get(lifecycle.get_mut(hook).and_then(|it| it.get_mut("httpGet")));
        }
    }
    quantities(container.get_mut("resources"));
}

fn http_get(get: Option<&mut Json>) {
    if let Some(Json::Object(get)) = get {
        put(get, "path", json!("/"));
        put(get, "scheme", json!("HTTP"));
    }
}

fn field_reference(of: Option<&mut Json>) {
    if let Some(Json::Object(field)) = of.and_then(|it| it.get_mut("fieldRef")) {
        put(field, "apiVersion", json!("v1"));
    }
}

/// What templates of Pods are not filled in with.
fn of_pod_alone(container: &mut Map<String, Json>, host_network: bool) {
    if host_network {
        for port in items(container.get_mut("ports")) {
            let number = port.get("containerPort").cloned().unwrap_or_default();
            put(port, "hostPort", number);
        }
    }
    // What has a limit and no request asks for the limit.
    let Some(Json::Object(resources)) = container.get_mut("resources") else {
        return;
    };
    let Some(Json::Object(limits)) = resources.get("limits").cloned() else {
        return;
    };
    if limits.is_empty() {
        return;
    }
    put(resources, "requests", json!({}));
    if let Some(Json::Object(requests)) = resources.get_mut("requests") {
        for (name, limit) in limits {
            put(requests, &name, limit);
        }
    }
}

fn of_volume(volume: &mut Map<String, Json>) {
    if volume.len() <= 1 {
        put(volume, "emptyDir", json!({}));
    }
    for (source, mode) in [
        ("secret", true),
        ("configMap", true),
        ("downwardAPI", true),
        ("projected", true),
        ("hostPath", false),
    ] {
        if let Some(Json::Object(source)) = volume.get_mut(source) {
            match mode {
                true => put(source, "defaultMode", json!(420)),
                false => {
                    source.entry("type").or_insert(json!(""));
                }
            }
        }
    }
    for item in items(
        volume
            .get_mut("downwardAPI")
            .and_then(|it| it.get_mut("items")),
    ) {
        if let Some(Json::Object(field)) = item.get_mut("fieldRef") {
            put(field, "apiVersion", json!("v1"));
        }
    }
    for source in items(
        volume
            .get_mut("projected")
            .and_then(|it| it.get_mut("sources")),
    ) {
        if let Some(Json::Object(token)) = source.get_mut("serviceAccountToken") {
            put(token, "expirationSeconds", json!(3600));
        }
        for item in items(
            source
                .get_mut("downwardAPI")
                .and_then(|it| it.get_mut("items")),
        ) {
            if let Some(Json::Object(field)) = item.get_mut("fieldRef") {
                put(field, "apiVersion", json!("v1"));
            }
        }
    }
    if let Some(Json::Object(spec)) = volume
        .get_mut("ephemeral")
        .and_then(|it| place(it, "/volumeClaimTemplate/spec"))
    {
        put(spec, "volumeMode", json!("Filesystem"));
        quantities(spec.get_mut("resources"));
    }
}

fn items(list: Option<&mut Json>) -> impl Iterator<Item = &mut Map<String, Json>> {
    let items = list.and_then(Json::as_array_mut);
    items.into_iter().flatten().filter_map(Json::as_object_mut)
}
