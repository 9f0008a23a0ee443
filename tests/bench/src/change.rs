//! One kit of a hundred changes: from the commit that a poll found to the live Service.

use anyhow::{Context as _, Result};
use trimtab_harness::kubectl::Kubectl;

use crate::Figure;
use crate::host::Host;

const KITS: usize = 100;
const CHANGES: usize = 50;

pub fn measure() -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    let mut host = Host::new("bench-change", KITS)?;
    host.start(&kubectl)?;
    host.settled(&host.git.git(&["rev-parse", "HEAD"])?);
    let (mut times, mut requests, mut looked_at) = (Vec::new(), Vec::new(), Vec::new());
    for change in 0..CHANGES {
        host.write(change % KITS, 7000 + change as u16)?;
        let revision = host.git.commit("another port")?;
        let settled = host.settled(&revision);
        times.push(
            settled["milliseconds"]
                .as_f64()
                .context("the log tells the time")?,
        );
        requests.push(
            settled["requests"]
                .as_f64()
                .context("the log tells the requests")?,
        );
        let evaluated = host
            .logs("evaluated")
            .into_iter()
            .rfind(|line| line["revision"] == settled["revision"]);
        looked_at.push(
            evaluated
                .and_then(|line| line["looked_at"].as_f64())
                .unwrap_or_default(),
        );
    }
    times.sort_by(f64::total_cmp);
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Figure::new(
            format!("one of {KITS} kits changes, found to live and reported, p50"),
            times[CHANGES / 2],
            "ms",
        ),
        Figure::new(
            format!("one of {KITS} kits changes, found to live and reported, p95"),
            times[CHANGES * 95 / 100],
            "ms",
        ),
        Figure::new(
            "requests to the API server for it, most",
            most(&requests),
            "",
        ),
        Figure::new("kits looked at for it, most", most(&looked_at), ""),
        Figure::new(
            "the host's peak memory",
            host.peak().unwrap_or_default(),
            "MiB",
        ),
    ])
}
