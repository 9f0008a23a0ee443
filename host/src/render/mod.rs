//! A kit's files as manifests: plain YAML and JSON, Kustomize, Helm.
//! Reads only from the snapshot; Kustomize and Helm are guests, which ask for what they read, path
//! by path. No cluster, no clock.

mod answer;
mod asked;
mod charts;
mod edits;
mod elsewhere;
mod helm;
mod ignore;
mod kustomize;
mod origins;
mod plain;
mod reads;
mod template_lines;
mod templates;

pub use asked::Asked;
pub use elsewhere::Elsewhere;
pub use plain::twice;
pub use reads::{Reads, Sights};

use crate::kit::{KitSource, Renderer};
use crate::manifest::{Finding, Limits, Manifest};
use crate::sandbox::Renderers;
use crate::source::{Pinned, Snapshot};
use ignore::{IGNORE_FILE, Ignore};
use reads::{Recorder, Taken};

/// What came of a kit's files.
#[derive(Debug)]
pub struct Files {
    /// All errors, if there is one.
    pub manifests: Result<Vec<Manifest>, Vec<Finding>>,
    /// What was looked for outside of the kit's directory.
    pub reads: Reads,
    /// What Secrets' variables came to in a chart's values.
    pub secrets: Vec<String>,
    /// What it asked for of other places.
    pub asked: Vec<Asked>,
    /// Of that, what is pinned and not in the store.
    pub wanted: Vec<Pinned>,
    /// Of all guests.
    pub fuel: u64,
    /// They were hurried, and it takes longer: there are no manifests and no findings yet.
    pub given_up: bool,
}

/// Makes a kit's manifests of its files.
pub fn render(
    snapshot: &Snapshot,
    kit: &KitSource,
    (renderers, elsewhere): (&Renderers, &Elsewhere),
    limits: &Limits,
) -> Files {
    let recorder = Recorder::new(snapshot, &kit.path, &kit.sources, elsewhere);
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
    let manifests = match recorder.trouble(false) {
        // Whatever a library made without it.
        Some(trouble) if manifests.is_ok() => Err(vec![trouble]),
        _ => manifests,
    };
    let (fuel, given_up) = (recorder.spent(), recorder.has_given_up());
    let Taken {
        reads,
        asked,
        wanted,
    } = recorder.taken();
    Files {
        manifests,
        reads,
        secrets,
        asked,
        wanted,
        fuel,
        given_up,
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
