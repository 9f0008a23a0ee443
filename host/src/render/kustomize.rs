//! A directory with a kustomization, by the real Kustomize.

use serde::Deserialize;
use serde_json::json;

use super::answer::{ask, objects};
use super::plain::twice;
use super::reads::Recorder;
use crate::kit::{KitSource, Kustomize};
use crate::manifest::{Finding, Limits, Manifest, Origin};
use crate::sandbox::{RendererKind, Renderers};

#[derive(Deserialize)]
struct Built {
    yaml: String,
}

pub(super) fn kustomize(
    recorder: &Recorder,
    kit: &KitSource,
    how: &Kustomize,
    renderers: &Renderers,
    limits: &Limits,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    let request = json!({
        "path": kit.path.as_str(),
        "loadRestrictions": if how.unrestricted { "none" } else { "rootOnly" },
    });
    let kind = RendererKind::Kustomize;
    let built: Built = ask(renderers, kind, &request, kit, recorder.lookup())?;
    let own = kit.renderer.named_at(kit.path.as_str());
    // The line is not known: patches and transformers have been over it.
    let manifests = objects(&built.yaml, &Origin::new(own, 0), limits)?;
    match twice(&manifests) {
        found if found.is_empty() => Ok(manifests),
        found => Err(found),
    }
}
