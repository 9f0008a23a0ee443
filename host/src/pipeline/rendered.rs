//! One kit through the pipeline.

use std::collections::BTreeSet;

use serde_json::Value;

use super::PluginStore;
use super::digest::{RenderDigest, digest};
use super::enforcement::weighed;
use super::gate::{at, settle};
use super::plugins::{Loaded, fault, settings_finding};
use super::secrets::Secrets;
use super::substituted::{Contents, contents};
use crate::kit::{Grants, KitSource, PluginUse};
use crate::manifest::{Finding, GroupKind, Manifest, Origin, Scopes, Spans};
use crate::render::Reads;
use crate::sandbox::{
    CallContext, CallError, CallObject, CallPlatform, Pace, Plugin, RawFinding, SettingsFault,
    Transformed,
};
use crate::source::{Pinned, Snapshot};

/// What came of a kit.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// After transformers; empty if rendering failed. Namespaced kinds that are known have
    /// their namespace filled in.
    pub manifests: Vec<Manifest>,
    /// Of reading, transformers, the host's own checks and validators; errors first, then by place.
    pub findings: Vec<Finding>,
    pub digest: RenderDigest,
    /// What was looked for outside of the kit's directory.
    pub reads: Reads,
    /// What the platform team's Secrets have brought in.
    pub given: Secrets,
    /// What it needs of other places and is not in the store.
    pub wanted: Vec<Pinned>,
}

impl Rendered {
    /// Of a kit that is not there.
    pub fn empty() -> Self {
        Self {
            manifests: Vec::new(),
            findings: Vec::new(),
            digest: digest(&[], None),
            reads: Reads::default(),
            given: Secrets::default(),
            wanted: Vec::new(),
        }
    }
}

/// Renders, transforms and validates one kit, also if its discovery found errors: all are told at once.
/// `scopes` are those of the built-in kinds and of the revision's CRDs.
pub fn render_kit(
    snapshot: &Snapshot,
    kit: &KitSource,
    plugins: &PluginStore,
    scopes: &Scopes,
) -> Rendered {
    render_observed(snapshot, kit, plugins, scopes, &mut |_, _| {})
}

/// How far a rendering is when it is looked at.
pub(super) enum Point<'r, 'u> {
    Read,
    /// Namespaces are filled in.
    Settled,
    Transformed(&'r Loaded<'u>),
}

/// The same, looked at after each step that makes the objects others.
pub(super) fn render_observed(
    snapshot: &Snapshot,
    kit: &KitSource,
    plugins: &PluginStore,
    scopes: &Scopes,
    observe: &mut dyn FnMut(Point<'_, '_>, &[Manifest]),
) -> Rendered {
    let contents = contents(snapshot, kit, plugins, Pace::Whole);
    judged(contents, (snapshot, kit), plugins, scopes, observe)
}

/// What becomes of a kit's objects.
pub(super) fn judged(
    contents: Contents,
    (snapshot, kit): (&Snapshot, &KitSource),
    plugins: &PluginStore,
    scopes: &Scopes,
    observe: &mut dyn FnMut(Point<'_, '_>, &[Manifest]),
) -> Rendered {
    let finished = |manifests, findings| {
        let read = (contents.reads.clone(), contents.wanted.clone());
        finished(manifests, findings, read, contents.given.clone(), kit)
    };
    let mut manifests = match contents.manifests {
        Ok(manifests) => manifests,
        // Rules over a part of a kit would judge what is not there.
        Err(findings) => return finished(Vec::new(), findings),
    };
    let mut findings = Vec::new();
    let mut loaded = Vec::new();
    for used in &kit.plugins {
        match plugins.ready(snapshot, used) {
            Ok(ready) => loaded.push(ready),
            Err(found) => findings.extend(found),
        }
    }
    observe(Point::Read, &manifests);
    // Only for the namespaces: what transformers make of it is judged below.
    settle(&mut manifests, &kit.grants, scopes);
    observe(Point::Settled, &manifests);
    // Also those of Secrets that a transformer changes or leaves out.
    let mut secrets = Secrets::of(&manifests);
    secrets.join(&contents.given);
    let weighed = |finding| weighed(&kit.rules, finding);
    for ready in loaded.iter().filter(|it| it.plugin.kinds().transform) {
        let context = context(kit.path.as_str(), &kit.grants, &ready.platform);
        match transform(&context, ready, &manifests, &secrets) {
            Ok((made, _)) => {
                manifests = made.manifests;
                observe(Point::Transformed(ready), &manifests);
                findings.extend(made.findings.into_iter().filter_map(weighed));
            }
            Err(finding) => {
                findings.push(finding);
                return finished(manifests, findings);
            }
        }
    }
    findings.extend(settle(&mut manifests, &kit.grants, scopes));
    observe(Point::Settled, &manifests);
    secrets.add(&manifests);
    for ready in loaded.iter().filter(|it| it.plugin.kinds().validate) {
        let context = context(kit.path.as_str(), &kit.grants, &ready.platform);
        let (found, _) = validate(&context, ready, &manifests, &secrets);
        findings.extend(found.into_iter().filter_map(weighed));
    }
    finished(manifests, findings)
}

/// A kit's objects as an earlier revision has them, judged by nobody. A transformer that cannot be
/// asked there, for it is missing or its settings are for a newer one, made nothing of them either.
/// Pins are of the newest revision, and left alone.
///
/// # Errors
/// Why they are not known.
pub(super) fn as_they_were(
    snapshot: &Snapshot,
    kit: &KitSource,
    plugins: &PluginStore,
    scopes: &Scopes,
) -> Result<(Vec<Manifest>, Secrets), Finding> {
    let contents = contents(snapshot, kit, plugins, Pace::Whole);
    let mut manifests = contents.manifests.map_err(|findings| {
        let first = findings.into_iter().next();
        first.unwrap_or_else(|| Finding::host_error("kit-file", "its files cannot be read"))
    })?;
    settle(&mut manifests, &kit.grants, scopes);
    let mut secrets = Secrets::of(&manifests);
    secrets.join(&contents.given);
    for used in &kit.plugins {
        let unpinned = PluginUse {
            digest: None,
            ..used.clone()
        };
        let Ok(ready) = plugins.ready(snapshot, &unpinned) else {
            continue;
        };
        if ready.plugin.kinds().transform {
            let context = context(kit.path.as_str(), &kit.grants, &ready.platform);
            manifests = transform(&context, &ready, &manifests, &secrets)?
                .0
                .manifests;
        }
    }
    settle(&mut manifests, &kit.grants, scopes);
    Ok((manifests, contents.given))
}

fn finished(
    manifests: Vec<Manifest>,
    mut findings: Vec<Finding>,
    (reads, wanted): (Reads, Vec<Pinned>),
    given: Secrets,
    kit: &KitSource,
) -> Rendered {
    findings.sort_by(|a, b| {
        (a.severity, &a.origin, &a.rule, &a.field).cmp(&(b.severity, &b.origin, &b.rule, &b.field))
    });
    Rendered {
        digest: digest(&manifests, kit.given.salt.as_deref()),
        manifests,
        findings,
        reads,
        given,
        wanted,
    }
}

pub(super) fn context(kit: &str, grants: &Grants, platform: &CallPlatform) -> CallContext {
    CallContext {
        kit: kit.to_owned(),
        namespace: grants.namespace.clone().unwrap_or_default(),
        allowed_namespaces: grants.allowed_namespaces.clone(),
        cluster_scoped: grants.cluster_scoped,
        platform: platform.clone(),
    }
}

pub(super) fn call_object(manifest: &Manifest) -> CallObject {
    CallObject {
        json: manifest.object.to_string(),
        origin: manifest.origin.clone(),
    }
}

/// What a transformer made of a kit's objects.
pub(super) struct Made {
    pub manifests: Vec<Manifest>,
    /// About the objects as they were before.
    pub findings: Vec<Finding>,
}

/// What a transformer makes of a kit's objects, and the fuel that it took.
pub(super) fn transform(
    context: &CallContext,
    Loaded { used, plugin, .. }: &Loaded<'_>,
    before: &[Manifest],
    secrets: &Secrets,
) -> Result<(Made, u64), Finding> {
    let objects: Vec<CallObject> = before.iter().map(call_object).collect();
    let (after, fuel) = plugin
        .transform(context, &objects)
        .map_err(|error| unevaluated(used, &error, secrets))?;
    let mut seen = BTreeSet::new();
    let mut manifests = Vec::with_capacity(after.objects.len());
    for object in after.objects {
        let manifest = transformed(used, object, before, &objects)
            .map_err(|error| unevaluated(used, &error, secrets))?;
        if !seen.insert(manifest.key()) {
            let message = format!("it returned {} twice", manifest.key());
            return Err(unevaluated(used, &CallError::Nonsense(message), secrets));
        }
        manifests.push(manifest);
    }
    let told = |raw| finding(used, plugin, raw, |index| before.get(index), secrets);
    let made = Made {
        manifests,
        findings: after.findings.into_iter().map(told).collect(),
    };
    Ok((made, fuel))
}

fn transformed(
    used: &PluginUse,
    object: Transformed,
    before: &[Manifest],
    objects: &[CallObject],
) -> Result<Manifest, CallError> {
    let source = object
        .source
        .and_then(|index| Some((before.get(index)?, &objects.get(index)?.json)));
    if let Some((manifest, json)) = source
        && *json == object.json
    {
        return Ok(manifest.clone());
    }
    let value: Value = serde_json::from_str(&object.json).map_err(|error| {
        CallError::Nonsense(format!("a transformed object is not JSON: {error}"))
    })?;
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    if !(text("/apiVersion") && text("/kind") && text("/metadata/name")) {
        return Err(CallError::Nonsense(
            "a transformed object lacks apiVersion, kind or name".into(),
        ));
    }
    Ok(match source {
        Some((manifest, _)) => Manifest {
            object: value,
            ..manifest.clone()
        },
        None => {
            let origin = used
                .named_at
                .clone()
                .unwrap_or_else(|| Origin::new(used.path.as_str(), 0));
            Manifest {
                object: value,
                spans: Spans::of_line(origin.line).into(),
                origin,
                elsewhere: None,
            }
        }
    })
}

/// What a validator says of a kit's objects, and the fuel that it took.
pub(super) fn validate(
    context: &CallContext,
    Loaded { used, plugin, .. }: &Loaded<'_>,
    manifests: &[Manifest],
    secrets: &Secrets,
) -> (Vec<Finding>, u64) {
    let kinds = &plugin.description().kinds;
    let read: Vec<&Manifest> = manifests
        .iter()
        .filter(|manifest| reads(kinds, manifest))
        .collect();
    let objects: Vec<CallObject> = read.iter().copied().map(call_object).collect();
    match plugin.validate(context, &objects) {
        Ok((found, fuel)) => {
            let object = |index: usize| read.get(index).copied();
            let told = found
                .into_iter()
                .map(|raw| finding(used, plugin, raw, object, secrets))
                .collect();
            (told, fuel)
        }
        Err(error) => (vec![unevaluated(used, &error, secrets)], 0),
    }
}

/// Whether a plugin reads an object: those of the kinds that it names, or all if it names none.
pub(super) fn reads(kinds: &[GroupKind], manifest: &Manifest) -> bool {
    kinds.is_empty() || kinds.contains(&manifest.gvk().group_kind())
}

/// A plugin's finding at its place in the file.
pub(super) fn finding<'m>(
    used: &PluginUse,
    plugin: &Plugin,
    raw: RawFinding,
    object: impl Fn(usize) -> Option<&'m Manifest>,
    secrets: &Secrets,
) -> Finding {
    let mut finding = Finding::host_error("", secrets.masked(&raw.message));
    finding.rule = format!("{}/{}", plugin.description().name, raw.rule);
    finding.severity = raw.severity;
    match raw.object.and_then(object) {
        Some(manifest) => finding = at(manifest, raw.field.as_deref().unwrap_or_default(), finding),
        None => {
            finding.origin = Some(
                used.named_at
                    .clone()
                    .unwrap_or_else(|| Origin::new(used.path.as_str(), 0)),
            )
        }
    }
    finding.field = raw.field.map(|field| secrets.masked(&field));
    // A mask is nothing to write.
    finding.proposed = raw.proposed.filter(|text| secrets.masked(text) == *text);
    finding.tags = raw
        .tags
        .into_iter()
        .map(|(name, value)| (secrets.masked(&name), secrets.masked(&value)))
        .collect();
    finding
}

/// A plugin that gave no verdict: "could not be evaluated", which stops the kit and denies nothing.
pub(super) fn unevaluated(used: &PluginUse, error: &CallError, secrets: &Secrets) -> Finding {
    if let CallError::Settings(fault) = error {
        let fault = SettingsFault {
            field: secrets.masked(&fault.field),
            message: secrets.masked(&fault.message),
        };
        return settings_finding(used, &fault);
    }
    let (rule, hint) = match error {
        CallError::Fuel { .. } => (
            "plugin-fuel",
            "make the rule do less, or have it look at fewer kinds",
        ),
        CallError::Memory { .. } => ("plugin-memory", "make the rule hold less at once"),
        CallError::Unsupported(_) => (
            "plugin-unsupported",
            "see what the plugin says that it reads",
        ),
        CallError::Nonsense(_) | CallError::ResultTooLarge { .. } => {
            ("plugin-nonsense", "this is a fault of the plugin's")
        }
        CallError::Trap(_)
        | CallError::Internal(_)
        | CallError::Settings(_)
        | CallError::Host(_) => (
            "plugin-failed",
            "this is a fault of the plugin's; the kit stays as it is",
        ),
    };
    // A plugin's own words may quote what it was handed.
    let error = secrets.masked(&error.to_string());
    fault(used, rule, &format!("could not be evaluated: {error}")).hint(hint)
}
