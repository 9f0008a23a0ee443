//! Plugins from Rust source to component.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::root;

const TARGET: &str = "wasm32-unknown-unknown";
/// The plugins of this repository.
pub const PLUGINS: [&str; 4] = [
    "port-policy",
    "namespace-guard",
    "unique-node-ports",
    "common-labels",
];

/// Builds packages as components, into `target/components/NAME.wasm`. A file is written only if
/// its bytes are others than before.
pub fn build_components(packages: &[&str]) -> Result<Vec<PathBuf>> {
    let root = root();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(&root)
        .args(["build", "--quiet", "--profile", "guest", "--target", TARGET]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    // The same bytes from any folder and any home.
    let home = std::env::home_dir().unwrap_or_default();
    let flags = format!(
        "--remap-path-prefix={}=/trimtab --remap-path-prefix={}=/home",
        root.display(),
        home.display()
    );
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    // Coverage and other flags of the tests' own build are not for guests.
    cargo.env_remove("RUSTFLAGS");
    if !cargo.status().context("cargo cannot be run")?.success() {
        bail!("the plugins cannot be built; if the target is missing: rustup target add {TARGET}");
    }
    let folder = root.join("target/components");
    std::fs::create_dir_all(&folder)?;
    packages
        .iter()
        .map(|package| encode(&root, &folder, package))
        .collect()
}

fn encode(root: &std::path::Path, folder: &std::path::Path, package: &str) -> Result<PathBuf> {
    let module = root
        .join("target")
        .join(TARGET)
        .join("guest")
        .join(format!("{}.wasm", package.replace('-', "_")));
    let module =
        std::fs::read(&module).with_context(|| format!("{} was not built", module.display()))?;
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()
        .with_context(|| format!("{package} cannot be made a component"))?;
    let path = folder.join(format!("{package}.wasm"));
    if std::fs::read(&path).ok().as_deref() != Some(&component[..]) {
        std::fs::write(&path, component)?;
    }
    Ok(path)
}

/// `sha256:` and the digest of a file.
pub fn digest(path: &std::path::Path) -> Result<String> {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(
        std::fs::read(path).with_context(|| format!("{} is missing", path.display()))?,
    );
    Ok(format!(
        "sha256:{}",
        hash.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    ))
}
