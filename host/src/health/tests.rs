use serde_json::json;

use super::*;

fn object(api_version: &str, kind: &str, spec: Value, status: Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "generation": 2},
        "spec": spec, "status": status})
}

fn says(object: &Value) -> String {
    let health = assess(object, &[]);
    format!("{health} {}", health.message()).trim().to_owned()
}

#[test]
fn a_deployment_is_current_when_all_its_pods_are_new_and_available() {
    let deployment =
        |status: Value| object("apps/v1", "Deployment", json!({"replicas": 3}), status);
    for (status, expected) in [
        (json!({}), "progressing its controller has not seen it yet"),
        (
            json!({"observedGeneration": 1}),
            "progressing its controller has not seen the newest spec yet",
        ),
        (
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}),
            "progressing 2 of 3 pods updated",
        ),
        (
            json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 3}),
            "progressing 1 old pods still there",
        ),
        (
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}),
            "progressing 2 of 3 pods available",
        ),
        (
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2,
                "conditions": [{"type": "Progressing", "status": "False",
                    "reason": "ProgressDeadlineExceeded", "message": "timed out"}]}),
            "failed 2 of 3 pods available; ProgressDeadlineExceeded: timed out",
        ),
        (
            json!({"observedGeneration": 2, "replicas": 0,
                "conditions": [{"type": "ReplicaFailure", "status": "True",
                    "reason": "FailedCreate", "message": "exceeded quota"}]}),
            "progressing 0 of 3 pods updated; FailedCreate: exceeded quota",
        ),
        (
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
            "current",
        ),
    ] {
        assert_eq!(says(&deployment(status)), expected);
    }
    let none = object(
        "apps/v1",
        "Deployment",
        json!({"replicas": 0}),
        json!({"observedGeneration": 2}),
    );
    assert_eq!(says(&none), "current");
}

#[test]
fn other_workloads_tell_how_far_they_are() {
    for (kind, spec, status, expected) in [
        (
            "StatefulSet",
            json!({"replicas": 2}),
            json!({"replicas": 2, "readyReplicas": 1}),
            "progressing 1 of 2 pods ready",
        ),
        (
            "StatefulSet",
            json!({"replicas": 2}),
            json!({"replicas": 2, "readyReplicas": 2, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}),
            "progressing 1 of 2 pods updated",
        ),
        (
            "StatefulSet",
            json!({"updateStrategy": {"type": "OnDelete"}}),
            json!({}),
            "current",
        ),
        (
            "DaemonSet",
            json!({}),
            json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
            "updatedNumberScheduled": 2, "numberAvailable": 1}),
            "progressing 1 of 2 pods available",
        ),
        (
            "DaemonSet",
            json!({}),
            json!({"observedGeneration": 2}),
            "current",
        ),
        (
            "ReplicaSet",
            json!({"replicas": 1}),
            json!({"replicas": 1}),
            "progressing 0 of 1 pod available",
        ),
    ] {
        assert_eq!(
            says(&object("apps/v1", kind, spec, status)),
            expected,
            "{kind}"
        );
    }
}

#[test]
fn a_job_is_current_when_it_is_done() {
    let job = |status: Value| {
        says(&object(
            "batch/v1",
            "Job",
            json!({"completions": 2}),
            status,
        ))
    };
    let condition = |kind: &str| json!({"conditions": [{"type": kind, "status": "True", "reason": "R", "message": "m"}]});
    assert_eq!(
        job(json!({"succeeded": 1, "failed": 1})),
        "progressing 1 of 2 completed, 1 failed so far"
    );
    assert_eq!(job(condition("Complete")), "current");
    assert_eq!(job(condition("Failed")), "failed R: m");
}

#[test]
fn a_pod_s_trouble_is_told_in_its_container_s_words() {
    let pod = object(
        "v1",
        "Pod",
        json!({}),
        json!({"phase": "Pending", "containerStatuses": [
            {"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\""}}},
        ]}),
    );
    assert_eq!(
        says(&pod),
        "failed web: ImagePullBackOff: Back-off pulling image \"x\""
    );
    let crash = object(
        "v1",
        "Pod",
        json!({}),
        json!({"phase": "Running", "containerStatuses": [
            {"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}},
        ]}),
    );
    assert_eq!(
        says(&crash),
        "failed web: CrashLoopBackOff; its last run ended with exit code 3 (Error)"
    );
    let unscheduled = object(
        "v1",
        "Pod",
        json!({}),
        json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"},
        ]}),
    );
    assert_eq!(
        says(&unscheduled),
        "progressing Unschedulable: 0/1 nodes are available"
    );
}

#[test]
fn built_in_kinds_are_known() {
    let condition = |kind: &str, status: &str| json!({"conditions": [{"type": kind, "status": status, "reason": "R", "message": "m"}]});
    for (api_version, kind, spec, status, expected) in [
        (
            "v1",
            "PersistentVolumeClaim",
            json!({}),
            json!({"phase": "Pending"}),
            "progressing it is not bound to a volume yet",
        ),
        (
            "v1",
            "PersistentVolumeClaim",
            json!({}),
            json!({"phase": "Bound"}),
            "current",
        ),
        (
            "v1",
            "Service",
            json!({"type": "ClusterIP"}),
            json!({}),
            "current",
        ),
        (
            "v1",
            "Service",
            json!({"type": "LoadBalancer"}),
            json!({}),
            "progressing it has no address from its load balancer yet",
        ),
        (
            "v1",
            "Service",
            json!({"type": "LoadBalancer"}),
            json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}),
            "current",
        ),
        (
            "v1",
            "Namespace",
            json!({}),
            json!({"phase": "Active"}),
            "current",
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            json!({}),
            json!({}),
            "progressing it is not served yet",
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            json!({}),
            condition("NamesAccepted", "False"),
            "failed R: m",
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            json!({}),
            condition("Established", "True"),
            "current",
        ),
        (
            "apiregistration.k8s.io/v1",
            "APIService",
            json!({}),
            condition("Available", "False"),
            "progressing R: m",
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({}),
            condition("ScalingActive", "False"),
            "progressing R: m",
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({}),
            condition("ScalingActive", "True"),
            "current",
        ),
        ("v1", "ConfigMap", json!({}), json!(null), "current"),
    ] {
        assert_eq!(
            says(&object(api_version, kind, spec, status)),
            expected,
            "{kind}"
        );
    }
}

#[test]
fn custom_resources_follow_the_convention_of_conditions() {
    let custom = |kind: &str, status: &str| {
        let conditions = json!([{"type": kind, "status": status, "reason": "R", "message": "m"}]);
        says(&object(
            "example.org/v1",
            "Thing",
            json!({}),
            json!({"conditions": conditions}),
        ))
    };
    assert_eq!(custom("Ready", "True"), "current");
    assert_eq!(custom("Ready", "False"), "progressing R: m");
    assert_eq!(custom("Ready", "Unknown"), "progressing R: m");
    assert_eq!(custom("Stalled", "True"), "failed R: m");
    assert_eq!(custom("Reconciling", "True"), "progressing R: m");
    assert_eq!(custom("Other", "False"), "current");
}

#[test]
fn an_object_that_is_being_deleted_is_terminating() {
    let mut leaving = object("v1", "ConfigMap", json!({}), json!({}));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-05T09:00:00Z");
    assert_eq!(assess(&leaving, &[]), Health::Terminating);
}
