//! No two Services of the platform take one port of the nodes, or one address.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{Exemption, Level, Levels, Object, Platform, Referential, Report, Rule};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// First port that may be proposed.
    pub from: u64,
    /// Last port that may be proposed.
    pub to: u64,
    /// `error`, `warning`, `info` or `ignore` by a rule's id.
    pub levels: Levels<UniqueNodePorts>,
    /// Services that share by intent.
    pub exempt: Vec<Exemption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            from: 30000,
            to: 32767,
            levels: Levels::default(),
            exempt: Vec::new(),
        }
    }
}

pub struct UniqueNodePorts;

impl Rule for UniqueNodePorts {
    type Settings = Settings;
    const NAME: &'static str = "unique-node-ports";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "No two Services take one nodePort, or one port of an address.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "taken",
            "a nodePort or healthCheckNodePort is taken by one Service only, for each protocol",
        ),
        (
            "address",
            "a port of an external or load balancer's IP address is taken by one Service only",
        ),
    ];
    const KINDS: &'static [&'static str] = &["Service"];
}

/// Annotations by which load balancers are asked for addresses, separated by commas.
const ADDRESSES: &[&str] = &[
    "kube-vip.io/loadbalancerIPs",
    "lbipam.cilium.io/ips",
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
];

struct Claim<'o> {
    service: &'o Object,
    field: String,
}

/// Who takes a port for a protocol: of every node, or of an address.
#[derive(Default)]
struct Claims<'o> {
    nodes: BTreeMap<(u64, &'o str), Vec<Claim<'o>>>,
    addresses: BTreeMap<(&'o str, u64, &'o str), Vec<Claim<'o>>>,
}

impl<'o> Claims<'o> {
    fn take(&mut self, service: &'o Object) {
        let addresses = addresses(service);
        for (pointer, entry) in service.items("/spec/ports") {
            let protocol = entry["protocol"].as_str().unwrap_or("TCP");
            if let Some(port) = entry["nodePort"].as_u64().filter(|port| *port > 0) {
                let field = format!("{pointer}/nodePort");
                let claims = self.nodes.entry((port, protocol)).or_default();
                claims.push(Claim { service, field });
            }
            for (address, field) in &addresses {
                if let Some(port) = entry["port"].as_u64() {
                    let claims = self.addresses.entry((address, port, protocol));
                    let field = field.clone();
                    claims.or_default().push(Claim { service, field });
                }
            }
        }
        let health = service.at("/spec/healthCheckNodePort").as_u64();
        if let Some(port) = health.filter(|port| *port > 0) {
            let field = "/spec/healthCheckNodePort".to_owned();
            let claims = self.nodes.entry((port, "TCP")).or_default();
            claims.push(Claim { service, field });
        }
    }
}

/// The addresses that a Service asks for, and where.
fn addresses(service: &Object) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = service
        .items("/spec/externalIPs")
        .filter_map(|(pointer, it)| Some((it.as_str()?, pointer)))
        .collect();
    if service.at("/spec/type") == "LoadBalancer" {
        let one = service.at("/spec/loadBalancerIP").as_str();
        found.extend(one.map(|it| (it, "/spec/loadBalancerIP".to_owned())));
        for name in ADDRESSES {
            let text = service.at("/metadata/annotations")[*name].as_str();
            let field = format!("/metadata/annotations/{}", name.replace('/', "~1"));
            let several = text.unwrap_or_default().split(',');
            found.extend(several.map(|it| (it.trim(), field.clone())));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|(address, _)| !address.is_empty() && seen.insert(*address));
    found
}

impl Referential for UniqueNodePorts {
    fn validate_all(platform: &Platform<Settings>, objects: &[Object], report: &mut Report) {
        let mut claims = Claims::default();
        for service in objects {
            claims.take(service);
        }
        let settings = &platform.settings;
        let taken: BTreeSet<u64> = claims.nodes.keys().map(|(port, _)| *port).collect();
        for ((port, _), rivals) in &claims.nodes {
            let nearest = nearest_free(settings, &taken, *port).filter(|_| rivals.len() > 1);
            let what = format!("the nodePort {port}");
            tell(settings, "taken", &what, nearest, rivals, report);
        }
        for ((address, port, protocol), rivals) in &claims.addresses {
            let what = format!("the port {port} ({protocol}) of {address}");
            tell(settings, "address", &what, None, rivals, report);
        }
    }
}

/// Looks outward from a port, so that the cost is that of the gap.
fn nearest_free(settings: &Settings, taken: &BTreeSet<u64>, port: u64) -> Option<u64> {
    let free = |port: &u64| !taken.contains(port);
    let (from, to) = (settings.from, settings.to.min(65535));
    let below = (from..port.min(to + 1)).rev().find(free);
    let above = (port.max(from)..=to).find(free);
    below
        .into_iter()
        .chain(above)
        .min_by_key(|it| it.abs_diff(port))
}

/// Each side is told of another one.
fn tell(
    settings: &Settings,
    rule: &str,
    what: &str,
    instead: Option<u64>,
    rivals: &[Claim<'_>],
    report: &mut Report,
) {
    for (index, claim) in rivals.iter().enumerate().filter(|_| rivals.len() > 1) {
        if Exemption::any(&settings.exempt, rule, claim.service, None) {
            continue;
        }
        let other = rivals[usize::from(index == 0)].service;
        let message = format!(
            "{what} is taken by the Service {}/{} of {} ({})",
            other.namespace(),
            other.name(),
            other.kit,
            other.origin(),
        );
        let level = settings.levels.of(rule, Level::Error);
        let Some(finding) = report.tell(level, rule, message, claim.service, &claim.field) else {
            continue;
        };
        let finding = finding
            .tag("other-kit", &other.kit)
            .tag("other-origin", other.origin());
        if let Some(instead) = instead {
            finding.propose(instead);
        }
    }
}

trimtab_plugin::export_referential!(UniqueNodePorts);

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_plugin::run::from_yaml;
    use trimtab_plugin::testing;

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

    #[test]
    fn every_case_gives_what_it_expects() {
        testing::referential_cases::<UniqueNodePorts>(CASES);
    }

    #[test]
    fn odd_objects_give_findings_and_no_panic() {
        testing::referential_odd_objects::<UniqueNodePorts>(CASES);
    }

    #[test]
    fn the_nearest_free_port_is_within_the_bounds() {
        let settings = Settings {
            from: 30010,
            to: 30012,
            ..Settings::default()
        };
        let taken = BTreeSet::from([30000, 30010, 30011]);
        for port in [1, 30000, 30010, 30011, 40000, u64::MAX] {
            assert_eq!(nearest_free(&settings, &taken, port), Some(30012), "{port}");
        }
        let all = BTreeSet::from([30010, 30011, 30012]);
        assert_eq!(nearest_free(&settings, &all, 30010), None);
    }

    fn service(kit: &str, name: &str, port: u64, protocol: &str) -> Object {
        let yaml = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: ns}}\nspec: {{ports: [{{port: 80, nodePort: {port}, protocol: {protocol}}}]}}\n"
        );
        from_yaml(kit, &yaml).remove(0)
    }

    fn messages(objects: &[Object]) -> Vec<(String, Option<String>)> {
        let mut report = Report::default();
        let platform = Platform::new(Settings::default());
        UniqueNodePorts::validate_all(&platform, objects, &mut report);
        report
            .findings()
            .iter()
            .map(|it| (it.message.clone(), it.proposed.clone()))
            .collect()
    }

    #[test]
    fn each_side_of_a_clash_is_told_of_the_other() {
        let objects = [
            service("kits/a", "x", 30080, "TCP"),
            service("kits/b", "y", 30080, "TCP"),
        ];
        let found = messages(&objects);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0].0,
            "the nodePort 30080 is taken by the Service ns/y of kits/b (kits/b/test.yaml:1)"
        );
        assert_eq!(found[0].1.as_deref(), Some("30079"));
    }

    #[test]
    fn other_ports_and_other_protocols_do_not_clash() {
        let objects = [
            service("kits/a", "x", 30080, "TCP"),
            service("kits/b", "y", 30080, "UDP"),
            service("kits/c", "z", 30081, "TCP"),
        ];
        assert_eq!(messages(&objects), []);
    }
}
