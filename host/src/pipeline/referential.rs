//! Rules over the objects of several kits.

use std::sync::Arc;

use crate::kit::{KitPath, KitSource};
use crate::manifest::Finding;
use crate::source::Snapshot;

use super::{PluginStore, Rendered};

/// A kit of the revision, as a referential validator sees it.
#[derive(Clone)]
pub struct Candidate {
    pub kit: Arc<KitSource>,
    pub rendered: Arc<Rendered>,
}

/// Runs each referential validator among the guardrails once over the objects of all kits, and a
/// kit's own over that kit's. Also reports an object that two kits have, with both origins.
/// Findings by the kit that they are about.
pub fn cross_check(
    _snapshot: &Snapshot,
    _candidates: &[Candidate],
    _plugins: &PluginStore,
) -> Vec<(KitPath, Finding)> {
    todo!()
}
