//! What a Repository's spec means, and what can be wrong with it.

use std::time::Duration;

use ignore::gitignore::GitignoreBuilder;

use super::notifications::notifications_faults;
use super::pattern::{Pattern, fill, is_dns_label};
use super::repository::{default_interval, default_timeout};
use super::rules::rules_faults;
use super::signing::signing_faults;
use super::sources::sources_faults;
use super::values::value_faults;
use super::{
    DeletionPolicy, Guardrail, KitPath, KitRule, RefSpec, Reports, RepositorySpec, durations,
};
use crate::manifest::Finding;
use crate::source::{Follow, masked};

impl RepositorySpec {
    /// What follows a repository's `main`, as it is where nothing else is said.
    pub fn of(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            follow: RefSpec::default(),
            interval: default_interval(),
            timeout: default_timeout(),
            secret_ref: None,
            verify: None,
            kubernetes_version: None,
            guardrails: Vec::new(),
            rules: Vec::new(),
            exemptions: Vec::new(),
            values: Vec::new(),
            kits: Vec::new(),
            admission: None,
            suspend: false,
            revision: None,
            reason: None,
            by: None,
            deletion_policy: DeletionPolicy::default(),
            reports: Reports::default(),
            notifications: None,
            sources: Vec::new(),
        }
    }

    /// What is followed: the branch `main` if nothing is said.
    pub fn follow(&self) -> Result<Follow, String> {
        let ways = [
            self.follow.branch.clone().map(Follow::Branch),
            self.follow.tag.clone().map(Follow::Tag),
            self.follow.semver.clone().map(Follow::Semver),
            self.follow.commit.clone().map(Follow::Commit),
        ];
        let mut ways = ways.into_iter().flatten();
        match (ways.next(), ways.next()) {
            (None, _) => Ok(Follow::Branch("main".into())),
            (Some(way), None) => Ok(way),
            (Some(_), Some(_)) => {
                Err("spec.ref takes one of branch, tag, semver and commit".into())
            }
        }
    }

    /// What is followed, in words that change with it and hold no password.
    pub fn followed(&self) -> String {
        let what = match self.follow() {
            Ok(Follow::Branch(name)) => format!("branch {name}"),
            Ok(Follow::Tag(name)) => format!("tag {name}"),
            Ok(Follow::Semver(range)) => format!("semver {range}"),
            Ok(Follow::Commit(id) | Follow::Files(id)) => format!("commit {id}"),
            Ok(Follow::Named(name)) => format!("ref {name}"),
            Err(error) => error,
        };
        format!("{} {what}", masked(&self.url))
    }

    pub fn interval(&self) -> Result<Duration, String> {
        duration("interval", &self.interval)
    }

    pub fn timeout(&self) -> Result<Duration, String> {
        duration("timeout", &self.timeout)
    }
}

impl KitRule {
    /// Whether its pattern makes this directory a kit; `**` makes any.
    pub fn matches(&self, kit: &KitPath) -> bool {
        Pattern::parse(&self.path).is_ok_and(|pattern| pattern.matches(kit.as_str()))
    }
}

fn duration(field: &str, text: &str) -> Result<Duration, String> {
    durations::parse(text)
        .ok_or_else(|| format!("spec.{field} {text:?} is no duration; write 30s, 5m or 1h30m"))
}

/// All that is wrong with a spec; fields are RFC 6901 pointers into the Repository.
pub fn validate(spec: &RepositorySpec) -> Vec<Finding> {
    let wrong = |field: String, message: String| {
        Finding::host_error("repository-spec", message).field(field)
    };
    let mut findings = Vec::new();
    let checks = [
        ("ref", spec.follow().err()),
        ("interval", spec.interval().err()),
        ("timeout", spec.timeout().err()),
        (
            "url",
            spec.url.is_empty().then(|| "spec.url is empty".to_owned()),
        ),
        (
            "kubernetesVersion",
            spec.kubernetes_version.as_deref().and_then(version_fault),
        ),
    ];
    for (field, error) in checks {
        findings.extend(error.map(|error| wrong(format!("/spec/{field}"), error)));
    }
    let fault = spec.admission.and_then(|policy| policy.fault());
    findings.extend(fault.map(|error| wrong("/spec/admission/timeoutSeconds".into(), error)));
    for (field, message) in signing_faults(spec) {
        findings.push(wrong(format!("/spec/verify/{field}"), message));
    }
    for (index, guardrail) in spec.guardrails.iter().enumerate() {
        for (field, message) in guardrail_faults(guardrail) {
            findings.push(wrong(format!("/spec/guardrails/{index}/{field}"), message));
        }
    }
    for (field, message) in rules_faults(spec).into_iter().chain(value_faults(spec)) {
        findings.push(wrong(format!("/spec/{field}"), message));
    }
    if let Some(notifications) = &spec.notifications {
        for (field, message) in notifications_faults(notifications, &spec.url) {
            findings.push(wrong(format!("/spec/notifications/{field}"), message));
        }
    }
    for (field, message) in sources_faults(spec) {
        findings.push(wrong(format!("/spec/{field}"), message));
    }
    for (index, rule) in spec.kits.iter().enumerate() {
        for (field, message) in rule_faults(rule) {
            findings.push(wrong(format!("/spec/kits/{index}/{field}"), message));
        }
    }
    findings
}

fn guardrail_faults(guardrail: &Guardrail) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    if guardrail.path.is_empty() {
        faults.push((
            "path",
            "a guardrail needs the path of its component".to_owned(),
        ));
    }
    if !is_digest(&guardrail.digest) {
        let message = format!(
            "{:?} is no digest; it is sha256: and 64 lower case hexadecimal digits",
            guardrail.digest
        );
        faults.push(("digest", message));
    }
    faults.extend(fuel_fault(guardrail.fuel).map(|fault| ("fuel", fault)));
    if guardrail
        .settings
        .as_ref()
        .is_some_and(|settings| !settings.is_object())
    {
        faults.push(("settings", "settings are a mapping".to_owned()));
    }
    faults
}

fn rule_faults(rule: &KitRule) -> Vec<(&'static str, String)> {
    let pattern = match Pattern::parse(&rule.path) {
        Ok(pattern) => pattern,
        Err(error) => return vec![("path", error)],
    };
    let sample = pattern
        .captures()
        .into_iter()
        .map(|name| (name.to_owned(), "x".to_owned()))
        .collect();
    let templates = rule.namespace.iter().map(|name| ("namespace", name));
    let templates = templates.chain(
        rule.service_account
            .iter()
            .map(|name| ("serviceAccount", name)),
    );
    let templates = templates.chain(
        rule.allowed_namespaces
            .iter()
            .map(|name| ("allowedNamespaces", name)),
    );
    let patterns = rule.ignore.iter().filter_map(|pattern| {
        let mut builder = GitignoreBuilder::new("");
        let error = builder.add_line(None, pattern).err()?;
        Some(("ignore", error.to_string()))
    });
    templates
        .filter_map(|(field, template)| match fill(template, &sample) {
            Ok(name) if is_dns_label(&name) => None,
            Ok(_) => Some((field, format!("{template:?} is no DNS label (RFC 1123)"))),
            Err(capture) => Some((
                field,
                format!("{template:?} uses {capture:?}, which the path does not capture"),
            )),
        })
        .chain(patterns)
        .chain(fuel_fault(rule.plugin_fuel).map(|fault| ("pluginFuel", fault)))
        .collect()
}

/// Below this, not even a plugin's description comes about; above, one call takes minutes.
const FUEL: std::ops::RangeInclusive<u64> = 1_000_000..=50_000_000_000;

fn fuel_fault(fuel: Option<u64>) -> Option<String> {
    let fuel = fuel.filter(|fuel| !FUEL.contains(fuel))?;
    let (least, most) = (FUEL.start(), FUEL.end());
    Some(format!(
        "a budget of fuel is from {least} to {most}, not {fuel}"
    ))
}

/// What is wrong with a version of Kubernetes: it is written `1.34`.
fn version_fault(text: &str) -> Option<String> {
    let number = |text: &str| text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    let fits = |(major, minor): (&str, &str)| {
        !major.is_empty() && !minor.is_empty() && number(major) && number(minor)
    };
    let known = text.split_once('.').is_some_and(fits);
    (!known).then(|| format!("spec.kubernetesVersion {text:?} is no version; write \"1.34\""))
}

/// `sha256:` and 64 lower case hexadecimal digits.
pub(super) fn is_digest(text: &str) -> bool {
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(hex))
}
