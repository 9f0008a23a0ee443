//! A chart, by the real Helm: what `helm template` gives.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{ask, objects};
use super::asked::CHART;
use super::plain::twice;
use super::reads::Recorder;
use super::templates::{Templates, template_path};
use crate::kit::{KIT_FILE, KitSource, Release};
use crate::manifest::{Finding, HOOK_ANNOTATION, Hook, Limits, Manifest, Origin, Spans};
use crate::sandbox::{RendererKind, Renderers};
use crate::substitution::{Substitution, Variable, Work};

#[derive(Deserialize)]
pub(super) struct Templated {
    pub manifests: Vec<Part>,
}

/// What one document of a template gives.
#[derive(Deserialize)]
pub(super) struct Part {
    /// `shop/templates/service.yaml`, from the chart's name on.
    pub source: String,
    pub yaml: String,
    #[serde(default)]
    pub hook: Option<Events>,
}

#[derive(Deserialize)]
pub(super) struct Events {
    events: Vec<String>,
}

/// The values of kit.yaml, as JSON text, with the kit's variables in them; and what Secrets'
/// variables came to.
pub(super) fn own_values(
    kit: &KitSource,
    release: &Release,
) -> Result<(Option<String>, Vec<String>), Vec<Finding>> {
    let (Some(own), Some(variables)) = (&release.values, &kit.given.variables) else {
        return Ok((release.values.clone(), Vec::new()));
    };
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
    let mut values: Value = serde_json::from_str(own).unwrap_or_default();
    let faults = substitution.value(&mut values).faults;
    if faults.is_empty() {
        return Ok((Some(values.to_string()), substitution.secrets));
    }
    let told = faults.into_iter().map(|(pointer, fault)| {
        let finding = Finding::host_error("variables", fault.to_string())
            .field(format!("/spec/helm/values{pointer}"));
        release.values_at.iter().cloned().fold(finding, Finding::at)
    });
    Err(told.collect())
}

/// `own` are the values of kit.yaml.
pub(super) fn helm(
    recorder: &Recorder,
    kit: &KitSource,
    (release, own): (&Release, Option<String>),
    renderers: &Renderers,
    limits: &Limits,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    let files = release.values_files.iter();
    let mut values: Vec<Value> = files.map(|path| json!({"path": path})).collect();
    let given = release.values_from.iter();
    values.extend(given.map(|it| json!({"yaml": it.json, "name": it.shown})));
    if let Some(own) = own {
        values.push(json!({"yaml": own, "name": format!("{}/{KIT_FILE}", kit.path)}));
    }
    if let Some(remote) = &release.remote {
        let chart = recorder.chart(&remote.reference, &remote.origin);
        chart.map_err(|finding| vec![finding])?;
    }
    let namespace = kit.grants.namespace.as_deref().unwrap_or("default");
    let mut request = json!({
        "chart": if release.remote.is_some() { CHART } else { &release.chart },
        "release": release.name,
        "namespace": namespace,
        "values": values,
        "includeCRDs": true,
    });
    if !release.kubernetes.is_empty() {
        request["capabilities"] = json!({"kubeVersion": &*release.kubernetes});
    }
    let kind = RendererKind::Helm;
    let made: Templated = ask(renderers, kind, &request, kit, recorder)?;
    let mut templates = Templates::new(recorder, kit, release, limits);
    let mut manifests = Vec::new();
    let mut findings = Vec::new();
    for part in made.manifests {
        // Tests are run by `helm test`, and hooks on the way out by nobody.
        if part.hook.as_ref().is_some_and(|hook| !hook.is_applied()) {
            continue;
        }
        let origin = match &release.remote {
            Some(remote) => remote.origin.clone(),
            None => Origin::new(template_path(release, &part.source), 0),
        };
        match objects(&part.yaml, &origin, limits) {
            Ok(mut found) => {
                for manifest in &mut found {
                    templates.put(manifest, &part.source, &part.yaml);
                    if let Some(remote) = &release.remote {
                        manifest.origin = remote.origin.clone();
                        manifest.spans = Arc::new(Spans::of_line(remote.origin.line));
                    }
                }
                manifests.extend(found);
            }
            Err(found) => findings.extend(found),
        }
    }
    findings.extend(twice(&manifests));
    match findings.is_empty() {
        true => Ok(manifests),
        false => Err(findings),
    }
}

impl Events {
    pub(super) fn is_test(&self) -> bool {
        self.events.iter().any(|it| it == "test")
    }

    /// Whether it has a place in what is applied: its annotation says the same to the plan.
    fn is_applied(&self) -> bool {
        let events = self.events.join(",");
        Hook::of(|name| (name == HOOK_ANNOTATION).then_some(events.as_str())).is_some()
    }
}
