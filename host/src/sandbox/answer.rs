//! Answers of guests, which are hostile until checked.

use super::contract::bindings;
use super::text::{clean, is_id};
use super::{
    CallError, Description, PluginKinds, RawFinding, SettingsFault, Transformation, Transformed,
};
use crate::manifest::{GroupKind, Severity};

/// Findings of one call; more is a rule gone wrong.
const FINDINGS: usize = 10_000;
/// Bytes of one text of a finding.
const TEXT: usize = 4096;
const TAGS: usize = 32;

pub(super) fn failure(failure: bindings::Failure) -> CallError {
    match failure {
        bindings::Failure::Settings(fault) => CallError::Settings(SettingsFault {
            // A pointer that is none leads to all of them.
            field: Some(fault.field)
                .filter(|it| is_pointer(it))
                .unwrap_or_default(),
            message: clean(&fault.message, TEXT),
        }),
        bindings::Failure::Unsupported(text) => CallError::Unsupported(clean(&text, TEXT)),
        bindings::Failure::Internal(text) => CallError::Internal(clean(&text, TEXT)),
    }
}

pub(super) fn findings(
    findings: Vec<bindings::Finding>,
    objects: usize,
    description: &Description,
) -> Result<Vec<RawFinding>, CallError> {
    if findings.len() > FINDINGS {
        return Err(CallError::Nonsense(format!(
            "{} findings, over the limit of {FINDINGS}",
            findings.len()
        )));
    }
    findings
        .into_iter()
        .map(|it| finding(it, objects, description))
        .collect()
}

fn finding(
    finding: bindings::Finding,
    objects: usize,
    description: &Description,
) -> Result<RawFinding, CallError> {
    let nonsense = |what: String| Err(CallError::Nonsense(what));
    if !description.rules.iter().any(|(id, _)| *id == finding.rule) {
        return nonsense(format!(
            "a finding of the rule {:?}, which it does not declare",
            clean(&finding.rule, 64)
        ));
    }
    if let Some(index) = finding.object.filter(|index| *index as usize >= objects) {
        return nonsense(format!("a finding about object {index} of {objects}"));
    }
    if let Some(field) = finding.field.as_deref().filter(|field| !is_pointer(field)) {
        return nonsense(format!("{:?} is no RFC 6901 pointer", clean(field, 64)));
    }
    if finding.field.is_some() && finding.object.is_none() {
        return nonsense("a finding about a field of no object".into());
    }
    if finding.message.trim().is_empty() || finding.tags.len() > TAGS {
        return nonsense("a finding without a message, or with too many tags".into());
    }
    Ok(RawFinding {
        rule: finding.rule,
        severity: match finding.severity {
            bindings::Severity::Error => Severity::Error,
            bindings::Severity::Warning => Severity::Warning,
            bindings::Severity::Info => Severity::Info,
        },
        message: clean(&finding.message, TEXT),
        object: finding.object.map(|index| index as usize),
        field: finding.field,
        proposed: finding.proposed.and_then(|text| whole(&text)),
        tags: finding
            .tags
            .into_iter()
            .map(|(name, value)| (clean(&name, 128), clean(&value, TEXT)))
            .collect(),
    })
}

/// A proposal on one line. One that cannot be told as it is would be another one.
fn whole(text: &str) -> Option<String> {
    let line = text.replace(['\n', '\t'], " ");
    (clean(&line, TEXT) == line).then_some(line)
}

/// Empty, or begins with `/`, and `~` only as `~0` or `~1`; and nothing in it would do more than be
/// shown, for it is told as it is.
fn is_pointer(text: &str) -> bool {
    let escapes_fit = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    let begins = text.is_empty() || text.starts_with('/');
    begins && escapes_fit && clean(text, TEXT) == text
}

pub(super) fn transformation(
    made: bindings::Transformation,
    sources: usize,
    description: &Description,
) -> Result<Transformation, CallError> {
    Ok(Transformation {
        objects: transformed(made.objects, sources)?,
        findings: findings(made.findings, sources, description)?,
    })
}

fn transformed(
    objects: Vec<bindings::Transformed>,
    sources: usize,
) -> Result<Vec<Transformed>, CallError> {
    objects
        .into_iter()
        .map(|object| match object.source {
            Some(index) if index as usize >= sources => Err(CallError::Nonsense(format!(
                "an object made from object {index} of {sources}"
            ))),
            source => Ok(Transformed {
                json: object.json,
                source: source.map(|index| index as usize),
            }),
        })
        .collect()
}

pub(super) fn description(
    described: bindings::Description,
    exports: PluginKinds,
) -> Result<Description, String> {
    if !is_id(&described.name) {
        return Err(format!(
            "its name {:?} is not lower case words joined by `-`",
            clean(&described.name, 64)
        ));
    }
    if semver::Version::parse(&described.version).is_err() {
        return Err(format!(
            "its version {:?} is not SemVer",
            clean(&described.version, 64)
        ));
    }
    if let Some(rule) = described.rules.iter().find(|rule| !is_id(&rule.id)) {
        return Err(format!(
            "its rule {:?} is not lower case words joined by `-`",
            clean(&rule.id, 64)
        ));
    }
    let judges = exports.validate || exports.validate_change || exports.referential;
    if described.rules.is_empty() && judges {
        return Err("it declares no rule".into());
    }
    let kinds = described
        .kinds
        .iter()
        .map(|kind| group_kind(kind))
        .collect::<Result<Vec<_>, _>>()?;
    if kinds.is_empty() && exports.referential {
        return Err("it looks at several kits, and does not say at which kinds".into());
    }
    Ok(Description {
        name: described.name,
        version: described.version,
        summary: clean(&described.summary, TEXT),
        rules: described
            .rules
            .into_iter()
            .map(|rule| (rule.id, clean(&rule.summary, TEXT)))
            .collect(),
        settings_schema: described.settings_schema,
        kinds,
    })
}

/// `Service`, `Deployment.apps`.
fn group_kind(text: &str) -> Result<GroupKind, String> {
    let (kind, group) = text.split_once('.').unwrap_or((text, ""));
    if kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return Ok(GroupKind {
            group: group.into(),
            kind: kind.into(),
        });
    }
    Err(format!(
        "{:?} is no kind; write Service or Deployment.apps",
        clean(text, 64)
    ))
}
