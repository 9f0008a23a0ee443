//! `trimtab plugin bench`.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::case::{Case, folders, name};
use super::grouped;
use super::test::TriedArgs;
use crate::cli::{Failure, Outcome, Output, print, sandbox};
use crate::config;

/// Measure a plugin on its cases
///
/// Cold is what a host pays that has just started: it reads the compiled component from disk and
/// makes the first call. Warm is the median of many calls, as the host makes them, objects written
/// as JSON and findings read included. Fuel is the same on every machine; times are this one's.
///
///   trimtab plugin bench
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Bench {
    #[command(flatten)]
    tried: TriedArgs,
    /// Warm calls of each case
    #[arg(long, default_value = "100", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

struct Measured {
    name: String,
    fuel: u64,
    cold: Duration,
    warm: Duration,
}

impl Measured {
    fn ratio(&self) -> f64 {
        self.cold.as_secs_f64() / self.warm.as_secs_f64().max(1e-9)
    }
}

impl Bench {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let (component, bytes) = self.tried.component()?;
        let folders = folders(&self.tried.folder)?;
        let cache = config::cache_folder();
        // Compiled once, so that what is cold is not compilation.
        let plugin = match sandbox(&cache)?.load(&bytes) {
            Ok(plugin) => plugin,
            Err(error) => {
                eprintln!("error: {} is refused: {error}", component.display());
                return Ok(Outcome::Findings);
            }
        };
        let mut measured = Vec::new();
        for folder in &folders {
            let case = Case::read(folder, &plugin).map_err(|faults| {
                Failure::Usage(anyhow!("{}: {}", folder.display(), faults.join("; ")))
            })?;
            let fresh = sandbox(&cache)?;
            let began = Instant::now();
            let loaded = fresh.load(&bytes).map_err(anyhow::Error::from)?;
            let tried = case.trial.run(&loaded);
            let cold = began.elapsed();
            let mut runs: Vec<Duration> = (0..self.runs)
                .map(|_| {
                    let began = Instant::now();
                    case.trial.run(&loaded);
                    began.elapsed()
                })
                .collect();
            runs.sort();
            measured.push(Measured {
                name: name(folder),
                fuel: tried.fuel,
                cold,
                warm: runs[runs.len() / 2],
            });
        }
        print(&match self.output {
            Output::Text => text(&measured),
            Output::Json => format!("{:#}\n", machine(&measured)),
        })?;
        Ok(Outcome::Fine)
    }
}

fn text(measured: &[Measured]) -> String {
    let width = measured
        .iter()
        .map(|it| it.name.len())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut text = format!(
        "{:<width$}{:>15}{:>12}{:>12}{:>12}\n",
        "case", "fuel", "cold", "warm", "cold/warm"
    );
    for it in measured {
        text.push_str(&format!(
            "{:<width$}{:>15}{:>12}{:>12}{:>12.0}\n",
            it.name,
            grouped(it.fuel),
            shown(it.cold),
            shown(it.warm),
            it.ratio()
        ));
    }
    text
}

fn shown(time: Duration) -> String {
    let microseconds = time.as_secs_f64() * 1e6;
    if microseconds < 1000.0 {
        format!("{microseconds:.0} µs")
    } else {
        format!("{:.1} ms", microseconds / 1e3)
    }
}

fn machine(measured: &[Measured]) -> Value {
    let microseconds = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
    let cases: Vec<Value> = measured
        .iter()
        .map(|it| {
            json!({
                "name": it.name,
                "fuel": it.fuel,
                "coldMicroseconds": microseconds(it.cold),
                "warmMicroseconds": microseconds(it.warm),
                "ratio": it.ratio(),
            })
        })
        .collect();
    json!({"cases": cases})
}
