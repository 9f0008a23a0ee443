//! A constraint: what it is about, with which parameters, and how much it weighs.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde_json::{Value, json};
use trimtab_plugin::{Finished, Object, Report, Severity};

use crate::matching::Match;
use crate::review;
use crate::schema::Schema;

/// Where Gatekeeper enforces.
#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
pub enum Point {
    #[serde(rename = "validation.gatekeeper.sh")]
    Webhook,
    #[serde(rename = "audit.gatekeeper.sh")]
    Audit,
    #[serde(rename = "gator.gatekeeper.sh")]
    Gator,
    #[serde(rename = "vap.k8s.io")]
    AdmissionPolicy,
}

pub struct Constraint {
    pub kind: String,
    pub name: String,
    /// `path:line`.
    pub origin: String,
    pub matches: Match,
    pub parameters: regorus::Value,
    /// None: it is not enforced where this plugin stands.
    pub severity: Option<Severity>,
}

impl Constraint {
    /// All that is wrong with it is told at once.
    pub fn read(document: &Object, schema: &Schema, points: &[Point]) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let version = document.api_version().rsplit('/').next();
        if !matches!(version, Some("v1beta1" | "v1alpha1")) {
            faults.push("its version is neither v1beta1 nor v1alpha1".to_owned());
        }
        if document.name().is_empty() || document.name().len() > 63 {
            faults.push("it needs a name of at most 63 characters".to_owned());
        }
        let spec = document.at("/spec");
        if !spec.is_object() && !spec.is_null() {
            faults.push("its spec is no mapping".to_owned());
        }
        for field in spec.as_object().into_iter().flatten().map(|(name, _)| name) {
            let known = [
                "match",
                "parameters",
                "enforcementAction",
                "scopedEnforcementActions",
            ];
            if !known.contains(&field.as_str()) {
                faults.push(format!("spec.{field}: there is no such field"));
            }
        }
        let mut parameters = spec["parameters"].clone();
        faults.extend(schema.apply(&mut parameters));
        if parameters.is_null() {
            parameters = json!({});
        }
        let matches = Match::read(&spec["match"]).map_err(|error| format!("spec.match: {error}"));
        let severity = severity(spec, points);
        match (matches, severity) {
            (Ok(matches), Ok(severity)) if faults.is_empty() => Ok(Self {
                kind: document.kind().to_owned(),
                name: document.name().to_owned(),
                origin: document.origin(),
                matches,
                parameters: review::rego(&parameters),
                severity,
            }),
            (matches, severity) => {
                faults.extend(matches.err());
                faults.extend(severity.err());
                Err(faults)
            }
        }
    }

    /// A finding with the weight of this constraint.
    pub fn tell<'r>(
        &self,
        report: &'r mut Report,
        severity: Severity,
        rule: &str,
        message: &str,
        object: &Object,
    ) -> Finished<'r> {
        let message = format!("{}/{}: {message}", self.kind, self.name);
        let finding = match severity {
            Severity::Error => report.error(rule, message, object, ""),
            Severity::Warning => report.warning(rule, message, object, ""),
            Severity::Info => report.info(rule, message, object, ""),
        };
        finding
            .tag("constraint", format!("{}/{}", self.kind, self.name))
            .tag("template", self.kind.to_lowercase())
    }
}

/// By `enforcementAction`, or the strictest of the scoped actions of our points of enforcement.
fn severity(spec: &Value, points: &[Point]) -> Result<Option<Severity>, String> {
    let action = match &spec["enforcementAction"] {
        Value::Null => "deny",
        Value::String(action) if action.is_empty() => "deny",
        Value::String(action) => action.as_str(),
        _ => return Err("spec.enforcementAction: is no string".into()),
    };
    if action != "scoped" {
        return weight("spec.enforcementAction", action).map(Some);
    }
    let Some(scoped) = spec["scopedEnforcementActions"].as_array() else {
        return Err("spec.scopedEnforcementActions: is needed where the action is scoped".into());
    };
    let mut strictest = None;
    for (index, entry) in scoped.iter().enumerate() {
        let field = format!("spec.scopedEnforcementActions[{index}]");
        let action = entry["action"].as_str().unwrap_or_default();
        let severity = weight(&field, action)?;
        let named = entry["enforcementPoints"].as_array().into_iter().flatten();
        let mut named = named
            .map(|it| it["name"].as_str().unwrap_or_default())
            .peekable();
        if named.peek().is_none() {
            return Err(format!("{field}: it names no enforcementPoints"));
        }
        let mut ours = false;
        for name in named {
            let named = match name {
                "*" => None,
                name => Some(Point::deserialize(name.into_deserializer()).map_err(
                    |error: serde::de::value::Error| format!("{field}: {error}, or `*`"),
                )?),
            };
            ours |= named.is_none_or(|it| points.contains(&it));
        }
        if ours && strictest.is_none_or(|it| rank(severity) < rank(it)) {
            strictest = Some(severity);
        }
    }
    Ok(strictest)
}

fn weight(field: &str, action: &str) -> Result<Severity, String> {
    match action {
        "deny" => Ok(Severity::Error),
        "warn" => Ok(Severity::Warning),
        "dryrun" => Ok(Severity::Info),
        other => Err(format!(
            "{field}: {other:?} is none of deny, warn and dryrun"
        )),
    }
}

fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Info => 2,
    }
}
