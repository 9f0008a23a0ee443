//! No two Services of the platform take one nodePort.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{Object, Platform, Referential, Report, Rule};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// First port that may be proposed.
    pub from: u64,
    /// Last port that may be proposed.
    pub to: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            from: 30000,
            to: 32767,
        }
    }
}

pub struct UniqueNodePorts;

impl Rule for UniqueNodePorts {
    type Settings = Settings;
    const NAME: &'static str = "unique-node-ports";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "No two Services take one nodePort.";
    const RULES: &'static [(&'static str, &'static str)] = &[(
        "taken",
        "a nodePort is taken by one Service only, for each protocol",
    )];
    const KINDS: &'static [&'static str] = &["Service"];
}

struct Claim<'o> {
    service: &'o Object,
    field: String,
    port: u64,
}

impl Referential for UniqueNodePorts {
    fn validate_all(platform: &Platform<Settings>, objects: &[Object], report: &mut Report) {
        let mut claims: BTreeMap<(u64, &str), Vec<Claim<'_>>> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for service in objects {
            for (pointer, entry) in service.items("/spec/ports") {
                let Some(port) = entry["nodePort"].as_u64() else {
                    continue;
                };
                let protocol = entry["protocol"].as_str().unwrap_or("TCP");
                taken.insert(port);
                claims.entry((port, protocol)).or_default().push(Claim {
                    service,
                    field: format!("{pointer}/nodePort"),
                    port,
                });
            }
        }
        for rivals in claims.values().filter(|rivals| rivals.len() > 1) {
            for (index, claim) in rivals.iter().enumerate() {
                let other = &rivals[usize::from(index == 0)];
                tell(&platform.settings, claim, other, &taken, report);
            }
        }
    }
}

fn tell(
    settings: &Settings,
    claim: &Claim<'_>,
    other: &Claim<'_>,
    taken: &BTreeSet<u64>,
    report: &mut Report,
) {
    let message = format!(
        "the nodePort {} is taken by the Service {}/{} of {} ({})",
        claim.port,
        other.service.namespace(),
        other.service.name(),
        other.service.kit,
        other.service.origin(),
    );
    let finding = report
        .error("taken", message, claim.service, &claim.field)
        .tag("other-kit", &other.service.kit)
        .tag("other-origin", other.service.origin());
    let free = (settings.from..=settings.to).filter(|port| !taken.contains(port));
    if let Some(nearest) = free.min_by_key(|port| port.abs_diff(claim.port)) {
        finding.propose(nearest);
    }
}

trimtab_plugin::export_referential!(UniqueNodePorts);

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_plugin::run::from_yaml;

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
