//! Many kits from nothing to all applied, against a bare loop of concurrent server-side applies
//! of the same objects.

use std::time::Instant;

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, Config};
use serde_json::Value;
use trimtab_harness::kubectl::Kubectl;

use crate::Figure;
use crate::host::{Host, objects};

/// Applies at once; an API server gains nothing from more.
const AT_ONCE: usize = 16;

pub fn measure(kits: usize) -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    // The API server slows down as it fills and as controllers catch up: once before, once after.
    let before = bare(&kubectl, &format!("bench-before-{kits}"), kits)?;
    let mut host = Host::new(&format!("bench-kits-{kits}"), kits)?;
    let began = Instant::now();
    host.start(&kubectl)?;
    let head = host.git.git(&["rev-parse", "HEAD"])?;
    let applied = host.told("applied", &head);
    let settled = host.settled(&head);
    let whole = began.elapsed().as_secs_f64();
    let seconds = |line: &Value| line["milliseconds"].as_f64().unwrap_or_default() / 1e3;
    let took = seconds(&applied);
    let peak = host.peak().unwrap_or_default();
    let processor = host.processor_seconds().unwrap_or_default();
    drop(host);
    let after = bare(&kubectl, &format!("bench-after-{kits}"), kits)?;
    let bare = (before + after) / 2.0;
    let requests = settled["requests"].as_f64().unwrap_or_default();
    Ok(vec![
        Figure::new(
            format!("{kits} kits of 4 objects, from the revision found to all applied"),
            took,
            "s",
        )
        .against(
            format!(
                "bare applies of the same objects, before {before:.2} s and after {after:.2} s"
            ),
            bare,
        ),
        Figure::new(
            format!("objects per second, {kits} kits"),
            4.0 * kits as f64 / took,
            "/s",
        )
        .against("bare applies", 4.0 * kits as f64 / bare),
        Figure::new(
            format!("{kits} kits of 4 objects, from the host's start to all healthy and reported"),
            whole,
            "s",
        ),
        Figure::new(
            format!("requests to the API server for {kits} kits until all are applied"),
            applied["requests"].as_f64().unwrap_or_default(),
            "",
        ),
        Figure::new(
            format!(
                "requests to the API server for {kits} kits until all are healthy and reported"
            ),
            requests,
            "",
        ),
        Figure::new(format!("the host's peak memory, {kits} kits"), peak, "MiB"),
        Figure::new(
            format!("the host's processor time, {kits} kits"),
            processor,
            "s",
        ),
    ])
}

/// Seconds for all objects, without a host.
fn bare(kubectl: &Kubectl, namespace: &str, kits: usize) -> Result<f64> {
    kubectl.run(&["create", "namespace", namespace])?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let file = Kubeconfig::read_from(&kubectl.kubeconfig)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        let all: Vec<Value> = (0..kits)
            .flat_map(|kit| objects(namespace, kit, 6000))
            .collect();
        let began = Instant::now();
        let mut sent = futures::stream::iter(all)
            .map(|object| apply(client.clone(), namespace.to_owned(), object))
            .buffer_unordered(AT_ONCE);
        while let Some(result) = sent.next().await {
            result?;
        }
        Ok(began.elapsed().as_secs_f64())
    })
}

async fn apply(client: Client, namespace: String, object: Value) -> Result<()> {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .context("an object has its names")
    };
    let (group, version) = text("/apiVersion")?
        .split_once('/')
        .unwrap_or(("", text("/apiVersion")?));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("/kind")?));
    let api: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &resource);
    api.patch(
        text("/metadata/name")?,
        &PatchParams::apply("bare").force(),
        &Patch::Apply(&object),
    )
    .await?;
    Ok(())
}
