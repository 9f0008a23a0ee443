//! One object through the admission webhook over TLS, and what of it is the rule.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use trimtab_harness::component::digest;
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::{root, wait_for};

use crate::Figure;
use crate::host::{DEADLINE, Host, objects};

const NAME: &str = "bench-admission";
/// The host's own namespace has no door.
const KITS: &str = "bench-admission-kits";
const COUNT: usize = 10;
const RUNS: usize = 2000;

pub fn measure() -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    let mut host = Host::new(NAME, 0)?;
    for kit in 0..COUNT {
        let objects = objects(KITS, kit, 6000).map(|object| object.to_string());
        let file = format!("kits/app-{kit}/objects.yaml");
        host.git.write(&file, objects.join("\n---\n"))?;
    }
    let component = root().join("target/components/port-policy.wasm");
    host.git
        .write("rules/port-policy.wasm", std::fs::read(&component)?)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    host.guard_the_door(port, KITS, &digest(&component)?)?;
    let revision = host.git.commit("a guardrail")?;
    host.start(&kubectl)?;
    host.settled(&revision);
    let bundle = wait_for("the webhook is registered", DEADLINE, || {
        let name = format!("trimtab.{NAME}");
        let found = kubectl.get(&["validatingwebhookconfiguration", &name]);
        let found = found.ok().flatten().unwrap_or_default();
        let bundle = found["webhooks"][0]["clientConfig"]["caBundle"].as_str();
        bundle
            .map(str::to_owned)
            .ok_or_else(|| "not yet".to_owned())
    });
    let bundle = base64::engine::general_purpose::STANDARD.decode(bundle)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut times = runtime.block_on(ask(port, &bundle))?;
    // What the host says of the same requests, the first ones not counted.
    let asked = host.logs("asked at the door");
    let judged = asked.iter().filter(|line| line["judged"] == true);
    let mut within: Vec<f64> = judged
        .filter_map(|line| line["microseconds"].as_f64())
        .collect();
    if within.len() < RUNS {
        bail!("the host judged {} of {RUNS}", within.len());
    }
    within.sort_by(f64::total_cmp);
    times.sort();
    let of = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
    let rule = |share: usize| within[within.len() * share / 100] / 1e3;
    Ok(vec![
        Figure::new("admission, one object over TLS, p50", of(50), "ms")
            .against("reading the review and the rule", rule(50)),
        Figure::new("admission, one object over TLS, p95", of(95), "ms")
            .against("reading the review and the rule", rule(95)),
    ])
}

async fn ask(port: u16, bundle: &[u8]) -> Result<Vec<Duration>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle) {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(
        tokio_rustls::rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()?
    .with_root_certificates(roots)
    .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("127.0.0.1")?;
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let request = request();
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS + 100 {
        let began = Instant::now();
        stream.write_all(&request).await?;
        let answer = answer(&mut stream).await?;
        times.push(began.elapsed());
        if answer["response"]["allowed"] != true {
            bail!("{answer}");
        }
    }
    Ok(times.split_off(100))
}

/// As an API server asks about a Service that is changed.
fn request() -> Vec<u8> {
    let [_, _, service, _] = objects(KITS, 1, 7000);
    let mut changed = service.clone();
    changed["spec"]["ports"][0]["port"] = 7001.into();
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "UPDATE",
        "kind": {"group": "", "version": "v1", "kind": "Service"},
        "resource": {"group": "", "version": "v1", "resource": "services"},
        "namespace": KITS, "name": "app-1", "userInfo": {"username": "jane", "groups": ["people"]},
        "object": changed, "oldObject": service, "options": {"fieldManager": "kubectl-edit"},
    }})
    .to_string();
    let path = format!("/admit/{NAME}/bench?timeout=5s");
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: door\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

async fn answer(stream: &mut TlsStream<TcpStream>) -> Result<Value> {
    let (mut read, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            bail!("the webhook ended the connection");
        }
        read.push_str(std::str::from_utf8(&buffer[..count])?);
        let Some((head, body)) = read.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("content-length: ")?.parse::<usize>().ok()
        });
        if body.len() >= length.context("an answer has a length")? {
            return Ok(serde_json::from_str(body)?);
        }
    }
}
