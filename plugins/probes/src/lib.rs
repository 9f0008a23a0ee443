//! Probes that are there, ask a port that is there, and do not kill what is only busy.

mod probe;

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use trimtab_plugin::{
    Container, Context, Exemption, Finished, Object, PodSpec, Report, Rule, Severity, Sort,
    Validator, WORKLOADS, pod_spec,
};

use probe::{Handler, Probe, number_of};

/// Which probes containers must have.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Kinds of workloads whose containers need a readinessProbe; Deployment, StatefulSet and DaemonSet by default.
    pub readiness: Vec<Kind>,
    /// Kinds whose containers need a livenessProbe; none by default.
    pub liveness: Vec<Kind>,
    /// Kinds whose containers need a startupProbe; none by default.
    pub startup: Vec<Kind>,
    /// Kinds whose containers need one probe of any sort; none by default.
    pub any: Vec<Kind>,
    /// How probes may ask: `httpGet`, `tcpSocket`, `grpc`, `exec`; all by default.
    pub handlers: Vec<Handler>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readiness: vec![Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet],
            liveness: Vec::new(),
            startup: Vec::new(),
            any: Vec::new(),
            handlers: probe::HANDLERS.to_vec(),
            exempt: Vec::new(),
        }
    }
}

/// Workloads that go on running. Jobs come to an end and need no probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Kind {
    Pod,
    PodTemplate,
    ReplicationController,
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
}

impl Kind {
    fn of(object: &Object) -> Option<Self> {
        Some(match object.kind() {
            "Pod" => Self::Pod,
            "PodTemplate" => Self::PodTemplate,
            "ReplicationController" => Self::ReplicationController,
            "Deployment" => Self::Deployment,
            "StatefulSet" => Self::StatefulSet,
            "DaemonSet" => Self::DaemonSet,
            "ReplicaSet" => Self::ReplicaSet,
            _ => return None,
        })
    }
}

pub struct Probes;

const FIELDS: [&str; 3] = ["readinessProbe", "livenessProbe", "startupProbe"];

impl Rule for Probes {
    type Settings = Settings;
    const NAME: &'static str = "probes";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Containers have the probes they need, and the probes ask what is there.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "readiness",
            "containers of settings.readiness have a readinessProbe",
        ),
        (
            "liveness",
            "containers of settings.liveness have a livenessProbe",
        ),
        (
            "startup",
            "containers of settings.startup have a startupProbe",
        ),
        (
            "any",
            "containers of settings.any have a probe of some sort",
        ),
        (
            "handler",
            "a probe asks in one way, which is of settings.handlers",
        ),
        ("port", "a probe asks a port that is declared"),
        (
            "same",
            "a livenessProbe that asks what the readinessProbe asks gives up later",
        ),
        (
            "misplaced",
            "containers that end, or are put in later, have no probes",
        ),
    ];
    const KINDS: &'static [&'static str] = WORKLOADS;
}

impl Validator for Probes {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        for object in objects {
            let Some(pods) = pod_spec(object) else {
                continue;
            };
            let containers = pods.sorted_containers();
            for container in &containers {
                let mut judge = Judge {
                    settings: &context.settings,
                    object,
                    containers: &containers,
                    container,
                    report,
                };
                judge.container(&pods);
            }
        }
    }
}

struct Judge<'j, 'o> {
    settings: &'j Settings,
    object: &'o Object,
    /// All of the Pod: they share its ports.
    containers: &'j [Container<'o>],
    container: &'j Container<'o>,
    report: &'j mut Report,
}

impl Judge<'_, '_> {
    fn tell(
        &mut self,
        severity: Severity,
        rule: &str,
        message: impl Display,
        field: &str,
    ) -> Option<Finished<'_>> {
        let name = Some(self.container.name());
        if Exemption::any(&self.settings.exempt, rule, self.object, name) {
            return None;
        }
        let message = format!("{} {message}", self.container);
        let field = format!("{}/{field}", self.container.pointer);
        Some(match severity {
            Severity::Error => self.report.error(rule, message, self.object, &field),
            _ => self.report.warning(rule, message, self.object, &field),
        })
    }

    fn error(&mut self, rule: &str, message: impl Display, field: &str) -> Option<Finished<'_>> {
        self.tell(Severity::Error, rule, message, field)
    }

    fn container(&mut self, pods: &PodSpec<'_>) {
        let value = self.container.value;
        let probes = FIELDS.map(|field| Probe::read(value, field));
        if matches!(self.container.sort, Sort::Init | Sort::Ephemeral) {
            for probe in probes.iter().flatten() {
                let why = match self.container.sort {
                    Sort::Init => "ends before the others start",
                    _ => "is only for debugging",
                };
                let message = format!(
                    "{why} and can have no {}: the API server refuses it",
                    probe.field
                );
                self.error("misplaced", message, probe.field);
            }
            return;
        }
        let ends = matches!(
            pods.spec["restartPolicy"].as_str(),
            Some("Never" | "OnFailure")
        );
        if !ends {
            self.required(&probes);
        }
        for probe in probes.iter().flatten() {
            self.handler(probe);
            self.port(probe);
        }
        if let [Some(readiness), Some(liveness), _] = &probes {
            self.same(readiness, liveness);
        }
    }

    fn required(&mut self, probes: &[Option<Probe<'_>>; 3]) {
        let Some(kind) = Kind::of(self.object) else {
            return;
        };
        let settings = self.settings;
        let [readiness, liveness, startup] = probes;
        if settings.readiness.contains(&kind) && readiness.is_none() {
            let message = "has no readinessProbe: requests are sent to it before it can answer";
            let instead = readiness_from(self.container.value, liveness.as_ref());
            propose(self.error("readiness", message, FIELDS[0]), instead);
        }
        if settings.liveness.contains(&kind) && liveness.is_none() {
            let message = "has no livenessProbe: nobody starts it again when it hangs";
            self.error("liveness", message, FIELDS[1]);
        }
        if settings.startup.contains(&kind) && startup.is_none() {
            let message = "has no startupProbe: a slow start is taken for a failure";
            let instead = liveness.as_ref().and_then(startup_from);
            propose(self.error("startup", message, FIELDS[2]), instead);
        }
        if settings.any.contains(&kind) && probes.iter().all(Option::is_none) {
            let message = "has no probe: nobody knows whether it works";
            let instead = readiness_from(self.container.value, None);
            propose(self.error("any", message, FIELDS[0]), instead);
        }
    }

    fn handler(&mut self, probe: &Probe<'_>) {
        let allowed = &self.settings.handlers;
        match probe.handlers()[..] {
            [] => {
                let message = format!(
                    "has a {} that asks nothing; give it one of {}",
                    probe.field,
                    list(allowed)
                );
                self.error("handler", message, probe.field);
            }
            [handler] if allowed.contains(&handler) => {}
            [handler] => {
                let message = format!(
                    "has a {} by {handler}, which is not allowed; allowed are {}",
                    probe.field,
                    list(allowed)
                );
                self.error("handler", message, &format!("{}/{handler}", probe.field));
            }
            ref several => {
                let message = format!(
                    "has a {} that asks in several ways: {}; the API server takes one",
                    probe.field,
                    list(several)
                );
                self.error("handler", message, probe.field);
            }
        }
    }

    fn port(&mut self, probe: &Probe<'_>) {
        let Some((field, port)) = probe.port() else {
            return;
        };
        let own = &self.container.value["ports"];
        let found = match number_of(port, own) {
            // The kubelet looks for a name in the container itself, and for a number in the Pod.
            None => false,
            Some(number) => {
                let all = self.containers.iter();
                let mut declared = all.flat_map(|it| tcp(&it.value["ports"]));
                declared.any(|it| it["containerPort"].as_u64() == Some(number))
            }
        };
        if found {
            return;
        }
        let named = port.is_string() && number_of(port, own).is_none();
        let declared: Vec<&Value> = tcp(own).collect();
        let whom = match named {
            true => "it does not declare",
            false => "no container of the Pod declares",
        };
        let all: Vec<String> = declared.iter().map(|it| described(it)).collect();
        let rest = match all.is_empty() {
            true => "; it declares none".to_owned(),
            false => format!("; it declares {}", all.join(", ")),
        };
        let message = format!("has a {} of port {port}, which {whom}{rest}", probe.field);
        // A number works without being declared. Beside others, it is rather mistyped.
        let severity = match named || !declared.is_empty() {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let instead = match declared[..] {
            [only] if named && only["name"].is_string() => only["name"].as_str().map(str::to_owned),
            [only] => Some(only["containerPort"].to_string()),
            _ => None,
        };
        let field = format!("{}/{field}", probe.field);
        propose(self.tell(severity, "port", message, &field), instead);
    }

    fn same(&mut self, readiness: &Probe<'_>, liveness: &Probe<'_>) {
        let ports = &self.container.value["ports"];
        if !liveness.asks_as(readiness, ports) || liveness.patience() > readiness.patience() {
            return;
        }
        let message = format!(
            "has a livenessProbe that asks what its readinessProbe asks and gives up no later, after {} s: what is only busy is killed; ask less, or wait longer",
            liveness.patience()
        );
        // Twice as long as it takes to be sent no more requests.
        let longer = readiness.patience().saturating_mul(2);
        let threshold = longer.div_ceil(liveness.period());
        let finding = self.tell(
            Severity::Warning,
            "same",
            message,
            "livenessProbe/failureThreshold",
        );
        propose(finding, Some(threshold.to_string()));
    }
}

fn propose(finding: Option<Finished<'_>>, instead: Option<String>) {
    if let (Some(finding), Some(instead)) = (finding, instead) {
        finding.propose(instead);
    }
}

/// Ports that a probe can ask.
fn tcp(ports: &Value) -> impl Iterator<Item = &Value> {
    let ports = ports.as_array().into_iter().flatten();
    ports.filter(|port| matches!(port["protocol"].as_str(), None | Some("TCP")))
}

/// `8080 (http)`.
fn described(port: &Value) -> String {
    match port["name"].as_str() {
        Some(name) => format!("{} ({name})", port["containerPort"]),
        None => port["containerPort"].to_string(),
    }
}

fn list(handlers: &[Handler]) -> String {
    let texts: Vec<String> = handlers.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// What the livenessProbe asks, or else whether the only port is open.
fn readiness_from(container: &Value, liveness: Option<&Probe<'_>>) -> Option<String> {
    if let Some((probe, handler)) =
        liveness.and_then(|it| Some((it, it.handlers().first()?.field())))
    {
        // Out of the Service at once, before the livenessProbe gives up.
        return Some(json!({handler: probe.value[handler], "failureThreshold": 1}).to_string());
    }
    let mut ports = tcp(&container["ports"]);
    let (only, None) = (ports.next()?, ports.next()) else {
        return None;
    };
    let port = match &only["name"] {
        Value::Null => &only["containerPort"],
        name => name,
    };
    Some(json!({"tcpSocket": {"port": port}}).to_string())
}

/// What the livenessProbe asks, for thirty periods.
fn startup_from(liveness: &Probe<'_>) -> Option<String> {
    let handler = liveness.handlers().first()?.field();
    let asked = &liveness.value[handler];
    Some(json!({handler: asked, "failureThreshold": 30}).to_string())
}

trimtab_plugin::export_validator!(Probes);

#[cfg(test)]
mod tests;
