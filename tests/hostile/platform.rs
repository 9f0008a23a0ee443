//! A folder as a repository, and its evaluation.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;
use trimtab::kit::RepositorySpec;
use trimtab::pipeline::{Evaluation, Evaluator, PluginStore, Verdict};
use trimtab::sandbox::{Compiler, RenderLimits, Renderers, Sandbox, SandboxLimits};
use trimtab::source::Snapshot;
use trimtab_harness::root;

/// Compiled once for all tests: that takes a minute in a debug build.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let folder = root().join("target/renderers");
    let compiler = Compiler::Kept(folder.join("compiled"));
    let renderers = Renderers::new(RenderLimits::default(), compiler, vec![folder]);
    let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here);
    sandbox.expect("a sandbox").with_renderers(renderers)
});

/// Its kits are `kits/*`, each in a namespace of its own name.
pub struct Platform(TempDir);

impl Platform {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        path
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(path), content).expect("a file");
    }

    pub fn link(&self, path: &str, to: &str) {
        symlink(to, self.path(path)).expect("a link");
    }

    pub fn evaluate(&self, evaluator: &mut Evaluator) -> Evaluation {
        self.evaluate_kits("kits/*", evaluator)
    }

    /// With these kits alone.
    pub fn evaluate_kits(&self, kits: &str, evaluator: &mut Evaluator) -> Evaluation {
        let kits = kits.replace('*', "{name}");
        let namespace = match kits.contains('{') {
            true => "{name}",
            false => "alone",
        };
        let spec = format!(
            "url: https://git.example.org/a.git\nkits: [{{path: '{kits}', namespace: '{namespace}'}}]"
        );
        let spec: RepositorySpec = serde_yaml::from_str(&spec).expect("a spec");
        let snapshot = Snapshot::of_directory(self.0.path()).expect("a snapshot");
        evaluator
            .evaluate(&snapshot, &spec, &AtomicBool::new(false))
            .expect("readable")
            .expect("nothing newer")
    }
}

pub fn evaluator(workers: usize) -> Evaluator {
    let plugins = Arc::new(PluginStore::new(SANDBOX.clone()));
    let workers = NonZeroUsize::new(workers).expect("some");
    Evaluator::new(plugins, workers)
}

/// A kit's objects as text, or its findings.
pub fn told(verdict: &Verdict) -> Vec<String> {
    let objects = verdict.rendered.manifests.iter();
    let findings = verdict.findings().map(ToString::to_string);
    objects
        .map(|it| it.object.to_string())
        .chain(findings)
        .collect()
}
