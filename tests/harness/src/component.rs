//! Plugins from Rust source to component.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{cargo, root};

const TARGET: &str = "wasm32-unknown-unknown";
/// The plugins of this repository.
pub const PLUGINS: &[&str] = &[
    "port-policy",
    "namespace-guard",
    "unique-node-ports",
    "common-labels",
    "images",
    "resources",
    "probes",
    "replicas",
    "changes",
    "pod-security",
    "references",
    "image-rewrite",
    "schema",
    "gatekeeper",
    "defaults",
    "set-namespace",
    "cel-validate",
    "cel-mutate",
];

/// The crate whose examples are the guests of the sandbox's tests.
const GUESTS: &str = "trimtab-guests";

/// Builds packages as components, into `target/components/NAME.wasm`. A file is written only if
/// its bytes are others than before.
pub fn build_components(packages: &[&str]) -> Result<Vec<PathBuf>> {
    let mut arguments = Vec::new();
    for package in packages {
        arguments.extend(["--package", package]);
    }
    compile(&arguments)?;
    let built = guest_folder();
    let module = |package: &&str| built.join(format!("{}.wasm", package.replace('-', "_")));
    packages
        .iter()
        .map(|package| encode(&module(package), package))
        .collect()
}

/// Builds every guest, into `target/components/guest-NAME.wasm`. Gives their names.
pub fn build_guests() -> Result<Vec<String>> {
    compile(&["--package", GUESTS, "--examples"])?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/guests/examples"))? {
        let file = entry?.file_name();
        let name = file.to_string_lossy().trim_end_matches(".rs").to_owned();
        let module = guest_folder()
            .join("examples")
            .join(format!("{}.wasm", name.replace('-', "_")));
        encode(&module, &format!("guest-{name}"))?;
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn guest_folder() -> PathBuf {
    root().join("target").join(TARGET).join("guest")
}

fn compile(arguments: &[&str]) -> Result<()> {
    let root = root();
    let mut cargo = cargo();
    cargo
        .current_dir(&root)
        .args(["build", "--quiet", "--profile", "guest", "--target", TARGET])
        .args(arguments);
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
        bail!(
            "the components cannot be built; if the target is missing: rustup target add {TARGET}"
        );
    }
    Ok(())
}

fn encode(module: &Path, name: &str) -> Result<PathBuf> {
    let bytes =
        std::fs::read(module).with_context(|| format!("{} was not built", module.display()))?;
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&bytes)?
        .encode()
        .with_context(|| format!("{name} cannot be made a component"))?;
    let folder = root().join("target/components");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.wasm"));
    if std::fs::read(&path).ok().as_deref() != Some(&component[..]) {
        std::fs::write(&path, component)?;
    }
    Ok(path)
}

/// `sha256:` and the digest of a file.
pub fn digest(path: &Path) -> Result<String> {
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
