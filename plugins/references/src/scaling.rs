//! What autoscalers scale, and the Services of StatefulSets.

use trimtab_plugin::{Object, WORKLOADS};

use crate::inventory::Key;
use crate::judge::{Judge, Place};

pub fn judge(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    match (object.group(), object.kind()) {
        ("autoscaling", "HorizontalPodAutoscaler") | ("keda.sh", "ScaledObject") => {
            target(judge, object, home, "/spec/scaleTargetRef");
        }
        ("autoscaling.k8s.io", "VerticalPodAutoscaler") => {
            target(judge, object, home, "/spec/targetRef");
        }
        ("apps", "StatefulSet") => {
            let name = object.at("/spec/serviceName").as_str().unwrap_or_default();
            if name.is_empty() {
                return;
            }
            let place = Place {
                rule: "stateful-set-service",
                object,
                field: "/spec/serviceName".into(),
                why: "the Pods get their names by".into(),
            };
            judge.require(&place, Key::core("Service", home, name));
        }
        _ => {}
    }
}

/// Custom resources that can be scaled are not looked for.
fn target(judge: &mut Judge<'_, '_>, object: &Object, home: &str, pointer: &str) {
    let target = object.at(pointer);
    let text = |field: &str| target[field].as_str();
    let kind = text("kind").unwrap_or("Deployment");
    let group = match text("apiVersion") {
        Some(version) => version.split_once('/').map_or("", |(group, _)| group),
        None => "apps",
    };
    let dot = if group.is_empty() { "" } else { "." };
    let known = WORKLOADS.contains(&&*format!("{kind}{dot}{group}"));
    let Some(name) = text("name").filter(|name| known && !name.is_empty()) else {
        return;
    };
    let place = Place {
        rule: "scale-target",
        object,
        field: format!("{pointer}/name"),
        why: "it scales".into(),
    };
    let key = Key {
        group,
        kind,
        namespace: home,
        name,
    };
    judge.require(&place, key);
}
