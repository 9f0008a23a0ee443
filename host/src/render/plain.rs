//! Plain YAML and JSON files.

use std::sync::Arc;

use crate::kit::KitSource;
use crate::manifest::{Finding, Limits, Manifest};
use crate::source::Snapshot;

/// The text of a file that a finding may point into, for printing the line.
pub type FileText = (Arc<str>, Arc<[u8]>);

/// Every `.yaml`, `.yml` and `.json` file below the kit's directory, in the order of their paths,
/// except kit.yaml and what `.trimtabignore` names. All errors of all files.
pub fn plain(
    _snapshot: &Snapshot,
    _kit: &KitSource,
    _limits: &Limits,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    todo!()
}
