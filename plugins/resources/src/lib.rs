//! What containers ask for and what they may have.

mod quantity;
mod written;

use std::collections::BTreeMap;
use std::fmt::Display;

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{
    Context, Exemption, Finished, Object, Report, Rule, Sort, Validator, WORKLOADS, pod_spec,
};

use quantity::{Amount, Quantity};
use written::Written;

/// What resources containers must name, and how much.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Requests; `cpu` and `memory` are required by default.
    pub requests: Bounds,
    /// Limits; `memory` is required by default.
    pub limits: Bounds,
    /// By resource, how many times its request a limit may be at most; 1 is the same.
    pub ratios: BTreeMap<String, Quantity>,
    /// Whether init containers that end are looked at; true by default. Sidecars always are.
    pub init_containers: bool,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            requests: Bounds::default(),
            limits: Bounds::default(),
            ratios: BTreeMap::new(),
            init_containers: true,
            exempt: Vec::new(),
        }
    }
}

/// What is asked of requests, or of limits.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Bounds {
    /// Resources that every container names, as `cpu`, `memory`, `ephemeral-storage`.
    pub required: Option<Vec<String>>,
    /// By resource, the least and the most.
    pub ranges: BTreeMap<String, Range>,
}

impl Bounds {
    fn required(&self, otherwise: &[&str]) -> Vec<String> {
        let default = || otherwise.iter().map(|it| (*it).to_owned()).collect();
        self.required.clone().unwrap_or_else(default)
    }
}

/// Both ends are allowed.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Range {
    /// The least; anything by default.
    pub min: Option<Quantity>,
    /// The most; anything by default.
    pub max: Option<Quantity>,
}

pub struct Resources;

impl Rule for Resources {
    type Settings = Settings;
    const NAME: &'static str = "resources";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Containers say what they ask for and what they may have, within bounds.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "quantity",
            "what is written is a quantity, and not a thousandth of a byte",
        ),
        (
            "request-required",
            "a container requests each of settings.requests.required",
        ),
        (
            "limit-required",
            "a container limits each of settings.limits.required",
        ),
        (
            "request-range",
            "a request is within settings.requests.ranges",
        ),
        ("limit-range", "a limit is within settings.limits.ranges"),
        ("limit-below-request", "no limit is below its request"),
        (
            "ratio",
            "a limit is at most settings.ratios times its request",
        ),
    ];
    const KINDS: &'static [&'static str] = WORKLOADS;
}

impl Validator for Resources {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let settings = &context.settings;
        let requests = settings.requests.required(&["cpu", "memory"]);
        let limits = settings.limits.required(&["memory"]);
        for object in objects {
            let Some(pods) = pod_spec(object) else {
                continue;
            };
            // Since Kubernetes 1.34 a Pod may have resources that its containers share.
            let shared = Written::read(&pods.spec["resources"]);
            let mut whole = Judge {
                settings,
                object,
                container: None,
                owner: "the Pod".into(),
                pointer: format!("{}/resources", pods.pointer),
                written: &shared,
                report,
            };
            whole.quantities();
            whole.limits_and_requests();
            for container in pods.sorted_containers() {
                match container.sort {
                    Sort::Ephemeral => continue,
                    Sort::Init if !settings.init_containers => continue,
                    _ => {}
                }
                let written = Written::read(&container.value["resources"]);
                let mut judge = Judge {
                    settings,
                    object,
                    container: Some(container.name()),
                    owner: container.to_string(),
                    pointer: format!("{}/resources", container.pointer),
                    written: &written,
                    report,
                };
                judge.quantities();
                judge.required(&requests, &limits, &shared);
                judge.ranges();
                judge.limits_and_requests();
            }
        }
    }
}

/// One container's resources, or a Pod's.
struct Judge<'j> {
    settings: &'j Settings,
    object: &'j Object,
    container: Option<&'j str>,
    owner: String,
    pointer: String,
    written: &'j Written<'j>,
    report: &'j mut Report,
}

impl Judge<'_> {
    fn error(&mut self, rule: &str, message: impl Display, field: &str) -> Option<Finished<'_>> {
        let exempt = &self.settings.exempt;
        if Exemption::any(exempt, rule, self.object, self.container) {
            return None;
        }
        let (message, field) = (
            format!("{} {message}", self.owner),
            format!("{}/{field}", self.pointer),
        );
        Some(self.report.error(rule, message, self.object, &field))
    }

    fn quantities(&mut self) {
        for fault in self.written.faults() {
            let finding = self.error("quantity", &fault.message, &fault.field);
            propose(finding, fault.instead);
        }
    }

    fn required(&mut self, requests: &[String], limits: &[String], shared: &Written<'_>) {
        let written = self.written;
        for resource in requests {
            // The API server makes a limit the request where there is none.
            let named = |it: &Written<'_>| it.names_request(resource) || it.names_limit(resource);
            if named(written) || named(shared) {
                continue;
            }
            let message = format!("requests no {resource}");
            let least = self.settings.requests.ranges.get(resource);
            let least = least.and_then(|range| range.min.as_ref().map(ToString::to_string));
            let field = format!("requests/{}", escaped(resource));
            propose(self.error("request-required", message, &field), least);
        }
        for resource in limits {
            if written.names_limit(resource) || shared.names_limit(resource) {
                continue;
            }
            let message = format!("has no {resource} limit: it may take what the node has");
            let field = format!("limits/{}", escaped(resource));
            let instead = self.limit_for(resource);
            propose(self.error("limit-required", message, &field), instead);
        }
    }

    /// As far from the request as is allowed; the request itself for what cannot be taken back.
    fn limit_for(&self, resource: &str) -> Option<String> {
        let request = self.written.request(resource)?.amount;
        let most = match self.settings.ratios.get(resource) {
            Some(ratio) => request.times(ratio.amount),
            None if resource == "cpu" => return None,
            None => request,
        };
        let range = self.settings.limits.ranges.get(resource);
        let end = |end: Option<&Quantity>| end.map(|it| it.amount);
        let min = end(range.and_then(|it| it.min.as_ref())).unwrap_or(most);
        let max = end(range.and_then(|it| it.max.as_ref())).unwrap_or(most);
        let amount = most.max(min).min(max);
        (amount >= request).then(|| amount.text(resource))
    }

    fn ranges(&mut self) {
        let settings = self.settings;
        for (resource, range) in &settings.requests.ranges {
            let Some(request) = self.written.request(resource) else {
                continue;
            };
            let what = match request.from_limit {
                true => format!("requests {} of {resource}, as its limit says", request.text),
                false => format!("requests {} of {resource}", request.text),
            };
            self.range(
                "request-range",
                &what,
                request.amount,
                range,
                &request.field,
            );
        }
        for (resource, range) in &settings.limits.ranges {
            let Some(limit) = self.written.limit(resource) else {
                continue;
            };
            let what = format!("has a {resource} limit of {}", limit.text);
            self.range("limit-range", &what, limit.amount, range, &limit.field);
        }
    }

    fn range(&mut self, rule: &str, what: &str, amount: Amount, range: &Range, field: &str) {
        let (word, end) = match (&range.min, &range.max) {
            (Some(min), _) if amount < min.amount => ("least", min),
            (_, Some(max)) if amount > max.amount => ("most", max),
            _ => return,
        };
        let message = format!("{what}; at {word} {end} is allowed");
        propose(self.error(rule, message, field), Some(end.to_string()));
    }

    fn limits_and_requests(&mut self) {
        let (written, settings) = (self.written, self.settings);
        for (resource, limit) in written.limits() {
            let Some(request) = written.request(resource).filter(|it| !it.from_limit) else {
                continue;
            };
            if limit.amount < request.amount {
                let message = format!(
                    "requests {} of {resource} and may have only {}: the API server refuses it",
                    request.text, limit.text
                );
                let finding = self.error("limit-below-request", message, &limit.field);
                propose(finding, Some(request.text));
                continue;
            }
            let Some(ratio) = settings.ratios.get(resource) else {
                continue;
            };
            let most = request.amount.times(ratio.amount);
            if limit.amount <= most {
                continue;
            }
            let message = format!(
                "has a {resource} limit of {}, which is {} its request of {}; at most {ratio} times is allowed",
                limit.text,
                times(limit.amount, request.amount),
                request.text
            );
            let instead = (most >= request.amount && most.0 > 0).then(|| most.text(resource));
            propose(self.error("ratio", message, &limit.field), instead);
        }
    }
}

/// `4 times`, `1.25 times`.
fn times(limit: Amount, request: Amount) -> String {
    if request.0 <= 0 {
        return "any number of times".into();
    }
    let whole = limit.0 / request.0;
    let hundredths = (limit.0 % request.0).saturating_mul(100) / request.0;
    match hundredths {
        0 => format!("{whole} times"),
        _ => format!("{whole}.{hundredths:02} times"),
    }
}

fn propose(finding: Option<Finished<'_>>, instead: Option<String>) {
    if let (Some(finding), Some(instead)) = (finding, instead) {
        finding.propose(instead);
    }
}

/// A name as a token of a pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

trimtab_plugin::export_validator!(Resources);

#[cfg(test)]
mod tests;
