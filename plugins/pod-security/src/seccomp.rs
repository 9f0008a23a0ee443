//! Seccomp profiles: annotations up to v1.18, fields since.

use serde_json::Value;

use crate::pod::{Pod, SecurityContext, Violation, text};

const OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const LAW: &str = "allows RuntimeDefault and Localhost";

fn is_allowed(profile: &Value) -> bool {
    matches!(text(&profile["type"]), "RuntimeDefault" | "Localhost")
}

pub fn annotated<'p>(pod: &'p Pod<'p>) -> Vec<Violation<'p>> {
    let mut found = Vec::new();
    for (key, value) in pod.annotations() {
        // Annotations for containers that there are not are nobody's.
        let container = key.strip_prefix(OF_CONTAINER);
        let container = container.filter(|it| pod.containers().iter().any(|c| c.name() == *it));
        let fine = matches!(value, "runtime/default" | "docker/default")
            || value.starts_with("localhost/");
        if fine || (key != OF_POD && container.is_none()) {
            continue;
        }
        let fault = format!("the annotation {key} names the seccomp profile {value:?}");
        let violation = match container {
            Some(container) => pod.annotation(key, container, fault),
            None => Violation {
                containers: Vec::new(),
                ..pod.annotation(key, "", fault)
            },
        };
        let violation = violation.by("allows runtime/default, docker/default and localhost/…");
        found.push(violation.propose("runtime/default".to_owned()));
    }
    found
}

/// Profiles that are named and not allowed.
pub fn named<'p>(pod: &'p Pod<'p>) -> Vec<Violation<'p>> {
    let named = pod.contexts().filter(|it| {
        let profile = &it.value["seccompProfile"];
        !profile.is_null() && !is_allowed(profile)
    });
    named.map(|it| wrong(&it)).collect()
}

fn wrong<'p>(context: &SecurityContext<'p>) -> Violation<'p> {
    let sort = text(&context.value["seccompProfile"]["type"]);
    let fault = format!("the type of the seccomp profile is {sort:?}");
    let violation = context.violation("seccompProfile/type", fault);
    violation.by(LAW).propose("RuntimeDefault".to_owned())
}

/// As [`named`], and each container must have one, of its own or the Pod's.
pub fn required<'p>(pod: &'p Pod<'p>) -> Vec<Violation<'p>> {
    let mut found = named(pod);
    // A wrong one of the Pod has been told of.
    if !pod.context().value["seccompProfile"].is_null() {
        return found;
    }
    let contexts = pod.container_contexts();
    let without = contexts.filter(|it| it.value["seccompProfile"].is_null());
    let without: Vec<_> = without.filter_map(|it| it.container).collect();
    if !without.is_empty() {
        found.push(Violation {
            containers: without,
            fault: "no seccomp profile is named, nor has the Pod one".into(),
            law: LAW,
            field: pod.pointer("securityContext/seccompProfile"),
            proposed: Some(r#"{"type":"RuntimeDefault"}"#.into()),
        });
    }
    found
}
