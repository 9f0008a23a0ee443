//! What attacking guests cost their host: the longest gap of a heartbeat, memory, time to verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use tokio::time::MissedTickBehavior;
use trimtab::manifest::Origin;
use trimtab::sandbox::{CallContext, CallObject, CallPlatform, Compiler, Sandbox, SandboxLimits};
use trimtab_harness::attacks::{self, Attack};
use trimtab_harness::root;

use crate::Figure;
use crate::rule::milliseconds;

/// Between two beats of the heart.
const BEAT: Duration = Duration::from_millis(5);

pub fn measure() -> Result<Vec<Figure>> {
    let program = root().join("target/release/trimtab");
    let compiler = Compiler::Child {
        program,
        cache: None,
    };
    let sandbox =
        Sandbox::new(SandboxLimits::default(), compiler).map_err(|error| anyhow!(error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()?;
    let resident = resident()?;
    let (mut gap, mut slowest) = ((0.0, ""), (0.0, ""));
    let all = attacks::all()?;
    for attack in &all {
        let (worst, took) = runtime.block_on(beaten(&sandbox, attack))?;
        if worst > gap.0 {
            gap = (worst, attack.name);
        }
        if took > slowest.0 {
            slowest = (took, attack.name);
        }
    }
    let grown = peak()? - resident;
    let count = all.len();
    Ok(vec![
        Figure::new(
            format!("{count} attacks: longest gap of a heartbeat ({})", gap.1),
            gap.0,
            "ms",
        )
        .against("the beat", milliseconds(BEAT)),
        Figure::new(
            format!("{count} attacks: longest time to verdict ({})", slowest.1),
            slowest.0,
            "ms",
        ),
        Figure::new(
            format!("{count} attacks: peak of resident memory over that before"),
            grown,
            "MiB",
        ),
    ])
}

/// The longest gap between two beats while an attack is loaded and called, and how long that took.
async fn beaten(sandbox: &Sandbox, attack: &Attack) -> Result<(f64, f64)> {
    let (worst, over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let heart = tokio::spawn({
        let (worst, over) = (worst.clone(), over.clone());
        async move {
            let mut beats = tokio::time::interval(BEAT);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut last = Instant::now();
            while !over.load(Ordering::Relaxed) {
                beats.tick().await;
                let gap = last.elapsed().as_micros() as u64;
                worst.fetch_max(gap, Ordering::Relaxed);
                last = Instant::now();
            }
        }
    });
    let (sandbox, component) = (sandbox.clone(), attack.component.clone());
    let began = Instant::now();
    tokio::task::spawn_blocking(move || {
        let context = CallContext {
            kit: "kits/a".into(),
            namespace: "a".into(),
            allowed_namespaces: Vec::new(),
            cluster_scoped: false,
            platform: CallPlatform {
                settings: "{}".into(),
                ..CallPlatform::default()
            },
        };
        let object = CallObject {
            json: r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}"#.into(),
            origin: Origin::new("kits/a/x.yaml", 1),
        };
        // What came of it is the sandbox's tests' to look at.
        if let Ok(plugin) = sandbox.load(&component) {
            let _ = plugin.validate(&context, &[object]);
        }
    })
    .await?;
    let took = milliseconds(began.elapsed());
    over.store(true, Ordering::Relaxed);
    heart.await?;
    Ok((worst.load(Ordering::Relaxed) as f64 / 1e3, took))
}

/// MiB of this process.
pub fn resident() -> Result<f64> {
    own_memory("VmRSS:")
}

fn peak() -> Result<f64> {
    own_memory("VmHWM:")
}

/// MiB.
fn own_memory(name: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.context("the system tells it")?.parse::<f64>()? / 1024.0)
}
