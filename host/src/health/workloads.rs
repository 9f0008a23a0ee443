//! Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs.

use serde_json::Value;

use super::Health;
use super::conditions::{condition, is, words};

fn count(object: &Value, part: &str, name: &str) -> i64 {
    object[part][name].as_i64().unwrap_or_default()
}

/// `2 of 3 pods updated`, if that is not all.
fn short(have: i64, want: i64, what: &str) -> Option<Health> {
    let pods = if want == 1 { "pod" } else { "pods" };
    (have < want).then(|| Health::Progressing(format!("{have} of {want} {pods} {what}")))
}

fn first(found: impl IntoIterator<Item = Option<Health>>) -> Health {
    found.into_iter().flatten().next().unwrap_or_default()
}

fn replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

pub(super) fn deployment(object: &Value) -> Health {
    if object["status"].get("observedGeneration").is_none() {
        return Health::Progressing("its controller has not seen it yet".into());
    }
    let want = replicas(object);
    let status = |name: &str| count(object, "status", name);
    let updated = status("updatedReplicas");
    let old = status("replicas") - updated;
    let progress = first([
        short(updated, want, "updated"),
        (old > 0).then(|| Health::Progressing(format!("{old} old pods still there"))),
        short(status("availableReplicas"), updated.max(want), "available"),
    ]);
    if progress.is_current() {
        return progress;
    }
    // The deadline is the Deployment's own (progressDeadlineSeconds).
    let progressing = condition(object, "Progressing");
    match progressing {
        Some(it) if it["reason"] == "ProgressDeadlineExceeded" => {
            Health::Failed(format!("{}; {}", progress.message(), words(it)))
        }
        _ => match condition(object, "ReplicaFailure").filter(|it| it["status"] == "True") {
            // A quota, an admission rule: no Pod is made.
            Some(failure) => {
                Health::Progressing(format!("{}; {}", progress.message(), words(failure)))
            }
            None => progress,
        },
    }
}

pub(super) fn replica_set(object: &Value) -> Health {
    let want = replicas(object);
    if let Some(failure) = condition(object, "ReplicaFailure").filter(|it| it["status"] == "True") {
        return Health::Progressing(words(failure));
    }
    let status = |name: &str| count(object, "status", name);
    first([
        short(status("replicas"), want, "made"),
        short(status("availableReplicas"), want, "available"),
        (status("replicas") > want)
            .then(|| Health::Progressing(format!("{} pods too many", status("replicas") - want))),
    ])
}

pub(super) fn stateful_set(object: &Value) -> Health {
    // Pods are replaced when somebody deletes them: what is there is as it should be.
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return Health::Current;
    }
    let want = replicas(object);
    let status = |name: &str| count(object, "status", name);
    let partition = object["spec"]["updateStrategy"]["rollingUpdate"]["partition"]
        .as_i64()
        .unwrap_or_default();
    let updating = object["status"]["currentRevision"] != object["status"]["updateRevision"];
    first([
        short(status("replicas"), want, "made"),
        short(status("readyReplicas"), want, "ready"),
        (status("replicas") > want)
            .then(|| Health::Progressing(format!("{} pods too many", status("replicas") - want))),
        (updating || partition > 0)
            .then(|| {
                short(
                    status("updatedReplicas"),
                    (want - partition).max(0),
                    "updated",
                )
            })
            .flatten(),
    ])
}

pub(super) fn daemon_set(object: &Value) -> Health {
    if object["status"].get("observedGeneration").is_none() {
        return Health::Progressing("its controller has not seen it yet".into());
    }
    let status = |name: &str| count(object, "status", name);
    let want = status("desiredNumberScheduled");
    let on_delete = object["spec"]["updateStrategy"]["type"] == "OnDelete";
    first([
        short(status("currentNumberScheduled"), want, "scheduled"),
        (!on_delete)
            .then(|| short(status("updatedNumberScheduled"), want, "updated"))
            .flatten(),
        short(status("numberAvailable"), want, "available"),
    ])
}

/// Unlike kstatus, for which a Job that has begun is current: what depends on a Job depends on
/// what it does.
pub(super) fn job(object: &Value) -> Health {
    if let Some(failed) = condition(object, "Failed").filter(|it| it["status"] == "True") {
        return Health::Failed(words(failed));
    }
    if is(object, "Complete", "True") || is(object, "Suspended", "True") {
        return Health::Current;
    }
    let want = object["spec"]["completions"].as_i64().unwrap_or(1);
    let have = count(object, "status", "succeeded");
    let failed = count(object, "status", "failed");
    let trouble = match failed {
        0 => String::new(),
        some => format!(", {some} failed so far"),
    };
    Health::Progressing(format!("{have} of {want} completed{trouble}"))
}
