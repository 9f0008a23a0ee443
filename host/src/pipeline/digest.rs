//! What a kit's rendering is known by.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::manifest::{Manifest, canonical_json};

/// SHA-256 over the rendered objects, as canonical JSON in the order of their keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RenderDigest([u8; 32]);

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

/// The order of objects, and of their fields, makes no difference.
/// `salt`: what only those know who may read a Secret that is in them.
pub(super) fn digest(manifests: &[Manifest], salt: Option<&str>) -> RenderDigest {
    let mut sorted: Vec<&Manifest> = manifests.iter().collect();
    sorted.sort_by_cached_key(|manifest| (manifest.key(), manifest.gvk()));
    let mut hash = Sha256::new();
    hash.update(salt.unwrap_or_default());
    for manifest in sorted {
        // The order of a file's keys says nothing; numbers have one spelling.
        hash.update(canonical_json(&manifest.object));
        hash.update(b"\n");
    }
    RenderDigest(hash.finalize().into())
}
