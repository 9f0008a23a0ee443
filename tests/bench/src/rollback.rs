//! From `trimtab rollback` to the live state of before, with a hundred kits; what `blame` takes; and
//! what the record costs.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::root;

use crate::Figure;
use crate::host::Host;

const KITS: usize = 100;
const TIMES: usize = 20;
/// Commits that one kit gets, with and without the record.
const CHANGES: usize = 40;

pub fn measure() -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    let mut figures = rollback(&kubectl)?;
    let without = median(changes(
        &kubectl,
        "bench-unrecorded",
        &["--history", "none"],
    )?);
    let with = median(changes(&kubectl, "bench-recorded", &[])?);
    let what = format!("one of {KITS} kits changes, found to live, with the record, p50");
    figures.push(Figure::new(what, with, "ms").against("without it", without));
    Ok(figures)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn rollback(kubectl: &Kubectl) -> Result<Vec<Figure>> {
    let mut host = Host::new("bench-rollback", KITS)?;
    host.start(kubectl)?;
    host.settled(&host.git.git(&["rev-parse", "HEAD"])?);
    // Of a Service alone, so that nothing but Trimtab is measured.
    host.write(0, 7000)?;
    host.settled(&host.git.commit("another port")?);
    let (mut times, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        // A poll tells how many there were.
        let before = host.requests();
        let begun = Instant::now();
        verb(
            kubectl,
            &host.name,
            &["rollback", "kits/app-0", "--yes", "--reason", "a benchmark"],
        )?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        requests.push(host.requests_after(before) - before);
        let port = [
            "get",
            "service/app-0",
            "-n",
            &host.name,
            "-o",
            "jsonpath={.spec.ports[0].port}",
        ];
        let live = kubectl.run(&port)?;
        if live != "6000" {
            bail!("the port is {live} after the rollback");
        }
        verb(kubectl, &host.name, &["resume", "kits/app-0"])?;
    }
    let blame = blame(&host)?;
    requests.sort_by(f64::total_cmp);
    let most = requests.last().copied().unwrap_or_default();
    Ok(vec![
        Figure::new(
            format!("`trimtab rollback` to the state of before, one of {KITS} kits, p50"),
            median(times),
            "ms",
        ),
        Figure::new(
            "the host's requests to the API server for it, most",
            most,
            "",
        ),
        Figure::new(
            format!("`trimtab blame` of one field, {KITS} kits, by the socket, p50"),
            blame,
            "ms",
        ),
    ])
}

/// The whole command, with the line in Git, the commit and the record.
fn blame(host: &Host) -> Result<f64> {
    let mut times = Vec::new();
    for kit in 0..TIMES {
        let object = format!("service/app-{kit}");
        let begun = Instant::now();
        let output = Command::new(root().join("target/release/trimtab"))
            .args(["blame", &object, "spec.ports[0].port", "-n", &host.name])
            .arg("--socket")
            .arg(host.socket())
            .output()
            .context("target/release/trimtab cannot be run")?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if !told.contains("objects.yaml") {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("{object} is not told: {told}{error}");
        }
    }
    Ok(median(times))
}

fn verb(kubectl: &Kubectl, namespace: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(root().join("target/release/trimtab"))
        .args(arguments)
        .args(["--namespace", namespace, "--kubeconfig"])
        .arg(&kubectl.kubeconfig)
        .output()
        .context("target/release/trimtab cannot be run")?;
    if !output.status.success() {
        bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn changes(kubectl: &Kubectl, name: &str, arguments: &[&str]) -> Result<Vec<f64>> {
    let mut host = Host::new(name, KITS)?;
    host.start_with(kubectl, arguments)?;
    host.settled(&host.git.git(&["rev-parse", "HEAD"])?);
    let mut times = Vec::new();
    for change in 0..CHANGES {
        host.write(change % KITS, 7000 + change as u16)?;
        let settled = host.settled(&host.git.commit("another port")?);
        times.push(
            settled["milliseconds"]
                .as_f64()
                .context("the log tells the time")?,
        );
    }
    Ok(times)
}
