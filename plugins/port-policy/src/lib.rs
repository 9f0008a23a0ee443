//! Ports of Services and containers within allowed ranges, and Services that lead somewhere.

mod ranges;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::{Context, Exemption, Object, PodSpec, Report, Rule, Validator, pod_spec};

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
    /// `hostPort` of containers, and `containerPort` where Pods are in the node's network; all by
    /// default, none if it allows nothing.
    pub host: Option<Allowed>,
    /// Protocols of Services' and containers' ports (`TCP`, `UDP`, `SCTP`); all by default.
    pub protocols: Option<Vec<String>>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
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
        (
            "host-port",
            "a port on the node is within settings.host.allow",
        ),
        ("protocol", "a port's protocol is one of settings.protocols"),
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
        "PodTemplate",
        "ReplicationController",
    ];
}

impl Validator for PortPolicy {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        // Once, for every Service looks through them.
        let workloads: Vec<(&str, PodSpec<'_>)> = objects
            .iter()
            .filter_map(|object| Some((object.namespace(), pod_spec(object)?)))
            .collect();
        let mut judge = Judge {
            settings: &context.settings,
            report,
        };
        for object in objects {
            if object.kind() == "Service" && object.group().is_empty() {
                judge.service(object);
                if !context.settings.allow_undeclared_target_ports {
                    judge.target_ports(object, &workloads);
                }
            }
            judge.containers(object);
        }
    }
}

/// Where a port stands.
struct Place<'p> {
    object: &'p Object,
    /// RFC 6901 pointer to the entry of the list.
    pointer: String,
    entry: &'p Value,
    /// None for a Service's.
    container: Option<&'p str>,
}

struct Judge<'j> {
    settings: &'j Settings,
    report: &'j mut Report,
}

impl Judge<'_> {
    fn service(&mut self, object: &Object) {
        let nodes = self.settings.node.as_ref();
        let nodes = nodes.map_or(Ranges::new(30000, 32767), |node| node.allow.clone());
        for (pointer, entry) in object.items("/spec/ports") {
            let place = Place {
                object,
                pointer,
                entry,
                container: None,
            };
            let allowed = &self.settings.service.allow;
            self.port(
                "service-port",
                "the Service's port",
                allowed,
                &place,
                "port",
            );
            self.port("node-port", "the nodePort", &nodes, &place, "nodePort");
            self.protocol(&place);
        }
    }

    fn containers(&mut self, object: &Object) {
        let Some(pods) = pod_spec(object) else { return };
        let settings = self.settings;
        let allowed = settings.by_kind.get(object.kind());
        let allowed = &allowed.unwrap_or(&settings.container).allow;
        // The API server asks that a hostPort is the containerPort there.
        let on_node = pods.spec["hostNetwork"] == true;
        let host_field = if on_node { "containerPort" } else { "hostPort" };
        for container in pods.sorted_containers() {
            let ports = container.value["ports"].as_array().into_iter().flatten();
            for (index, entry) in ports.enumerate() {
                let place = Place {
                    object,
                    pointer: format!("{}/ports/{index}", container.pointer),
                    entry,
                    container: Some(container.name()),
                };
                let what = "the containerPort";
                self.port("container-port", what, allowed, &place, "containerPort");
                if let Some(host) = &settings.host {
                    self.port(
                        "host-port",
                        "the node's port",
                        &host.allow,
                        &place,
                        host_field,
                    );
                }
                self.protocol(&place);
            }
        }
    }

    fn port(&mut self, rule: &str, what: &str, allowed: &Ranges, place: &Place<'_>, field: &str) {
        let Some(port) = place.entry[field].as_u64() else {
            return;
        };
        // 0 is a hostPort that is none.
        if allowed.contains(port) || (field == "hostPort" && port == 0) || self.spares(rule, place)
        {
            return;
        }
        let name = place.object.name();
        let message = match allowed.is_empty() {
            true => format!("{what} {port} of {name} is not allowed; none is"),
            false => format!("{what} {port} of {name} is not allowed; allowed are {allowed}"),
        };
        let field = format!("{}/{field}", place.pointer);
        let finding = self.report.error(rule, message, place.object, &field);
        if let Some(nearest) = allowed.nearest(port) {
            finding.propose(nearest);
        }
    }

    fn protocol(&mut self, place: &Place<'_>) {
        let Some(allowed) = &self.settings.protocols else {
            return;
        };
        let protocol = place.entry["protocol"].as_str().unwrap_or("TCP");
        if allowed.iter().any(|it| it == protocol) || self.spares("protocol", place) {
            return;
        }
        let message = format!(
            "the protocol {protocol} of a port of {} is not allowed; allowed are {}",
            place.object.name(),
            allowed.join(", ")
        );
        let field = match place.entry["protocol"].is_null() {
            true => place.pointer.clone(),
            false => format!("{}/protocol", place.pointer),
        };
        self.report.error("protocol", message, place.object, &field);
    }

    fn spares(&self, rule: &str, place: &Place<'_>) -> bool {
        Exemption::any(&self.settings.exempt, rule, place.object, place.container)
    }

    /// A Service leads to Pods by labels, and to a port of theirs by number or name.
    fn target_ports(&mut self, service: &Object, workloads: &[(&str, PodSpec<'_>)]) {
        if Exemption::any(&self.settings.exempt, "target-port", service, None) {
            return;
        }
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
            let finding = self.report.error(
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
}

trimtab_plugin::export_validator!(PortPolicy);

#[cfg(test)]
mod tests;
