//! What is needed first: tool chains, the wasm32 target, the control plane's binaries.

use std::fs::{self, File};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest as _, Sha256};
use trimtab_harness::{cargo, root};

/// The version of Kubernetes in tests/control-plane/go.mod.
const KUBERNETES: &str = "v1.37.2";
const WASM: &str = "wasm32-unknown-unknown";
const BINARIES: [(&str, &str); 6] = [
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    (
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
];
const STAGES: [&str; 8] = [
    "node/fast/node-initialize.yaml",
    "node/heartbeat/node-heartbeat.yaml",
    "pod/general/pod-create.yaml",
    "pod/general/pod-ready.yaml",
    "pod/general/pod-complete.yaml",
    "pod/general/pod-delete.yaml",
    "pod/general/pod-init-container-running.yaml",
    "pod/general/pod-init-container-completed.yaml",
];

/// Says what is done, and for how long on a terminal.
pub struct Step {
    bar: Option<ProgressBar>,
    what: String,
    began: Instant,
}

impl Step {
    pub fn begin(what: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_message(what.to_owned());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        if bar.is_none() {
            eprintln!("{what} …");
        }
        Self {
            bar,
            what: what.to_owned(),
            began: Instant::now(),
        }
    }

    pub fn done(self) {
        let line = format!("{}: {:.1} s", self.what, self.began.elapsed().as_secs_f64());
        match self.bar {
            Some(bar) => bar.finish_with_message(line),
            None => eprintln!("{line}"),
        }
    }
}

/// Fails with what is missing, and how to get it.
pub fn tools(wanted: &[(&str, &str)]) -> Result<()> {
    let there = |name: &str| {
        let mut command = Command::new(name);
        command.arg(if name == "go" { "version" } else { "--version" });
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    let missing: Vec<String> = wanted
        .iter()
        .filter(|(name, _)| !there(name))
        .map(|(name, how)| format!("  {name}: {how}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("some tools are missing:\n{}", missing.join("\n"))
}

pub const GIT: (&str, &str) = ("git", "install the package git");
pub const CC: (&str, &str) = (
    "cc",
    "install a C compiler: the package build-essential, or Xcode's command line tools",
);
pub const CXX: (&str, &str) = (
    "c++",
    "install a C++ compiler: the package build-essential, or Xcode's command line tools",
);
pub const MAKE: (&str, &str) = ("make", "install the package make");
pub const PERL: (&str, &str) = ("perl", "install the package perl; OpenSSL is built with it");
pub const GO: (&str, &str) = (
    "go",
    "install Go 1.26 or newer from https://go.dev/dl; the control plane and what tests compare with are built with it",
);

/// Adds the target that plugins are built for, if it is missing.
pub fn wasm_target() -> Result<()> {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .current_dir(root())
        .output();
    let Ok(installed) = installed else {
        bail!("rustup is missing, which adds the target {WASM}: https://rustup.rs");
    };
    if String::from_utf8_lossy(&installed.stdout)
        .lines()
        .any(|line| line == WASM)
    {
        return Ok(());
    }
    let step = Step::begin("adding the Rust target wasm32-unknown-unknown");
    let added = Command::new("rustup")
        .args(["target", "add", WASM])
        .current_dir(root())
        .output()?;
    if !added.status.success() {
        bail!(
            "rustup target add {WASM}: {}",
            String::from_utf8_lossy(&added.stderr).trim()
        );
    }
    step.done();
    Ok(())
}

/// The folder with the control plane's binaries: built once for each version, and kept.
/// `KUBEBUILDER_ASSETS` takes the place of those binaries that it has.
pub fn control_plane() -> Result<PathBuf> {
    let source = root().join("tests/control-plane");
    let mut hash = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        hash.update(fs::read(source.join(file))?);
    }
    let hash: String = hash
        .finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let shelf = cache_folder().join("control-plane");
    let kept = shelf.join(format!("{KUBERNETES}-{hash}"));
    if !kept.is_dir() {
        fs::create_dir_all(&shelf)?;
        let lock = File::create(shelf.join("lock"))?;
        // Another clone may be building the same.
        lock.lock()?;
        if !kept.is_dir() {
            build(&source, &shelf, &kept)?;
        }
    }
    match std::env::var_os("KUBEBUILDER_ASSETS") {
        Some(assets) if !assets.is_empty() => with_assets(&kept, Path::new(&assets)),
        _ => Ok(kept),
    }
}

fn build(source: &Path, shelf: &Path, kept: &Path) -> Result<()> {
    tools(&[GO])?;
    let step = Step::begin(&format!(
        "building the control plane {KUBERNETES} from its Go modules (once; about 10 minutes from nothing)"
    ));
    let folder = tempfile::Builder::new()
        .prefix("building-")
        .tempdir_in(shelf)?;
    let version = |package: &str| format!("-X {package}.gitVersion={KUBERNETES}");
    let flags = format!(
        "-s -w {} {}",
        version("k8s.io/component-base/version"),
        version("k8s.io/client-go/pkg/version")
    );
    for (name, package) in BINARIES {
        let output = Command::new("go")
            .current_dir(source)
            .args(["build", "-buildvcs=false", "-ldflags", &flags, "-o"])
            .arg(folder.path().join(name))
            .arg(package)
            .output()
            .context("go cannot be run")?;
        if !output.status.success() {
            bail!(
                "{name} cannot be built:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    let module = Command::new("go")
        .current_dir(source)
        .args(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"])
        .output()?;
    let module = PathBuf::from(String::from_utf8(module.stdout)?.trim());
    let stages = folder.path().join("stages");
    fs::create_dir(&stages)?;
    for stage in STAGES {
        let from = module.join("kustomize/stage").join(stage);
        let text = fs::read(&from).with_context(|| format!("{} is missing", from.display()))?;
        fs::write(stages.join(stage.replace('/', "-")), text)?;
    }
    fs::rename(folder.keep(), kept)?;
    step.done();
    Ok(())
}

/// A folder of links: theirs where they have a binary, ours for the rest.
fn with_assets(ours: &Path, theirs: &Path) -> Result<PathBuf> {
    let folder = root().join("target/kubebuilder-assets");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (name, _) in BINARIES {
        let own = theirs.join(name);
        let from = if own.is_file() { own } else { ours.join(name) };
        std::os::unix::fs::symlink(from, folder.join(name))?;
    }
    std::os::unix::fs::symlink(ours.join("stages"), folder.join("stages"))?;
    Ok(folder)
}

fn cache_folder() -> PathBuf {
    let usual = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    base.or_else(|| std::env::home_dir().map(|home| home.join(usual)))
        .unwrap_or_else(std::env::temp_dir)
        .join("trimtab")
}

/// Waits for Ctrl-C or for the end of the process's group; what runs then is dropped in order.
pub fn until_interrupted() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let told = ctrlc::set_handler(move || {
        // A second Ctrl-C has nothing more to say.
        let _ = sender.send(());
    });
    if told.is_ok() {
        let _ = receiver.recv();
    }
}

/// Builds the binary `trimtab` and gives its path. As a part of its test, whose libraries are the
/// same as for all tests: with others, wasmtime and all else would be built once more for each.
pub fn host() -> Result<PathBuf> {
    tools(&[GIT, CC, MAKE, PERL])?;
    let step = Step::begin("building trimtab");
    let built = cargo()
        .current_dir(root())
        .args([
            "test",
            "--quiet",
            "--workspace",
            "--no-run",
            "--test",
            "cli",
        ])
        .status()?;
    if !built.success() {
        bail!("trimtab cannot be built; the compiler's words are above");
    }
    step.done();
    Ok(root().join("target/debug/trimtab"))
}
