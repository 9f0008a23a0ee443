//! A kit's files as manifests: plain YAML and JSON, Kustomize, Helm.
//! Reads only from the snapshot; Kustomize and Helm are guests, which ask for what they read, path
//! by path. No cluster, no clock.

mod answer;
mod charts;
mod edits;
mod helm;
mod ignore;
mod kustomize;
mod origins;
mod plain;
mod reads;
mod template_lines;
mod templates;

pub use plain::twice;
pub use reads::{Reads, Sights};

use crate::kit::{KitSource, Renderer};
use crate::manifest::{Finding, Limits, Manifest};
use crate::sandbox::Renderers;
use crate::source::Snapshot;
use ignore::{IGNORE_FILE, Ignore};
use reads::Recorder;

/// What came of a kit's files.
#[derive(Debug)]
pub struct Files {
    /// All errors, if there is one.
    pub manifests: Result<Vec<Manifest>, Vec<Finding>>,
    /// What was looked for outside of the kit's directory.
    pub reads: Reads,
    /// What Secrets' variables came to in a chart's values.
    pub secrets: Vec<String>,
}

/// Makes a kit's manifests of its files.
pub fn render(
    snapshot: &Snapshot,
    kit: &KitSource,
    renderers: &Renderers,
    limits: &Limits,
) -> Files {
    let recorder = Recorder::new(snapshot, &kit.path);
    let mut secrets = Vec::new();
    let manifests = match (&kit.renderer, is_ignored(snapshot, kit)) {
        (_, Err(findings)) => Err(findings),
        (Renderer::Plain, _) | (_, Ok(true)) => plain::plain(snapshot, kit, limits),
        (Renderer::Kustomize(it), _) => kustomize::kustomize(&recorder, kit, it, renderers, limits),
        (Renderer::Helm(it), _) => helm::own_values(kit, it).and_then(|(own, told)| {
            secrets = told;
            helm::helm(&recorder, kit, (it, own), renderers, limits)
        }),
    };
    Files {
        manifests,
        reads: recorder.taken(),
        secrets,
    }
}

/// Whether the file that makes it another tool's directory is not to be looked at, so that the
/// others are plain.
fn is_ignored(snapshot: &Snapshot, kit: &KitSource) -> Result<bool, Vec<Finding>> {
    let own = match &kit.renderer {
        Renderer::Plain => return Ok(false),
        Renderer::Helm(it) => it.chart == kit.path.as_str(),
        Renderer::Kustomize(_) => true,
    };
    let directory = kit.path.as_str();
    let mut ignore = Ignore::of_kit(kit).map_err(|finding| vec![finding])?;
    let entries = snapshot.list(directory).unwrap_or_default();
    let has_file = entries.iter().any(|it| it.name == IGNORE_FILE);
    ignore.enter(snapshot, directory, has_file)?;
    Ok(own && ignore.ignores(&kit.renderer.named_at(directory), false))
}
