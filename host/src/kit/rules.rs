//! How much the rules of plugins weigh: what the platform team says of them, and what a kit's author
//! adds to that.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::{KitPath, RepositorySpec};
use crate::manifest::{ObjectKey, Severity};

/// What is made of a rule's errors and warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// They keep the kit from the cluster.
    Error,
    /// They are told.
    Warning,
    /// They are not told. (`off` would be a boolean in YAML as Kubernetes reads it.)
    Ignore,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleEnforcement {
    /// `plugin/rule`, or `plugin/*` for all of a plugin's.
    pub rule: String,
    pub enforce: Enforcement,
}

/// Findings that are known and let be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exemption {
    /// `plugin/rule`, or `plugin/*` for all of a plugin's.
    pub rule: String,
    /// Directories, as in `kits[].path`, without captures; every kit if none is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kits: Vec<String>,
    /// `Deployment.apps`, `Service`; any if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// An object's name, which may end with `*`; any if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Told wherever the finding would be.
    pub reason: String,
}

/// What is said of the rules that judge one kit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulePolicy {
    /// Of the platform team; the first that fits counts.
    pub enforced: Arc<[RuleEnforcement]>,
    pub exemptions: Vec<Arc<Exemption>>,
    /// Of the kit's author, who can only be stricter.
    pub own: Vec<RuleEnforcement>,
}

/// What a Repository says of rules, read once for all of its kits.
pub(super) struct Law {
    enforced: Arc<[RuleEnforcement]>,
    /// With the kits that each is for; `None`: all.
    exemptions: Vec<(Option<Vec<Pattern>>, Arc<Exemption>)>,
}

impl Law {
    pub(super) fn of(spec: &RepositorySpec) -> Self {
        let exemptions = spec.exemptions.iter().map(|exemption| {
            let kits = exemption.kits.iter();
            // What is no pattern is told as a fault of the Repository's, and means no kit.
            let kits = || kits.filter_map(|it| Pattern::parse(it).ok()).collect();
            let kits = (!exemption.kits.is_empty()).then(kits);
            (kits, Arc::new(exemption.clone()))
        });
        Self {
            enforced: spec.rules.as_slice().into(),
            exemptions: exemptions.collect(),
        }
    }

    pub(super) fn for_kit(&self, kit: &KitPath, own: &[RuleEnforcement]) -> RulePolicy {
        let means = |pattern: &Pattern| pattern.matches(kit.as_str());
        let exemptions = self.exemptions.iter().filter(|(kits, _)| {
            let kits = kits.as_ref();
            kits.is_none_or(|kits| kits.iter().any(means))
        });
        RulePolicy {
            enforced: self.enforced.clone(),
            exemptions: exemptions.map(|(_, it)| it.clone()).collect(),
            own: own.to_owned(),
        }
    }
}

impl RulePolicy {
    /// For an object in one of the kit's namespaces that no kit has: what the kit's author says is
    /// about the kit, and so are exemptions that name it.
    pub fn of_no_kit(&self) -> Self {
        let all = self.exemptions.iter().filter(|it| it.kits.is_empty());
        Self {
            enforced: self.enforced.clone(),
            exemptions: all.cloned().collect(),
            own: Vec::new(),
        }
    }

    /// How much a finding weighs that its rule told as this; `None` if it is not told.
    pub fn severity(&self, rule: &str, told: Severity) -> Option<Severity> {
        if told == Severity::Info {
            return Some(told);
        }
        let said = |all: &[RuleEnforcement]| {
            let first = all.iter().find(|it| means(&it.rule, rule));
            first.map(|it| it.enforce)
        };
        let platform = match said(&self.enforced) {
            None => Some(told),
            Some(Enforcement::Error) => Some(Severity::Error),
            Some(Enforcement::Warning) => Some(Severity::Warning),
            Some(Enforcement::Ignore) => None,
        };
        let own = match said(&self.own) {
            Some(Enforcement::Error) => Some(Severity::Error),
            Some(Enforcement::Warning) => Some(Severity::Warning),
            Some(Enforcement::Ignore) | None => None,
        };
        // Errors come first.
        [platform, own].into_iter().flatten().min()
    }

    /// Why a finding is let be.
    pub fn exemption(&self, rule: &str, object: Option<&ObjectKey>) -> Option<&str> {
        let kind = object.map(|it| it.group_kind.to_string());
        let fits = |exemption: &&Arc<Exemption>| {
            means(&exemption.rule, rule)
                && exemption
                    .kind
                    .as_ref()
                    .is_none_or(|wanted| kind.as_ref() == Some(wanted))
                && exemption.name.as_deref().is_none_or(|pattern| {
                    object.is_some_and(|object| match pattern.strip_suffix('*') {
                        Some(prefix) => object.name.starts_with(prefix),
                        None => *object.name == *pattern,
                    })
                })
        };
        self.exemptions
            .iter()
            .find(fits)
            .map(|it| it.reason.as_str())
    }
}

/// Whether `plugin/rule` or `plugin/*` means a rule.
fn means(pattern: &str, rule: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(plugin) => rule.starts_with(plugin),
        None => pattern == rule,
    }
}

/// What is wrong with a `plugin/rule`.
pub(super) fn rule_fault(text: &str) -> Option<String> {
    let word = |text: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !text.is_empty() && text.bytes().all(fits)
    };
    match text.split_once('/') {
        Some(("trimtab", _)) => Some("the host's own rules always hold".into()),
        Some((plugin, rule)) if word(plugin) && (rule == "*" || word(rule)) => None,
        _ => Some(format!(
            "{text:?} is no rule; write plugin/rule, or plugin/* for all of a plugin's"
        )),
    }
}

/// What is wrong with the Repository's rules and exemptions, by field below `spec`.
pub(super) fn rules_faults(spec: &RepositorySpec) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    for (index, rule) in spec.rules.iter().enumerate() {
        let fault = rule_fault(&rule.rule);
        faults.extend(fault.map(|it| (format!("rules/{index}/rule"), it)));
    }
    for (index, exemption) in spec.exemptions.iter().enumerate() {
        let at = |field: &str| format!("exemptions/{index}/{field}");
        let fault = rule_fault(&exemption.rule);
        faults.extend(fault.map(|it| (at("rule"), it)));
        if exemption.reason.trim().is_empty() {
            faults.push((at("reason"), "an exemption has a reason".into()));
        }
        for (kit, pattern) in exemption.kits.iter().enumerate() {
            let fault = Pattern::parse(pattern).err();
            faults.extend(fault.map(|it| (at(&format!("kits/{kit}")), it)));
        }
        if exemption
            .name
            .as_deref()
            .is_some_and(|name| name.trim_end_matches('*').contains('*'))
        {
            faults.push((at("name"), "`*` stands at the end".into()));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::GroupKind;

    fn policy(yaml: &str) -> RulePolicy {
        let spec: RepositorySpec = serde_yaml::from_str(yaml).expect("a spec");
        assert_eq!(rules_faults(&spec), []);
        Law::of(&spec).for_kit(&KitPath::new("kits/acme/web"), &[])
    }

    #[test]
    fn the_platform_team_weighs_rules_and_a_kit_can_only_be_stricter() {
        use Severity::{Error, Info, Warning};

        let mut policy = policy(
            "url: x\nrules:\n- {rule: ports/node, enforce: ignore}\n- {rule: ports/*, enforce: warning}\n- {rule: images/tag, enforce: error}\n",
        );
        assert_eq!(policy.severity("ports/node", Error), None);
        assert_eq!(policy.severity("ports/other", Error), Some(Warning));
        assert_eq!(policy.severity("images/tag", Warning), Some(Error));
        assert_eq!(policy.severity("images/tag", Info), Some(Info));
        assert_eq!(policy.severity("probes/none", Error), Some(Error));
        policy.own = serde_yaml::from_str(
            "[{rule: ports/*, enforce: error}, {rule: images/tag, enforce: warning}, {rule: probes/none, enforce: ignore}]",
        )
        .expect("rules");
        assert_eq!(policy.severity("ports/node", Warning), Some(Error));
        assert_eq!(policy.severity("ports/other", Error), Some(Error));
        assert_eq!(policy.severity("images/tag", Warning), Some(Error));
        assert_eq!(policy.severity("probes/none", Error), Some(Error));
    }

    #[test]
    fn an_exemption_is_of_a_kit_a_rule_and_an_object() {
        let policy = policy(
            "url: x\nexemptions:\n- {rule: images/*, kits: ['kits/acme/*'], kind: Deployment.apps, name: legacy-*, reason: until May}\n- {rule: ports/node, kits: [kits/other/web], reason: not ours}\n",
        );
        let object = |kind: &str, name: &str| ObjectKey {
            group_kind: GroupKind {
                group: "apps".into(),
                kind: kind.into(),
            },
            namespace: None,
            name: name.into(),
        };
        let of = |rule: &str, kind: &str, name: &str| {
            policy.exemption(rule, Some(&object(kind, name))).is_some()
        };
        assert!(of("images/tag", "Deployment", "legacy-a"));
        assert!(!of("images/tag", "Deployment", "new"));
        assert!(!of("images/tag", "StatefulSet", "legacy-a"));
        assert!(!of("imagesx/tag", "Deployment", "legacy-a"));
        assert!(!of("ports/node", "Deployment", "legacy-a"));
        assert_eq!(policy.exemption("images/tag", None), None);
    }

    #[test]
    fn an_object_of_no_kit_has_the_platform_teams_weights_and_no_kits_exemptions() {
        let mut policy = policy(
            "url: x\nrules:\n- {rule: ports/*, enforce: warning}\nexemptions:\n- {rule: ports/a, kits: ['kits/acme/*'], reason: one kit}\n- {rule: ports/b, reason: all}\n",
        );
        policy.own = serde_yaml::from_str("[{rule: ports/*, enforce: error}]").expect("rules");
        let outside = policy.of_no_kit();
        let severity = outside.severity("ports/a", Severity::Error);
        assert_eq!(severity, Some(Severity::Warning));
        assert_eq!(outside.exemption("ports/a", None), None);
        assert_eq!(outside.exemption("ports/b", None), Some("all"));
    }

    #[test]
    fn what_is_no_rule_or_has_no_reason_is_told_at_its_field() {
        let spec: RepositorySpec = serde_yaml::from_str(
            "url: x\nrules:\n- {rule: ports, enforce: ignore}\n- {rule: trimtab/kit-file, enforce: ignore}\nexemptions:\n- {rule: a/b, reason: ' ', kits: ['a*'], name: '*a*'}\n",
        )
        .expect("a spec");
        // A pattern that is none does not come to mean every kit.
        let policy = Law::of(&spec).for_kit(&KitPath::new("kits/acme/web"), &[]);
        assert_eq!(policy.exemptions, []);
        let fields: Vec<String> = rules_faults(&spec).into_iter().map(|it| it.0).collect();
        let expected = [
            "rules/0/rule",
            "rules/1/rule",
            "exemptions/0/reason",
            "exemptions/0/kits/0",
            "exemptions/0/name",
        ];
        assert_eq!(fields, expected);
    }
}
