//! The checks that the level `restricted` adds, some in place of one of `baseline`.

use crate::baseline;
use crate::pod::{Pod, Violation, items, text};
use crate::seccomp;

const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Windows has none of what some checks ask for, and they leave its Pods alone.
fn is_excused_as_windows(pod: &Pod<'_>, minor: u64) -> bool {
    minor >= 25 && pod.is_for_windows()
}

fn is_excused_as_user_namespace(pod: &Pod<'_>, minor: u64) -> bool {
    minor >= 35 && pod.has_user_namespace()
}

pub fn allow_privilege_escalation<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    if is_excused_as_windows(pod, minor) {
        return Vec::new();
    }
    let contexts = pod.container_contexts();
    let open = contexts.filter(|it| it.value["allowPrivilegeEscalation"] != false);
    open.map(|it| {
        let fault = "allowPrivilegeEscalation is not false".into();
        let violation = it.violation("allowPrivilegeEscalation", fault);
        violation.by("wants false").propose("false".to_owned())
    })
    .collect()
}

pub fn capabilities<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    if is_excused_as_windows(pod, minor) {
        return Vec::new();
    }
    let contexts = pod.container_contexts();
    let keeping = contexts.filter(|it| {
        let mut dropped = items(&it.value["capabilities"]["drop"]);
        !dropped.any(|(_, name)| name == "ALL")
    });
    let mut found: Vec<_> = keeping
        .map(|it| {
            let violation =
                it.violation("capabilities/drop", "does not drop all capabilities".into());
            violation
                .by("wants ALL dropped")
                .propose(r#"["ALL"]"#.to_owned())
        })
        .collect();
    let law = "allows only NET_BIND_SERVICE";
    found.extend(baseline::added(pod, &["NET_BIND_SERVICE"], law));
    found
}

pub fn volumes<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    let mut found = Vec::new();
    for (index, volume) in items(pod.at("volumes")) {
        let fields = volume.as_object().into_iter().flatten();
        let sources = fields.filter(|(field, value)| *field != "name" && !value.is_null());
        let sources: Vec<&String> = sources.map(|(field, _)| field).collect();
        // One without a source becomes an emptyDir before the API server judges.
        let Some(source) = sources.first() else {
            continue;
        };
        if sources.iter().any(|it| VOLUMES.contains(&it.as_str())) {
            continue;
        }
        found.push(Violation {
            containers: Vec::new(),
            fault: format!("the volume {} is of the sort {source}", text(&volume["name"])),
            law: "allows configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected and secret",
            field: pod.pointer(&format!("volumes/{index}/{source}")),
            proposed: None,
        });
    }
    found
}

pub fn run_as_non_root<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    const LAW: &str = "wants true";
    if is_excused_as_user_namespace(pod, minor) {
        return Vec::new();
    }
    let set = |value: &serde_json::Value| !value["runAsNonRoot"].is_null();
    let contexts = pod.contexts();
    let wrong = contexts.filter(|it| set(it.value) && it.value["runAsNonRoot"] != true);
    let mut found: Vec<_> = wrong
        .map(|it| {
            let violation = it.violation("runAsNonRoot", "runAsNonRoot is false".into());
            violation.by(LAW).propose("true".to_owned())
        })
        .collect();
    // A false of the Pod has been told of.
    if set(pod.context().value) {
        return found;
    }
    let without = pod.container_contexts().filter(|it| !set(it.value));
    let without: Vec<_> = without.filter_map(|it| it.container).collect();
    if !without.is_empty() {
        found.push(Violation {
            containers: without,
            fault: "runAsNonRoot is not set, nor is it for the Pod".into(),
            law: LAW,
            field: pod.pointer("securityContext/runAsNonRoot"),
            proposed: Some("true".into()),
        });
    }
    found
}

pub fn run_as_user<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    if is_excused_as_user_namespace(pod, minor) {
        return Vec::new();
    }
    let contexts = pod.contexts();
    let root = contexts.filter(|it| it.value["runAsUser"].as_f64() == Some(0.0));
    root.map(|it| {
        let violation = it.violation("runAsUser", "runAsUser is 0, which is root".into());
        violation.by("forbids it")
    })
    .collect()
}

pub fn seccomp_profile<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    match is_excused_as_windows(pod, minor) {
        true => Vec::new(),
        false => seccomp::required(pod),
    }
}
