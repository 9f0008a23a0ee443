//! The figures. Arguments: the names of benchmarks (`rule`, `rules`, `admission`, `attacks`, `change`, `poll`, `scale`,
//! `keeping`, `memory`, `kits`, `history`, `rollback`, `rendering`), and `--json`. `cargo xtask bench` builds it in release and gives it a control plane.

mod admission;
mod attacks;
mod change;
mod history;
mod host;
mod keeping;
mod kits;
mod poll;
mod rendering;
mod rollback;
mod rule;
mod rules;
mod scale;

use anyhow::Result;
use serde_json::{Value, json};

/// One line of the table.
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// What it is compared with: name, value in the same unit.
    pub base: Option<(String, f64)>,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            base: None,
        }
    }

    pub fn against(mut self, name: impl Into<String>, value: f64) -> Self {
        self.base = Some((name.into(), value));
        self
    }

    fn json(&self) -> Value {
        let base = self.base.as_ref().map(
            |(name, value)| json!({"name": name, "value": value, "ratio": self.value / value}),
        );
        json!({"name": self.name, "value": self.value, "unit": self.unit, "base": base})
    }

    fn line(&self) -> String {
        let base = self.base.as_ref().map(|(name, value)| {
            format!(
                "{:6.2} × {name} ({value:.2} {})",
                self.value / value,
                self.unit
            )
        });
        format!(
            "{:<58} {:>10.2} {:<8} {}",
            self.name,
            self.value,
            self.unit,
            base.unwrap_or_default()
        )
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "--json")
        .collect();
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut figures = Vec::new();
    if wanted("rule") {
        figures.extend(rule::measure()?);
    }
    if wanted("rules") {
        figures.extend(rules::measure()?);
    }
    if wanted("admission") {
        figures.extend(admission::measure()?);
    }
    if wanted("attacks") {
        figures.extend(attacks::measure()?);
    }
    if wanted("change") {
        figures.extend(change::measure()?);
    }
    if wanted("poll") {
        figures.extend(poll::measure()?);
    }
    if wanted("scale") {
        figures.extend(scale::measure(1000)?);
        figures.extend(scale::measure(10_000)?);
    }
    if wanted("keeping") {
        figures.extend(keeping::measure()?);
    }
    if wanted("memory") {
        figures.extend(keeping::memory(1000)?);
        figures.extend(keeping::memory(10_000)?);
    }
    if wanted("kits") {
        figures.extend(kits::measure(100)?);
        figures.extend(kits::measure(1000)?);
    }
    if wanted("history") {
        figures.extend(history::measure()?);
    }
    if wanted("rollback") {
        figures.extend(rollback::measure()?);
    }
    if wanted("rendering") {
        figures.extend(rendering::measure()?);
    }
    if arguments.iter().any(|argument| argument == "--json") {
        println!(
            "{:#}",
            Value::from(figures.iter().map(Figure::json).collect::<Vec<_>>())
        );
    } else {
        figures
            .iter()
            .for_each(|figure| println!("{}", figure.line()));
    }
    Ok(())
}
