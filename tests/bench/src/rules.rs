//! Many kits under several rules, and what loaded plugins hold. No cluster.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value, json};
use trimtab::config;
use trimtab::kit::RepositorySpec;
use trimtab::pipeline::{Evaluator, PluginStore};
use trimtab::sandbox::{Compiler, Sandbox, SandboxLimits};
use trimtab::source::Snapshot;
use trimtab_harness::component::digest;
use trimtab_harness::root;

use crate::Figure;
use crate::attacks::resident;
use crate::rule::milliseconds;

const KITS: usize = 1_000;
const LOADED: u8 = 20;
/// Five validators, with settings that every object below fits.
const RULES: [(&str, &str); 5] = [
    ("port-policy", r#"{"service": {"allow": ["1024-9999"]}}"#),
    ("namespace-guard", "{}"),
    ("images", "{}"),
    ("resources", "{}"),
    ("probes", "{}"),
];

pub fn measure() -> Result<Vec<Figure>> {
    let sandbox = sandbox()?;
    // Compiled before, as a host has it that has been up for a while.
    let (bare, _) = evaluated(&sandbox, &[])?;
    evaluated(&sandbox, &RULES)?;
    let (whole, told) = evaluated(&sandbox, &RULES)?;
    let seconds = whole.as_secs_f64();
    let mut figures = vec![
        Figure::new(
            format!("{KITS} kits of 3 objects, read, rendered and judged by five rules ({told} findings)"),
            milliseconds(whole),
            "ms",
        )
        .against("without rules", milliseconds(bare)),
        Figure::new("the same, kits a second", KITS as f64 / seconds, "kits/s"),
    ];
    figures.extend(loaded()?);
    Ok(figures)
}

fn sandbox() -> Result<Sandbox> {
    let compiler = Compiler::Child {
        program: root().join("target/release/trimtab"),
        cache: None,
    };
    Sandbox::new(SandboxLimits::default(), compiler).map_err(|error| anyhow!(error))
}

fn component(name: &str) -> Result<Vec<u8>> {
    let path = root().join(format!("target/components/{name}.wasm"));
    std::fs::read(&path).with_context(|| format!("{} is missing", path.display()))
}

/// A Deployment of two containers, its Service and a ConfigMap.
fn objects(kit: usize) -> String {
    let name = format!("app-{kit}");
    let container = |name: &str| {
        json!({"name": name, "image": format!("registry.example/{name}:1.4.2"),
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}})
    };
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [container("web"), container("agent")]}}}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]}});
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {"text": "0123456789abcde\n".repeat(64)}});
    format!("{deployment}\n---\n{service}\n---\n{config}\n")
}

/// How long all kits took, and how much was found.
fn evaluated(sandbox: &Sandbox, rules: &[(&str, &str)]) -> Result<(Duration, usize)> {
    let folder = tempfile::tempdir()?;
    let mut guardrails = Vec::new();
    std::fs::create_dir(folder.path().join("rules"))?;
    for (name, settings) in rules {
        let path = format!("rules/{name}.wasm");
        std::fs::write(folder.path().join(&path), component(name)?)?;
        let built = root().join(format!("target/components/{name}.wasm"));
        let settings: Value = serde_json::from_str(settings)?;
        guardrails.push(json!({"path": path, "digest": digest(&built)?, "settings": settings}));
    }
    for kit in 0..KITS {
        let kits = folder
            .path()
            .join(format!("kits/group-{}/app-{kit}", kit / 100));
        std::fs::create_dir_all(&kits)?;
        std::fs::write(kits.join("objects.yaml"), objects(kit))?;
    }
    let spec = json!({"url": "file:///", "guardrails": guardrails,
        "kits": [{"path": "kits/{group}/*", "namespace": "{group}"}]});
    let spec: RepositorySpec = serde_json::from_value(spec)?;
    let snapshot = Snapshot::of_directory(folder.path())?;
    let plugins = Arc::new(PluginStore::new(sandbox.clone()));
    let mut evaluator = Evaluator::new(plugins, config::workers());
    let began = Instant::now();
    let evaluation = evaluator
        .evaluate(&snapshot, &spec, &AtomicBool::new(false))?
        .ok()
        .context("nothing supersedes it")?;
    let took = began.elapsed();
    anyhow::ensure!(evaluation.looked_at == KITS, "every kit is new");
    let findings = evaluation.verdicts.iter().map(|it| it.findings().count());
    Ok((took, findings.sum()))
}

/// What plugins of different bytes hold that are loaded.
fn loaded() -> Result<Vec<Figure>> {
    let sandbox = sandbox()?;
    let component = component("port-policy")?;
    let before = resident()?;
    for number in 0..LOADED {
        let mut bytes = component.clone();
        // A custom section: a name of one byte, and nothing more.
        bytes.extend([0, 2, 1, b'a' + number]);
        sandbox.load(&bytes)?;
    }
    let after = resident()?;
    Ok(vec![Figure::new(
        format!("resident memory with {LOADED} plugins loaded, over that before"),
        after - before,
        "MiB",
    )])
}
