//! Polls that find nothing new.

use anyhow::{Context as _, Result};
use serde_json::Value;
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::wait_for;

use crate::Figure;
use crate::host::{DEADLINE, Host};

const KITS: usize = 100;
const POLLS: usize = 50;

pub fn measure() -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    let mut host = Host::new("bench-poll", KITS)?;
    host.start(&kubectl)?;
    host.settled(&host.git.git(&["rev-parse", "HEAD"])?);
    let before = host.logs("nothing new").len();
    // The first few end while what followed the revision, an Event, is still on its way.
    let polls: Vec<Value> = wait_for("polls that find nothing new", DEADLINE, || {
        let polls = host.logs("nothing new");
        if polls.len() < before + POLLS + 5 {
            return Err(format!("{} polls", polls.len()));
        }
        Ok(polls[before + 5..].to_vec())
    });
    let number = |poll: &Value, name: &str| poll[name].as_f64().context("the log tells it");
    let mut times = Vec::new();
    let mut requests = 0.0;
    for poll in &polls {
        times.push(number(poll, "microseconds")? / 1e3);
        requests += number(poll, "requests")?;
    }
    times.sort_by(f64::total_cmp);
    Ok(vec![
        Figure::new(
            format!("a poll that finds nothing new, {KITS} kits, p50"),
            times[times.len() / 2],
            "ms",
        ),
        Figure::new(
            format!(
                "requests to the API server, all of {} such polls",
                polls.len()
            ),
            requests,
            "",
        ),
    ])
}
