//! What a revision costs left of the plan, where there are very many kits. No cluster.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;
use trimtab::config;
use trimtab::kit::RepositorySpec;
use trimtab::pipeline::{Evaluation, Evaluator, PluginStore};
use trimtab::sandbox::{Compiler, Sandbox, SandboxLimits};
use trimtab::source::{Auth, FETCH_LIMIT, Follow, Mirror, Poll, RemoteSpec, Revision, Worker};
use trimtab_harness::component::digest;
use trimtab_harness::git::Fixture;
use trimtab_harness::root;

use crate::Figure;
use crate::rule::milliseconds;

/// Changes of one kit; the median is told.
const CHANGES: u16 = 9;

struct Scene {
    git: Fixture,
    mirror: Mirror,
    remote: RemoteSpec,
    evaluator: Evaluator,
    spec: RepositorySpec,
    known: Option<Revision>,
    _folder: tempfile::TempDir,
}

/// A Service and a ConfigMap of 2 KB.
fn write(git: &Fixture, kit: usize, port: u16) -> Result<()> {
    let name = format!("app-{kit}");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]}});
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {"text": "0123456789abcde\n".repeat(128)}});
    git.write(
        &format!("kits/group-{}/{name}/objects.yaml", kit / 100),
        format!("{service}\n---\n{config}\n"),
    )
}

impl Scene {
    fn new(kits: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let git = Fixture::new(&folder.path().join("repository"))?;
        let mut guardrails = Vec::new();
        for name in ["port-policy", "unique-node-ports"] {
            let component = root().join(format!("target/components/{name}.wasm"));
            let path = format!("rules/{name}.wasm");
            git.write(&path, std::fs::read(&component)?)?;
            guardrails.push(json!({"path": path, "digest": digest(&component)?}));
        }
        guardrails[0]["settings"] = json!({"service": {"allow": ["1024-9999"]}});
        for kit in 0..kits {
            write(&git, kit, 6000)?;
        }
        git.commit("all kits")?;
        let spec = json!({"url": git.url(), "guardrails": guardrails,
            "kits": [{"path": "kits/{group}/*", "namespace": "{group}"}]});
        let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here)
            .map_err(|error| anyhow!(error))?;
        let worker = Worker {
            program: PathBuf::from("unused: nothing goes over the network"),
        };
        Ok(Self {
            mirror: Mirror::open(&folder.path().join("mirror"), worker)?,
            remote: RemoteSpec {
                url: git.url(),
                follow: Follow::Branch("main".into()),
                auth: Auth::default(),
                deadline: Duration::from_secs(60),
                limit: FETCH_LIMIT,
            },
            evaluator: Evaluator::new(Arc::new(PluginStore::new(sandbox)), config::workers()),
            spec: serde_json::from_value(spec)?,
            known: None,
            git,
            _folder: folder,
        })
    }

    /// Polls, and evaluates what is found. Gives how long each took.
    fn revision(&mut self) -> Result<(Duration, Duration, Evaluation)> {
        let began = Instant::now();
        let found = self.mirror.poll(&self.remote, self.known.as_ref())?;
        let Poll::Moved { commit, .. } = found else {
            return Err(anyhow!("nothing new was found"));
        };
        let polled = began.elapsed();
        let began = Instant::now();
        let snapshot = self.mirror.snapshot(&commit.revision)?;
        let evaluation = self
            .evaluator
            .evaluate(&snapshot, &self.spec, &AtomicBool::new(false))?
            .ok()
            .context("nothing supersedes it")?;
        self.known = Some(commit.revision);
        Ok((polled, began.elapsed(), evaluation))
    }
}

pub fn measure(kits: usize) -> Result<Vec<Figure>> {
    let mut scene = Scene::new(kits)?;
    let (_, whole, evaluation) = scene.revision()?;
    anyhow::ensure!(evaluation.looked_at == kits, "every kit is new");
    let mut times = Vec::new();
    for change in 0..CHANGES {
        write(&scene.git, usize::from(change), 7000 + change)?;
        scene.git.commit("one port")?;
        let (polled, evaluated, evaluation) = scene.revision()?;
        anyhow::ensure!(evaluation.looked_at == 1, "one kit changed");
        times.push((evaluated, polled));
    }
    times.sort();
    let (evaluated, polled) = times[times.len() / 2];
    Ok(vec![
        Figure::new(
            format!("{kits} kits of 2 objects, read, rendered and judged by two guardrails"),
            milliseconds(whole),
            "ms",
        ),
        Figure::new(
            format!("one of {kits} kits changes, the same, p50"),
            milliseconds(evaluated),
            "ms",
        )
        .against("all of them", milliseconds(whole)),
        Figure::new(
            format!("fetching that change, {kits} kits, p50"),
            milliseconds(polled),
            "ms",
        ),
    ])
}
