//! Pods keep to the Pod Security Standards, as the API server's own admission would find.

mod baseline;
mod check;
mod namespace;
mod pod;
mod restricted;
mod seccomp;
mod standard;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{
    Container, Context, Exemption, Object, Report, Rule, Severity, Validator, pod_spec,
};

use namespace::Asked;
use pod::{Pod, Violation, text};
use standard::{Level, NEWEST, Standard, Version};

/// Which standards Pods keep to.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// What Pods may do: `privileged` is anything; `baseline` by default. More is an error.
    pub level: Level,
    /// The version of the standards, `latest` or as `v1.34`; `latest` by default.
    pub version: Version,
    /// A stricter level: what only this forbids is a warning. None by default.
    pub warn_level: Option<Level>,
    /// The version that is warned by; `version` by default.
    pub warn_version: Option<Version>,
    /// Pods with these runtimeClassNames are left alone, as they are in the API server's own configuration.
    pub runtime_classes: Vec<String>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

pub struct PodSecurity;

const LABELS: &str = "namespace-labels";

impl Rule for PodSecurity {
    type Settings = Settings;
    const NAME: &'static str = "pod-security";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Pods keep to the Pod Security Standards, as the API server judges them.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "app-armor-profile",
            "AppArmor profiles are the runtime's own or of the node",
        ),
        (
            "capabilities-baseline",
            "no capability is added beyond those that containers have by default",
        ),
        (
            "host-namespaces",
            "Pods share neither network, processes nor IPC with the node",
        ),
        ("host-path-volumes", "Pods mount no path of the node"),
        ("host-ports", "containers take no port of the node"),
        (
            "host-probes-and-host-lifecycle",
            "probes and lifecycle hooks ask no other host",
        ),
        ("privileged", "no container is privileged"),
        ("proc-mount", "/proc is masked, unless root is nobody"),
        (
            "se-linux-options",
            "SELinux types are of those for containers; user and role are not set",
        ),
        (
            "seccomp-profile-baseline",
            "seccomp profiles that are named are the runtime's own or of the node",
        ),
        ("sysctls", "only safe sysctls are set"),
        (
            "windows-host-process",
            "no process runs on a Windows node itself",
        ),
        (
            "allow-privilege-escalation",
            "containers may not gain privileges",
        ),
        (
            "capabilities-restricted",
            "containers drop all capabilities, and add only NET_BIND_SERVICE",
        ),
        ("proc-mount-restricted", "/proc is masked"),
        (
            "restricted-volumes",
            "volumes are of the sorts that Kubernetes itself provides",
        ),
        ("run-as-non-root", "containers do not run as root"),
        ("run-as-user", "no container asks to be root"),
        (
            "seccomp-profile-restricted",
            "containers have a seccomp profile, the runtime's own or one of the node",
        ),
        (
            LABELS,
            "a Namespace's labels for the standards are such that the API server takes",
        ),
    ];
    const KINDS: &'static [&'static str] = &[
        "Namespace",
        "Pod",
        "PodTemplate",
        "ReplicationController",
        "Deployment.apps",
        "StatefulSet.apps",
        "DaemonSet.apps",
        "ReplicaSet.apps",
        "Job.batch",
        "CronJob.batch",
    ];
}

/// The newest version that the API server knows: what it takes `latest`, and all that is newer, as.
/// That of the cluster, if the platform team declares it, and the newest that is known here if not.
fn newest(context: &Context<Settings>) -> u64 {
    let declared = Version::parse(&format!("v{}", context.kubernetes));
    declared.unwrap_or_default().minor(NEWEST)
}

impl Validator for PodSecurity {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let namespaces = objects
            .iter()
            .filter(|it| it.group().is_empty() && it.kind() == "Namespace");
        let mut judge = Judge {
            settings: &context.settings,
            newest: newest(context),
            asked: namespaces
                .clone()
                .map(|it| (it.name(), Asked::by(it)))
                .collect(),
            report,
        };
        for namespace in namespaces {
            judge.namespace(namespace);
        }
        for object in objects {
            judge.object(object);
        }
    }
}

struct Judge<'j> {
    settings: &'j Settings,
    newest: u64,
    /// By the names of the kit's Namespaces.
    asked: BTreeMap<&'j str, Asked>,
    report: &'j mut Report,
}

/// A standard that Pods must keep to, or are warned by.
struct Law {
    standard: Standard,
    severity: Severity,
    /// Whether the Namespace asks for it.
    labelled: bool,
}

impl Judge<'_> {
    fn namespace(&mut self, namespace: &Object) {
        if Exemption::any(&self.settings.exempt, LABELS, namespace, None) {
            return;
        }
        for (field, message) in namespace::refused(namespace) {
            self.report.error(LABELS, message, namespace, &field);
        }
    }

    /// The settings hold whatever the labels say, and the labels whatever the settings say.
    fn laws(&self, namespace: &str) -> Vec<Law> {
        let settings = self.settings;
        let asked = self.asked.get(namespace);
        let law = |standard: Option<Standard>, severity, labelled| {
            standard.map(|standard| Law {
                standard,
                severity,
                labelled,
            })
        };
        let standard = |level, version| Standard { level, version };
        let version = settings.version;
        let warn_version = settings.warn_version.unwrap_or(version);
        let warned = settings.warn_level.map(|it| standard(it, warn_version));
        // Errors first: what is one is not told as a warning again.
        [
            law(
                Some(standard(settings.level, version)),
                Severity::Error,
                false,
            ),
            law(asked.and_then(|it| it.enforced), Severity::Error, true),
            law(warned, Severity::Warning, false),
            law(asked.and_then(|it| it.warned), Severity::Warning, true),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn object(&mut self, object: &Object) {
        let Some(spec) = pod_spec(object) else {
            return;
        };
        let class = text(&spec.spec["runtimeClassName"]);
        let exempt = &self.settings.runtime_classes;
        if !class.is_empty() && exempt.iter().any(|it| it == class) {
            return;
        }
        let pod = Pod::of(object, spec);
        let mut told = BTreeSet::new();
        for law in self.laws(object.namespace()) {
            for (rule, violation) in check::violations(&pod, law.standard, self.newest) {
                if !told.contains(&violation.field) && self.tell(&law, rule, &violation, object) {
                    told.insert(violation.field);
                }
            }
        }
    }

    /// Whether anything was told: all of it may be exempt.
    fn tell(&mut self, law: &Law, rule: &str, found: &Violation<'_>, object: &Object) -> bool {
        let exempt = |name| Exemption::any(&self.settings.exempt, rule, object, name);
        let of = found.containers.iter();
        let of: Vec<String> = of
            .filter(|it: &&&Container<'_>| !exempt(Some(it.name())))
            .map(ToString::to_string)
            .collect();
        let owner = match of.is_empty() {
            true if !found.containers.is_empty() || exempt(None) => return false,
            true => "the Pod".to_owned(),
            false => of.join(", "),
        };
        let by = match law.labelled {
            true => format!("{}, by a label of the Namespace,", law.standard),
            false => law.standard.to_string(),
        };
        let message = format!("{owner}: {}; {by} {}", found.fault, found.law);
        let finding = match law.severity {
            Severity::Error => self.report.error(rule, message, object, &found.field),
            _ => self.report.warning(rule, message, object, &found.field),
        };
        if let Some(proposed) = &found.proposed {
            finding.propose(proposed);
        }
        true
    }
}

trimtab_plugin::export_validator!(PodSecurity);

#[cfg(test)]
mod tests;
