//! Ports of Services and containers within allowed ranges, and Services that lead somewhere.

mod ranges;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::{Context, Object, PodSpec, Report, Rule, Validator, pod_spec};

use ranges::Ranges;

/// Which ports are allowed.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// `port` of Services; all by default.
    pub service: Allowed,
    /// `containerPort` of containers, in any kind of workload; all by default.
    pub container: Allowed,
    /// `nodePort` of Services; 30000-32767 by default.
    pub node: Option<Allowed>,
    /// Container ports by kind of workload (`Deployment`, `CronJob`), in place of `container`.
    pub by_kind: BTreeMap<String, Allowed>,
    /// Leave Services alone whose `targetPort` no container of the kit declares.
    pub allow_undeclared_target_ports: bool,
}

#[derive(Deserialize, JsonSchema, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allowed {
    /// Ports (`443`) and ranges (`1024-9999`).
    pub allow: Ranges,
}

impl Default for Allowed {
    fn default() -> Self {
        Self {
            allow: Ranges::new(1, 65535),
        }
    }
}

pub struct PortPolicy;

impl Rule for PortPolicy {
    type Settings = Settings;
    const NAME: &'static str = "port-policy";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Ports of Services and containers are within the allowed ranges.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "service-port",
            "a Service's port is within settings.service.allow",
        ),
        (
            "node-port",
            "a Service's nodePort is within settings.node.allow",
        ),
        (
            "container-port",
            "a containerPort is within settings.container.allow, or the kind's own range",
        ),
        (
            "target-port",
            "a Service's targetPort is a port that a container of the selected Pods declares",
        ),
    ];
    const KINDS: &'static [&'static str] = &[
        "Service",
        "Pod",
        "Deployment.apps",
        "StatefulSet.apps",
        "DaemonSet.apps",
        "ReplicaSet.apps",
        "Job.batch",
        "CronJob.batch",
    ];
}

impl Validator for PortPolicy {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let settings = &context.settings;
        // Once, for every Service looks through them.
        let workloads: Vec<(&str, PodSpec<'_>)> = objects
            .iter()
            .filter_map(|object| Some((object.namespace(), pod_spec(object)?)))
            .collect();
        for object in objects {
            if object.kind() == "Service" && object.group().is_empty() {
                service(settings, object, report);
                if !settings.allow_undeclared_target_ports {
                    target_ports(object, &workloads, report);
                }
            }
            containers(settings, object, report);
        }
    }
}

fn service(settings: &Settings, object: &Object, report: &mut Report) {
    let nodes = settings
        .node
        .as_ref()
        .map_or(Ranges::new(30000, 32767), |node| node.allow.clone());
    for (pointer, port) in object.items("/spec/ports") {
        check(
            "service-port",
            "the Service's port",
            &settings.service.allow,
            &port["port"],
            object,
            &format!("{pointer}/port"),
            report,
        );
        check(
            "node-port",
            "the nodePort",
            &nodes,
            &port["nodePort"],
            object,
            &format!("{pointer}/nodePort"),
            report,
        );
    }
}

fn containers(settings: &Settings, object: &Object, report: &mut Report) {
    let Some(pods) = pod_spec(object) else { return };
    let allowed = settings
        .by_kind
        .get(object.kind())
        .unwrap_or(&settings.container);
    for (pointer, container) in pods.containers() {
        for (index, port) in container["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let pointer = format!("{pointer}/ports/{index}/containerPort");
            check(
                "container-port",
                "the containerPort",
                &allowed.allow,
                &port["containerPort"],
                object,
                &pointer,
                report,
            );
        }
    }
}

fn check(
    rule: &str,
    what: &str,
    allowed: &Ranges,
    port: &Value,
    object: &Object,
    pointer: &str,
    report: &mut Report,
) {
    let Some(port) = port.as_u64() else { return };
    if allowed.contains(port) {
        return;
    }
    let message = format!(
        "{what} {port} of {} is not allowed; allowed are {allowed}",
        object.name()
    );
    let finding = report.error(rule, message, object, pointer);
    if let Some(nearest) = allowed.nearest(port) {
        finding.propose(nearest);
    }
}

/// A Service leads to Pods by labels, and to a port of theirs by number or name.
fn target_ports(service: &Object, workloads: &[(&str, PodSpec<'_>)], report: &mut Report) {
    let Some(selector) = service
        .at("/spec/selector")
        .as_object()
        .filter(|selector| !selector.is_empty())
    else {
        return;
    };
    let selected: Vec<&PodSpec<'_>> = workloads
        .iter()
        .filter(|(namespace, _)| *namespace == service.namespace())
        .map(|(_, pods)| pods)
        .filter(|pods| {
            selector
                .iter()
                .all(|(name, value)| pods.labels[name] == *value)
        })
        .collect();
    if selected.is_empty() {
        // The Pods are another kit's: there is nothing to compare with.
        return;
    }
    let declared: Vec<&Value> = selected
        .iter()
        .flat_map(|pods| pods.containers())
        .flat_map(|(_, container)| container["ports"].as_array().into_iter().flatten())
        .collect();
    for (pointer, port) in service.items("/spec/ports") {
        let (target, field) = match &port["targetPort"] {
            Value::Null => (&port["port"], "port"),
            target => (target, "targetPort"),
        };
        let known = declared.iter().any(|port| match target {
            Value::String(name) => port["name"] == *name.as_str(),
            number => port["containerPort"] == *number,
        });
        if known || target.is_null() {
            continue;
        }
        let message = format!(
            "no container behind the Service {} declares the port {target}",
            service.name()
        );
        let finding = report.error(
            "target-port",
            message,
            service,
            &format!("{pointer}/{field}"),
        );
        if let [only] = &declared[..]
            && field == "targetPort"
        {
            let proposed = if target.is_string() && only["name"].is_string() {
                &only["name"]
            } else {
                &only["containerPort"]
            };
            finding.propose(
                proposed
                    .as_str()
                    .map_or_else(|| proposed.to_string(), str::to_owned),
            );
        }
    }
}

trimtab_plugin::export_validator!(PortPolicy);

#[cfg(test)]
mod tests;
