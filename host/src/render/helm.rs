//! A chart, by the real Helm: what `helm template` gives.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{ask, objects};
use super::plain::twice;
use super::reads::Recorder;
use super::templates::{Templates, template_path};
use crate::kit::{KIT_FILE, KitSource, Release};
use crate::manifest::{Finding, Limits, Manifest, Origin};
use crate::sandbox::{RendererKind, Renderers};

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
    pub hook: Option<Hook>,
}

#[derive(Deserialize)]
pub(super) struct Hook {
    events: Vec<String>,
}

pub(super) fn helm(
    recorder: &Recorder,
    kit: &KitSource,
    release: &Release,
    renderers: &Renderers,
    limits: &Limits,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    let files = release.values_files.iter();
    let mut values: Vec<Value> = files.map(|path| json!({"path": path})).collect();
    if let Some(own) = &release.values {
        values.push(json!({"yaml": own, "name": format!("{}/{KIT_FILE}", kit.path)}));
    }
    let namespace = kit.grants.namespace.as_deref().unwrap_or("default");
    let mut request = json!({
        "chart": release.chart,
        "release": release.name,
        "namespace": namespace,
        "values": values,
        "includeCRDs": true,
    });
    if !release.kubernetes.is_empty() {
        request["capabilities"] = json!({"kubeVersion": &*release.kubernetes});
    }
    let kind = RendererKind::Helm;
    let made: Templated = ask(renderers, kind, &request, kit, recorder.lookup())?;
    let mut templates = Templates::new(recorder, kit, release, limits);
    let mut manifests = Vec::new();
    let mut findings = Vec::new();
    for part in made.manifests {
        // Tests are run by `helm test`, and hooks on the way out by nobody.
        if part.hook.as_ref().is_some_and(|hook| !hook.is_applied()) {
            continue;
        }
        let origin = Origin::new(template_path(release, &part.source), 0);
        match objects(&part.yaml, &origin, limits) {
            Ok(mut found) => {
                for manifest in &mut found {
                    templates.put(manifest, &part.source, &part.yaml);
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

impl Hook {
    pub(super) fn is_test(&self) -> bool {
        self.events.iter().any(|it| it == "test")
    }

    fn is_applied(&self) -> bool {
        let applied = ["pre-install", "post-install", "pre-upgrade", "post-upgrade"];
        self.events.iter().any(|it| applied.contains(&it.as_str()))
    }
}
