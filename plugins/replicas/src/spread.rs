//! Whether a workload's Pods are kept apart.

use serde_json::{Value, json};
use trimtab_plugin::{LabelSelector, Pattern};

use crate::workload::Workload;

pub enum Spread {
    Apart,
    /// There are rules, but none is for these Pods, or by a key that counts.
    OfOthers,
    Nothing,
}

/// By topologySpreadConstraints or by podAntiAffinity of any strength.
pub fn spread(workload: &Workload<'_>, keys: &[Pattern]) -> Spread {
    let spec = workload.pods.spec;
    let anti = &spec["affinity"]["podAntiAffinity"];
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let preferred = list(&anti["preferredDuringSchedulingIgnoredDuringExecution"]);
    let terms = list(&spec["topologySpreadConstraints"])
        .into_iter()
        .chain(list(
            &anti["requiredDuringSchedulingIgnoredDuringExecution"],
        ))
        .chain(
            preferred
                .into_iter()
                .map(|it| it["podAffinityTerm"].clone()),
        );
    let mut found = Spread::Nothing;
    for term in terms {
        let key = term["topologyKey"].as_str().unwrap_or_default();
        let own = LabelSelector::read(&term["labelSelector"])
            .is_some_and(|selector| selector.matches(workload.pods.labels));
        if own && (keys.is_empty() || Pattern::any(keys, key)) {
            return Spread::Apart;
        }
        found = Spread::OfOthers;
    }
    found
}

/// What may be written: one Pod more or less on each node, where that is possible.
pub fn proposed(workload: &Workload<'_>, keys: &[Pattern]) -> Option<String> {
    let selector = workload.object.at("/spec/selector");
    if !selector.is_object() {
        return None;
    }
    let hostname = "kubernetes.io/hostname";
    let key = match keys {
        [] => hostname.to_owned(),
        keys if Pattern::any(keys, hostname) => hostname.to_owned(),
        [first, ..] => first.to_string(),
    };
    let constraint = json!([{
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector,
    }]);
    Some(constraint.to_string())
}
