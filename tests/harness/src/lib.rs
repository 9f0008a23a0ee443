//! What the tests, the demo and the benchmark stand on: a real control plane, Git repositories,
//! components built from source, and waiting for conditions.

pub mod attacks;
pub mod client_certificate;
pub mod component;
pub mod control_plane;
pub mod git;
pub mod go;
pub mod kubectl;
pub mod mirror;
pub mod postgres;
pub mod receiver;
pub mod signing;
pub mod site;
pub mod supervisor;
mod wait;

pub use wait::wait_for;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells of a test that cannot be run here. The tests' own runner keeps what `eprintln!` says of those
/// that pass.
pub fn not_run(what: &str) {
    use std::io::Write as _;
    // Where nobody listens, nobody is told.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {what}");
}

/// Cargo, for a build that is the same whether it is begun by `cargo run` or from a shell: what
/// `cargo run` says of its own package would make some crates be built anew each time.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let own = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in own.filter(|it| it.starts_with("CARGO_PKG_") || it.starts_with("CARGO_MANIFEST_")) {
        cargo.env_remove(name);
    }
    cargo
}

/// The workspace's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .to_owned()
}
