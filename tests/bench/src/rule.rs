//! port-policy in the sandbox, against the same code native.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use port_policy::PortPolicy;
use serde_json::json;
use trimtab::manifest::Origin;
use trimtab::sandbox::{CallContext, CallObject, CallPlatform, Compiler, Sandbox, SandboxLimits};
use trimtab_harness::root;
use trimtab_plugin::run::{Call, KitCall, Text, validate};

use crate::Figure;

const SETTINGS: &str = r#"{"service": {"allow": ["1024-9999"]}}"#;

pub fn measure() -> Result<Vec<Figure>> {
    let sandbox =
        Sandbox::new(SandboxLimits::default(), Compiler::Here).map_err(|error| anyhow!(error))?;
    let bytes = std::fs::read(root().join("target/components/port-policy.wasm"))?;
    let began = Instant::now();
    let plugin = sandbox.load(&bytes)?;
    let loaded = began.elapsed();
    let context = CallContext {
        kit: "kits/a".into(),
        namespace: "a".into(),
        allowed_namespaces: vec!["a".into()],
        cluster_scoped: false,
        platform: CallPlatform {
            settings: SETTINGS.into(),
            ..CallPlatform::default()
        },
    };
    let many: Vec<CallObject> = (0..1000).map(object).collect();
    let guest = median(40, || {
        plugin
            .validate(&context, &many)
            .map(|(found, _)| found.len())
    })?;
    let native = median(40, || Ok::<_, anyhow::Error>(natively(&many)))?;
    let single = median(2000, || {
        plugin
            .validate(&context, &many[..1])
            .map(|(found, _)| found.len())
    })?;
    let size = many[0].json.len();
    Ok(vec![
        Figure::new(
            format!("port-policy, 1,000 objects of {size} bytes"),
            milliseconds(guest),
            "ms",
        )
        .against("native", milliseconds(native)),
        Figure::new(
            "port-policy, one object, warm",
            single.as_secs_f64() * 1e6,
            "µs",
        ),
        Figure::new(
            "port-policy, compile and describe",
            milliseconds(loaded),
            "ms",
        ),
    ])
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle of several runs after one that does not count.
fn median<T, E>(runs: usize, mut run: impl FnMut() -> Result<T, E>) -> Result<Duration, E> {
    run()?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let began = Instant::now();
        std::hint::black_box(run()?);
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times[runs / 2])
}

fn natively(objects: &[CallObject]) -> usize {
    let call = KitCall {
        kit: "kits/a",
        namespace: "a",
        allowed_namespaces: &["a".to_owned()],
        cluster_scoped: false,
        platform: Call {
            settings: SETTINGS,
            ..Call::default()
        },
    };
    let texts = objects.iter().map(|object| Text {
        kit: "",
        json: &object.json,
        path: &object.origin.path,
        line: object.origin.line,
    });
    validate::<PortPolicy>(call, texts)
        .map(|found| found.len())
        .unwrap_or_default()
}

/// A Service of about 1.5 KB.
fn object(number: usize) -> CallObject {
    let ports: Vec<_> = (0..6).map(|port| json!({"name": format!("port-{port}"), "port": 2000 + port, "targetPort": format!("http-{port}"), "protocol": "TCP"})).collect();
    let annotations: serde_json::Map<String, serde_json::Value> = (0..13)
        .map(|n| {
            (
                format!("example.org/annotation-{n}"),
                json!(format!("some words that say what it is for, {n}")),
            )
        })
        .collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": format!("service-{number}"), "namespace": "a", "annotations": annotations, "labels": {"app": "shop"}},
        "spec": {"selector": {"app": format!("none-{number}")}, "ports": ports},
    });
    CallObject {
        json: object.to_string(),
        origin: Origin::new("kits/a/service.yaml", 1),
    }
}
