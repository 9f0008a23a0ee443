//! What the kits of a revision have of other places.

use std::sync::Arc;

use crate::kit::{Discoverer, KitPath, Lock, RepositorySpec, Supplied};
use crate::manifest::{Finding, Limits};
pub use crate::render::Asked;
use crate::render::{Elsewhere, render};
use crate::source::{Pinned, Snapshot, SourceError};

use super::PluginStore;

/// What one kit has of other places.
#[derive(Clone, Debug)]
pub struct KitReferences {
    pub kit: KitPath,
    /// In the order in which they were asked for; what comes after one that is not to be had is not
    /// known yet.
    pub asked: Vec<Asked>,
    /// What is pinned and not in the store.
    pub wanted: Vec<Pinned>,
    /// Why it is not rendered.
    pub faults: Vec<Finding>,
}

/// Those of all kits, with what `lock` says instead of the revision's own. Blocking and CPU-bound.
pub fn references(
    snapshot: &Snapshot,
    spec: &RepositorySpec,
    plugins: &PluginStore,
    lock: &Arc<Lock>,
) -> Result<Vec<KitReferences>, SourceError> {
    let elsewhere = Elsewhere {
        lock: Some(lock.clone()),
        ..plugins.elsewhere().clone()
    };
    let discovery = Discoverer::default().discover(snapshot, spec, &Supplied::default())?;
    let kits = discovery.kits.iter().map(|kit| {
        let with = (plugins.renderers(), &elsewhere);
        let files = render(snapshot, kit, with, &Limits::default());
        // A chart is not asked for where the kit.yaml cannot be read.
        let faults = kit
            .findings
            .iter()
            .filter(|it| it.rule == "trimtab/kit-file");
        let faults = faults
            .cloned()
            .chain(files.manifests.err().unwrap_or_default());
        KitReferences {
            kit: kit.path.clone(),
            asked: files.asked,
            wanted: files.wanted,
            faults: faults.collect(),
        }
    });
    Ok(kits.collect())
}
