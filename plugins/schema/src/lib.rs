//! Every object against the OpenAPI schema of the declared release of Kubernetes, and of the CRDs of
//! the repository, without a cluster.

mod builtin;
mod builtin_fields;
mod crd;
mod defaults;
mod duplicates;
mod expression;
mod fault;
mod format;
mod judge;
mod library;
mod nearest;
mod pattern;
mod quantity;
mod releases;
mod rules;
mod schema;
mod values;
mod walk;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::{Context, Exemption, Object, Pattern, Report, Rule, Validator};

use builtin::{Definitions, Release};
use crd::Crds;
use expression::Evaluator;
use judge::Judge;

/// What objects are judged by.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
pub struct Settings {
    /// The release of Kubernetes, `1.34`; what the Repository declares by default, and the newest
    /// that is known if it declares none.
    #[schemars(regex(pattern = r"^v?1\.[0-9]+(\.[0-9]+)?([-+].*)?$"))]
    pub kubernetes: Option<String>,
    /// What is said of kinds that are neither built in nor of a CRD.
    pub unknown_kinds: UnknownKinds,
    /// Kinds whose CRDs are elsewhere, as `VirtualService.networking.istio.io` or `*.istio.io`.
    pub external: Vec<Pattern>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnknownKinds {
    #[default]
    Error,
    Warning,
    Ignore,
}

pub struct SchemaRule;

impl Rule for SchemaRule {
    type Settings = Settings;
    const NAME: &'static str = "schema";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Objects are what the schemas of Kubernetes and of the repository's CRDs say.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("unknown-field", "a field is one that the schema knows"),
        ("wrong-type", "a value is of the type that its field has"),
        (
            "missing-field",
            "fields that the API server asks for are there",
        ),
        (
            "value",
            "a value is within its field's enum, pattern, format, range and length",
        ),
        (
            "duplicate",
            "items of a set, and keys of a list that is a map, are there once",
        ),
        ("validation", "the rules in CEL of a CRD hold"),
        (
            "cel-not-evaluated",
            "the rules in CEL of a CRD can be evaluated without an API server",
        ),
        (
            "unknown-kind",
            "a kind is built in, or of a CRD, or external",
        ),
        ("deprecated-version", "an API version is not on its way out"),
        (
            "removed-version",
            "an API version is still served by the declared release",
        ),
        (
            "preview-version",
            "an API version is on without the cluster's asking for it",
        ),
        ("not-kept", "an object is one that the API server keeps"),
        ("crd", "the schema of a CRD can be read"),
        (
            "kubernetes-version",
            "the declared release of Kubernetes is one whose schemas are known",
        ),
    ];
}

impl Validator for SchemaRule {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let release = release(context, report);
        let crds = objects.iter().chain(&context.data);
        let judge = Judge {
            settings: &context.settings,
            definitions: &Definitions::new(release),
            crds: &Crds::new(crds.map(|it| &it.value)),
            evaluator: &Evaluator::default(),
        };
        for object in objects {
            for fault in judge.object(object) {
                fault.tell(object, &context.settings.exempt, report);
            }
        }
    }
}

/// The declared release, or the nearest that is known, which is told.
fn release(context: &Context<Settings>, report: &mut Report) -> &'static Release {
    let declared = context.settings.kubernetes.as_deref();
    let declared = declared.unwrap_or(&context.kubernetes);
    let Some(minor) = minor(declared) else {
        if !declared.is_empty() {
            let message = format!(
                "{declared:?} is no release of Kubernetes, as 1.34; objects are judged by 1.{}",
                Release::newest().minor
            );
            report.warning("kubernetes-version", message, &Object::new(Value::Null), "");
        }
        return Release::newest();
    };
    let release = Release::nearest(minor);
    if release.minor != minor {
        let message = format!(
            "Kubernetes 1.{minor} is not known here: objects are judged by 1.{}; known are 1.{} to 1.{}",
            release.minor,
            Release::oldest().minor,
            Release::newest().minor
        );
        report.warning("kubernetes-version", message, &Object::new(Value::Null), "");
    }
    release
}

fn minor(version: &str) -> Option<u32> {
    let rest = version.trim_start_matches('v').strip_prefix("1.")?;
    let end = rest
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

trimtab_plugin::export_validator!(SchemaRule);

#[cfg(test)]
mod tests;
