//! A kit's files as objects, with the values of its variables in them; and what of that is a Secret's.

use std::sync::Arc;

use serde_json::Value;

use super::PluginStore;
use super::gate::at;
use super::secrets::Secrets;
use crate::kit::{KitSource, Renderer, SUBSTITUTE, Variables};
use crate::manifest::{Finding, Limits, Manifest, object_fault};
use crate::render::{Reads, render, twice};
use crate::sandbox::{HURRIED, Pace};
use crate::source::{Pinned, Snapshot};
use crate::substitution::{Fault, Substitution, Variable, Work};

/// Labels and annotations that say `disabled` where an object is to be left as it is: Flux's and ours.
const SWITCHES: [&str; 2] = ["kustomize.toolkit.fluxcd.io/substitute", SUBSTITUTE];

/// What came of a kit's files.
#[derive(Clone)]
pub(super) struct Contents {
    /// All errors, if there is one.
    pub manifests: Result<Vec<Manifest>, Vec<Finding>>,
    /// What was looked for outside of the kit's directory.
    pub reads: Reads,
    /// Of other places, what is pinned and not in the store.
    pub wanted: Vec<Pinned>,
    /// What the platform team's Secrets have brought in.
    pub given: Secrets,
    /// It takes longer than its pace allows.
    pub given_up: bool,
    /// It takes no longer than others wait for it.
    pub quick: bool,
}

pub(super) fn contents(
    snapshot: &Snapshot,
    kit: &KitSource,
    plugins: &PluginStore,
    pace: Pace,
) -> Contents {
    if kit.given.incomplete {
        // What it lacks has been told; all else would follow from that.
        return Contents {
            manifests: Err(Vec::new()),
            reads: Reads::default(),
            wanted: Vec::new(),
            given: Secrets::default(),
            given_up: false,
            quick: true,
        };
    }
    let renderers = plugins.renderers().at(pace);
    let with = (&renderers, plugins.elsewhere());
    let files = render(snapshot, kit, with, &Limits::default());
    let mut given = Secrets::default();
    given.add_texts(files.secrets.iter().map(String::as_str));
    if let Renderer::Helm(release) = &kit.renderer {
        for values in release.values_from.iter().filter(|it| it.secret) {
            let tree: Value = serde_json::from_str(&values.json).unwrap_or_default();
            let mut texts = Vec::new();
            leaves(&tree, &mut texts);
            given.add_texts(texts.iter().map(String::as_str));
        }
    }
    let mut manifests = files.manifests;
    if let Some(variables) = &kit.given.variables {
        given.add_texts(variables.secrets());
        // What a chart gives has the variables that its values have.
        if !matches!(kit.renderer, Renderer::Helm(_)) {
            manifests = manifests.and_then(|it| substituted(it, variables, &mut given));
        }
    }
    // A library's own words may quote what it was handed.
    let manifests = manifests.map_err(|mut findings| {
        findings.iter_mut().for_each(|it| mask(it, &given));
        findings
    });
    Contents {
        manifests,
        reads: files.reads,
        wanted: files.wanted,
        given,
        given_up: files.given_up,
        quick: files.fuel <= HURRIED,
    }
}

fn mask(finding: &mut Finding, given: &Secrets) {
    finding.message = given.masked(&finding.message);
    finding.hint = finding.hint.as_ref().map(|it| given.masked(it));
}

fn leaves(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|it| leaves(it, texts)),
        Value::Object(map) => map.values().for_each(|it| leaves(it, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn substituted(
    mut manifests: Vec<Manifest>,
    variables: &Variables,
    given: &mut Secrets,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    let variable = |name: &str| {
        let (text, secret) = variables.get(name)?;
        Some(Variable { text, secret })
    };
    let mut substitution = Substitution {
        variable: &variable,
        strict: variables.strict,
        work: Work::default(),
        secrets: Vec::new(),
    };
    let mut findings = Vec::new();
    for manifest in manifests.iter_mut().filter(|it| is_wanted(&it.object)) {
        let outcome = substitution.object(&mut manifest.object);
        for (pointer, from, to) in &outcome.renamed {
            Arc::make_mut(&mut manifest.spans).rename(pointer, from, to);
        }
        let faults = outcome.faults.iter();
        findings.extend(faults.map(|(pointer, fault)| told(manifest, pointer, fault)));
        if let (true, Some(fault)) = (outcome.faults.is_empty(), object_fault(&manifest.object)) {
            let message = format!("with its variables, {fault}");
            let finding = Finding::host_error("variables", message).at(manifest.origin.clone());
            findings.push(finding);
        }
    }
    given.add_texts(substitution.secrets.iter().map(String::as_str));
    if findings.is_empty() {
        findings = twice(&manifests);
    }
    match findings.is_empty() {
        true => Ok(manifests),
        false => Err(findings),
    }
}

fn is_wanted(object: &Value) -> bool {
    let says = |map: &str| {
        let entries = object["metadata"].get(map);
        SWITCHES.iter().any(|name| {
            let said = entries.and_then(|it| it.get(*name));
            said.is_some_and(|it| it == "disabled")
        })
    };
    !(says("labels") || says("annotations"))
}

fn told(manifest: &Manifest, pointer: &str, fault: &Fault) -> Finding {
    let finding = at(
        manifest,
        pointer,
        Finding::host_error("variables", fault.to_string()),
    );
    let hint = match fault {
        Fault::Unset(name) => format!(
            "set it in spec.variables of kit.yaml, give it a default (${{{name}:-…}}), write $${{{name}}} if no variable is meant, or say `strict: false`"
        ),
        Fault::Syntax(_) => {
            "write $${…} if no variable is meant; a default is ${name:-default}".into()
        }
        Fault::SecretInName => "take the variable from a ConfigMap".into(),
        _ => return finding,
    };
    finding.hint(hint)
}
