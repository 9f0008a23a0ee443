//! What the API server's types do not keep of a built-in kind: nulls, empty lists and maps, and
//! zeros of fields that say nothing by being zero.

use serde_json::{Map, Value as Json};

/// Fields that are mappings of free names: empty, they are not kept. Other empty mappings say
/// something, as `emptyDir: {}` does.
const MAPS: [&str; 13] = [
    "labels",
    "annotations",
    "matchLabels",
    "nodeSelector",
    "limits",
    "requests",
    "data",
    "binaryData",
    "stringData",
    "overhead",
    "capacity",
    "default",
    "defaultRequest",
];

/// Lists that are kept when they are empty.
const LISTS: [&str; 1] = ["rules"];

/// Plain numbers, words and flags, which are not kept when they are zero, empty or false.
const PLAIN: [&str; 46] = [
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "stdin",
    "stdinOnce",
    "tty",
    "readOnly",
    "paused",
    "publishNotReadyAddresses",
    "hostPort",
    "minReadySeconds",
    "nodePort",
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "value",
    "subPath",
    "subPathExpr",
    "workingDir",
    "clusterIP",
    "type",
    "sessionAffinity",
    "protocol",
    "path",
    "scheme",
    "externalName",
    "loadBalancerIP",
    "externalTrafficPolicy",
    "hostname",
    "subdomain",
    "nodeName",
    "serviceAccountName",
    "serviceAccount",
    "restartPolicy",
    "dnsPolicy",
    "schedulerName",
    "priorityClassName",
    "imagePullPolicy",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "healthCheckNodePort",
    "generateName",
    "volumeName",
    "fsType",
];

pub fn without(value: &mut Json) {
    match value {
        Json::Object(fields) => of_fields(fields),
        Json::Array(items) => items.iter_mut().for_each(without),
        _ => {}
    }
}

fn of_fields(fields: &mut Map<String, Json>) {
    // Names and values below are free.
    for (name, value) in fields.iter_mut() {
        if !MAPS.contains(&name.as_str()) {
            without(value);
        }
    }
    fields.retain(|name, value| {
        let plain = || PLAIN.contains(&name.as_str());
        match value {
            Json::Null => false,
            Json::Array(items) => !items.is_empty() || LISTS.contains(&name.as_str()),
            Json::Object(inner) => !inner.is_empty() || !MAPS.contains(&name.as_str()),
            Json::String(text) => !text.is_empty() || !plain(),
            Json::Bool(false) => !plain(),
            Json::Number(number) => number.as_f64() != Some(0.0) || !plain(),
            Json::Bool(true) => true,
        }
    });
}
