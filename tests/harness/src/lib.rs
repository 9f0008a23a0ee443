//! What the tests, the demo and the benchmark stand on: a real control plane, Git repositories,
//! components built from source, and waiting for conditions.

pub mod attacks;
pub mod client_certificate;
pub mod component;
pub mod control_plane;
pub mod git;
pub mod kubectl;
pub mod mirror;
pub mod supervisor;
mod wait;

pub use wait::wait_for;

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .to_owned()
}
