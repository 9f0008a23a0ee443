//! `cargo xtask renderers`: Kustomize and Helm as guests, from their Go modules, as
//! `target/renderers/{kustomize,helm}.wasm`. host/renderers/README.md says what they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trimtab_harness::component::digest;
use trimtab_harness::{cargo, root};

use crate::prepare::{self, Step};

/// Another compiler makes another module: so it is the same one everywhere. The `go` command
/// fetches it where it is another one itself.
const GO: &str = "go1.26.8";

/// Build the renderers, Kustomize and Helm, into target/renderers
#[derive(clap::Args)]
pub struct Renderers {
    /// Build each a second time, with nothing kept of the first, and compare the digests
    #[arg(long)]
    check: bool,
}

struct Renderer {
    name: &'static str,
    /// The version that a release of the tool has in it, which it writes into labels.
    version: &'static str,
}

const RENDERERS: [Renderer; 2] = [
    Renderer {
        name: "kustomize",
        version: "-X sigs.k8s.io/kustomize/api/provenance.version=kustomize/v5.8.2",
    },
    Renderer {
        name: "helm",
        version: "-X helm.sh/helm/v4/internal/version.version=v4.3.1",
    },
];

impl Renderers {
    pub fn run(self) -> Result<()> {
        for path in prepare()? {
            println!("{}  {}", digest(&path)?, path.display());
        }
        if self.check {
            for renderer in &RENDERERS {
                renderer.check()?;
            }
        }
        Ok(())
    }
}

/// Makes those that are not there, or of other sources; gives their paths.
pub fn prepare() -> Result<Vec<PathBuf>> {
    RENDERERS.iter().map(Renderer::prepare).collect()
}

impl Renderer {
    fn source(&self) -> PathBuf {
        root().join("host/renderers").join(self.name)
    }

    fn prepare(&self) -> Result<PathBuf> {
        let folder = root().join("target/renderers");
        let path = folder.join(self.name).with_extension("wasm");
        let about = path.with_extension("json");
        let inputs = self.inputs()?;
        let there = fs::read(&about)
            .ok()
            .and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        if path.is_file() && there.is_some_and(|it| it["inputs"] == inputs) {
            return Ok(path);
        }
        prepare::tools(&[prepare::GO])?;
        let step = Step::begin(&format!(
            "building the renderer {} from its Go modules",
            self.name
        ));
        let built = self.build(None)?;
        fs::create_dir_all(&folder)?;
        // Whoever looks meanwhile sees a whole file or none.
        let draft = path.with_extension("draft");
        fs::write(&draft, built)?;
        fs::rename(draft, &path)?;
        fs::write(about, json!({"inputs": inputs}).to_string())?;
        step.done();
        Ok(path)
    }

    /// A digest of everything that the module is made of.
    fn inputs(&self) -> Result<String> {
        let mut files = BTreeMap::new();
        read(&root().join("host/renderers"), &mut files)?;
        let mut hash = Sha256::new();
        hash.update(GO);
        for (path, bytes) in files {
            let path = path.strip_prefix(root())?.to_string_lossy().into_owned();
            let others = RENDERERS.iter().any(|it| {
                it.name != self.name && path.starts_with(&format!("host/renderers/{}/", it.name))
            });
            if others || path.ends_with(".md") || path.ends_with("_test.go") {
                continue;
            }
            hash.update(format!("{path}\0{}\0", bytes.len()));
            hash.update(bytes);
        }
        Ok(hash
            .finalize()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect())
    }

    /// The finished module. Compiled packages are kept in `cache`, or where Go keeps them.
    fn build(&self, cache: Option<&Path>) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("module.wasm");
        let overlay = folder.path().join("overlay.json");
        fs::write(&overlay, self.overlay()?.to_string())?;
        let mut go = self.go();
        go.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
            .arg("-overlay")
            .arg(&overlay)
            .args(["-buildmode=c-shared", "-ldflags"])
            .arg(format!("-s -w {}", self.version))
            .arg("-o")
            .arg(&path)
            .arg(".");
        if let Some(cache) = cache {
            go.env("GOCACHE", cache);
        }
        said(go).with_context(|| format!("the renderer {} cannot be built", self.name))?;
        let snapshot = folder.path().join("snapshot.wasm");
        let mut take = Command::new(snapshots()?);
        take.arg("take").arg(&path).arg(&snapshot);
        said(take).with_context(|| format!("no snapshot of the renderer {}", self.name))?;
        Ok(fs::read(snapshot)?)
    }

    /// Go's command as it is here, whatever a person has set for other work.
    fn go(&self) -> Command {
        let mut go = Command::new("go");
        go.current_dir(self.source())
            .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", GO)])
            .envs([("GOFLAGS", ""), ("GOWASM", ""), ("GOWORK", "off")])
            .envs([("GOEXPERIMENT", ""), ("CGO_ENABLED", "0")]);
        go
    }

    /// Which of the standard library's packages are exchanged for those in stubs/std, as
    /// `go build -overlay` reads it. `replace` does that for modules, but there is none for these.
    fn overlay(&self) -> Result<Value> {
        let mut go = self.go();
        go.args(["env", "GOROOT"]);
        let library = PathBuf::from(said(go)?.trim()).join("src");
        let stubs = root().join("host/renderers/stubs/std");
        let mut ours = BTreeMap::new();
        read(&stubs, &mut ours)?;
        let mut replaced = BTreeMap::new();
        for stub in ours.keys() {
            let inside = stub.strip_prefix(&stubs)?;
            let package = library.join(inside.parent().context("a file lies in a package")?);
            for entry in fs::read_dir(&package)
                .with_context(|| format!("{} is missing", package.display()))?
            {
                let path = entry?.path();
                if path.extension().is_some_and(|it| it == "go") {
                    // An empty path takes the file out.
                    replaced.entry(path).or_insert_with(PathBuf::new);
                }
            }
            replaced.insert(library.join(inside), stub.clone());
        }
        Ok(json!({"Replace": replaced}))
    }

    fn check(&self) -> Result<()> {
        let step = Step::begin(&format!("building the renderer {} once more", self.name));
        let cache = tempfile::tempdir()?;
        let again = self.build(Some(cache.path()))?;
        step.done();
        let path = root().join("target/renderers").join(self.name);
        if fs::read(path.with_extension("wasm"))? != again {
            bail!(
                "the renderer {} is another one when it is built again",
                self.name
            );
        }
        Ok(())
    }
}

/// The program that takes snapshots. Cargo builds it beside its test; asked so, it takes wasmtime,
/// which takes longest, with the same features as for all tests, and builds it once for both.
fn snapshots() -> Result<PathBuf> {
    let mut build = cargo();
    build
        .current_dir(root())
        .args(["test", "--quiet", "--workspace", "--no-run"])
        .args(["--test", "renderers"]);
    said(build).context("trimtab-snapshot cannot be built")?;
    Ok(root().join("target/debug/trimtab-snapshot"))
}

/// What a command prints; what it says of its failure.
fn said(mut command: Command) -> Result<String> {
    let output = command.output().context("go cannot be run")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn read(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, files)?;
        } else {
            let bytes = fs::read(&path)?;
            files.insert(path, bytes);
        }
    }
    Ok(())
}
