//! Built-in kinds that are no workloads.

use serde_json::Value;

use super::Health;
use super::conditions::{condition, words};

pub(super) fn volume_claim(object: &Value) -> Health {
    match object["status"]["phase"].as_str() {
        Some("Bound") => Health::Current,
        Some("Lost") => Health::Failed("the volume that it was bound to is lost".into()),
        // A claim that is bound when its first Pod comes waits for a Pod, and a kit that is only
        // the claim would never be ready; whoever uses it tells.
        _ => Health::Progressing("it is not bound to a volume yet".into()),
    }
}

/// Unlike kstatus: a LoadBalancer without an address serves nobody.
pub(super) fn service(object: &Value) -> Health {
    let balanced = object["spec"]["type"] == "LoadBalancer";
    let addresses = object["status"]["loadBalancer"]["ingress"].as_array();
    if balanced && addresses.is_none_or(Vec::is_empty) {
        return Health::Progressing("it has no address from its load balancer yet".into());
    }
    Health::Current
}

pub(super) fn namespace(object: &Value) -> Health {
    match object["status"]["phase"].as_str() {
        Some("Terminating") => Health::Terminating,
        _ => Health::Current,
    }
}

pub(super) fn definition(object: &Value) -> Health {
    if let Some(names) = condition(object, "NamesAccepted").filter(|it| it["status"] == "False") {
        return Health::Failed(words(names));
    }
    match condition(object, "Established") {
        Some(it) if it["status"] == "True" => Health::Current,
        Some(it) => Health::Progressing(words(it)),
        None => Health::Progressing("it is not served yet".into()),
    }
}

pub(super) fn api_service(object: &Value) -> Health {
    match condition(object, "Available") {
        Some(it) if it["status"] == "True" => Health::Current,
        Some(it) => Health::Progressing(words(it)),
        None => Health::Progressing("it is not available yet".into()),
    }
}

/// An autoscaler that cannot scale, or has no metrics to go by. One that is switched off, because
/// its target has no replicas, is as it should be.
pub(super) fn autoscaler(object: &Value) -> Health {
    for kind in ["AbleToScale", "ScalingActive"] {
        if let Some(it) = condition(object, kind).filter(|it| it["status"] == "False")
            && it["reason"] != "ScalingDisabled"
        {
            return Health::Progressing(words(it));
        }
    }
    Health::Current
}
