//! One kit through the pipeline.

use std::fmt;

use crate::kit::KitSource;
use crate::manifest::{Finding, Manifest, Scopes};
use crate::source::Snapshot;

use super::PluginStore;

/// SHA-256 over the rendered objects, as canonical JSON in the order of their keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RenderDigest(pub(super) [u8; 32]);

impl fmt::Display for RenderDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RenderDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What came of a kit.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// After transformers; empty if rendering failed. Namespaced kinds that are known have
    /// their namespace filled in.
    pub manifests: Vec<Manifest>,
    /// Of discovery, reading, transformers and validators; errors first, then by place.
    pub findings: Vec<Finding>,
    pub digest: RenderDigest,
}

impl Rendered {
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// Renders, transforms and validates one kit. `scopes` are those of the built-in kinds and of the
/// revision's CRDs.
pub fn render_kit(
    _snapshot: &Snapshot,
    _kit: &KitSource,
    _plugins: &PluginStore,
    _scopes: &Scopes,
) -> Rendered {
    todo!()
}
