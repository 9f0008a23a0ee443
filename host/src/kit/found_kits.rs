//! What discovery finds.

use std::sync::Arc;

use super::{KitPath, KitSource, PluginUse};
use crate::manifest::Finding;

/// The kits of one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// Sorted by path. Shared with the discovery before for what did not change.
    pub kits: Vec<Arc<KitSource>>,
    /// What is wrong with the repository rather than with one kit.
    pub findings: Vec<Finding>,
    /// How many kits' directories were read, the others being as they were.
    pub looked_at: usize,
    /// Those of the Repository's guardrails that the revision has, whether it has a kit or not.
    pub guardrails: Vec<PluginUse>,
}

impl Discovery {
    /// Where a kit is, or would be.
    pub fn place(&self, path: &KitPath) -> Result<usize, usize> {
        self.kits.binary_search_by(|kit| kit.path.cmp(path))
    }

    pub fn kit(&self, path: &KitPath) -> Option<&Arc<KitSource>> {
        self.place(path).ok().map(|found| &self.kits[found])
    }
}
