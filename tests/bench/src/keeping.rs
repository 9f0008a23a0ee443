//! What it costs to keep what is live as it should be: drift, rest, memory, a neighbour in trouble.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::wait_for;

use crate::Figure;
use crate::host::{DEADLINE, Host};

/// Kits of four objects: 1,000 objects.
const KITS: usize = 250;
const DRIFTS: usize = 50;
const CHANGES: usize = 30;
const REST: Duration = Duration::from_secs(60);

pub fn measure() -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    let mut host = Host::new("bench-keeping", KITS)?;
    host.start(&kubectl)?;
    host.settled(&host.git.git(&["rev-parse", "HEAD"])?);
    let mut figures = drift(&kubectl, &host)?;
    figures.extend(rest(&host)?);
    figures.extend(neighbour(&host)?);
    Ok(figures)
}

async fn client(kubectl: &Kubectl) -> Result<Client> {
    let file = Kubeconfig::read_from(&kubectl.kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// From the answer to a foreign change to the corrected object, seen by reads without a pause.
fn drift(kubectl: &Kubectl, host: &Host) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut times = runtime.block_on(async {
        let api: Api<Service> = Api::namespaced(client(kubectl).await?, &host.name);
        let params = PatchParams {
            field_manager: Some("somebody".into()),
            ..PatchParams::default()
        };
        let mut times = Vec::new();
        for drift in 0..DRIFTS {
            let name = format!("app-{}", drift * 5);
            let foreign = json!({"spec": {"selector": {"app": "another"}}});
            api.patch(&name, &params, &Patch::Merge(&foreign)).await?;
            let began = Instant::now();
            loop {
                let live = api.get(&name).await?;
                let selector = live.spec.and_then(|spec| spec.selector).unwrap_or_default();
                if selector.get("app").map(String::as_str) == Some(&name) {
                    break;
                }
                anyhow::ensure!(began.elapsed() < DEADLINE, "{name} was not put right");
            }
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok::<_, anyhow::Error>(times)
    })?;
    times.sort_by(f64::total_cmp);
    let of = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    Ok(vec![
        Figure::new(
            "a foreign change is put right, 1,000 owned objects, p50",
            of(50),
            "ms",
        ),
        Figure::new(
            "a foreign change is put right, 1,000 owned objects, p95",
            of(95),
            "ms",
        ),
    ])
}

fn rest(host: &Host) -> Result<Vec<Figure>> {
    let (requests, processor) = (host.requests(), host.processor_seconds());
    let began = Instant::now();
    let deadline = REST + DEADLINE;
    wait_for("a minute of rest", deadline, || match began.elapsed() {
        elapsed if elapsed >= REST => Ok(()),
        elapsed => Err(format!("{elapsed:?}")),
    });
    let processor = host
        .processor_seconds()
        .zip(processor)
        .map(|(now, before)| (now - before) * 1e3);
    Ok(vec![
        Figure::new(
            "requests in a minute at rest, 1,000 owned objects: the lease, and watches that begin anew",
            host.requests() - requests,
            "",
        ),
        Figure::new(
            "processor time in that minute, 1,200 polls of Git included",
            processor.context("the system tells it")?,
            "ms",
        ),
        Figure::new(
            "resident memory at rest, 1,000 owned objects",
            host.resident().context("the system tells it")?,
            "MiB",
        ),
    ])
}

/// Changes of a kit, without and with a neighbour whose Deployment never becomes ready.
fn neighbour(host: &Host) -> Result<Vec<Figure>> {
    let alone = changes(host, 7000)?;
    let stuck = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "stuck"}, "spec": {
        "selector": {"matchLabels": {"app": "stuck"}},
        "template": {"metadata": {"labels": {"app": "stuck"}}, "spec": {
            "nodeSelector": {"nowhere": "yes"}, "containers": [{"name": "a", "image": "example.org/a:1"}]}}}});
    host.git
        .write("kits/stuck/objects.yaml", stuck.to_string())?;
    host.told("applied", &host.git.commit("a kit that gets stuck")?);
    let beside = changes(host, 8000)?;
    Ok(vec![
        Figure::new(
            "one of 250 kits changes beside one that never becomes ready, to applied, p50",
            beside,
            "ms",
        )
        .against("without it", alone),
    ])
}

fn changes(host: &Host, port: u16) -> Result<f64> {
    let mut times = Vec::new();
    for change in 0..CHANGES {
        host.write(change, port + change as u16)?;
        let applied = host.told("applied", &host.git.commit("another port")?);
        times.push(
            applied["milliseconds"]
                .as_f64()
                .context("the log tells it")?,
        );
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Resident memory with so many objects, in kits of four.
pub fn memory(objects: usize) -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    let mut host = Host::of_config_maps(&format!("bench-memory-{objects}"), objects / 4)?;
    host.start(&kubectl)?;
    host.settled(&host.git.git(&["rev-parse", "HEAD"])?);
    let resident = host.resident().context("the system tells it")?;
    Ok(vec![
        Figure::new(
            format!("resident memory, {objects} owned ConfigMaps"),
            resident,
            "MiB",
        ),
        Figure::new(
            format!("the same, for each object, all of the host counted, {objects}"),
            resident * 1024.0 / objects as f64,
            "KiB",
        ),
    ])
}
