//! `trimtab plugin inspect`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::grouped;
use crate::cli::{Failure, Outcome, Output, print, sandbox};
use crate::config;
use crate::sandbox::{Inspection, Plugin, clean_json};

/// Say what a component is, what it asks for and what it costs
///
/// Prints its digest as guardrails pin it, also if the host would refuse the component; then it
/// says why, and the exit code is 1.
///
///   trimtab plugin inspect rules/port-policy.wasm
///   trimtab plugin inspect rules/port-policy.wasm -o json | jq -r .digest
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Inspect {
    /// A WebAssembly component
    file: PathBuf,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl Inspect {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let bytes = super::read(&self.file)?;
        let inspection = sandbox(&config::cache_folder())?.inspect(&bytes);
        print(&match self.output {
            Output::Text => text(&inspection),
            Output::Json => format!("{:#}\n", machine(&inspection)),
        })?;
        Ok(match inspection.plugin {
            Ok(_) => Outcome::Fine,
            Err(_) => Outcome::Findings,
        })
    }
}

fn does(plugin: &Plugin) -> Vec<&'static str> {
    let kinds = plugin.kinds();
    [
        (kinds.validate, "validate"),
        (kinds.validate_change, "validate-change"),
        (kinds.transform, "transform"),
        (kinds.referential, "referential"),
    ]
    .into_iter()
    .filter_map(|(does, name)| does.then_some(name))
    .collect()
}

/// A guest's schema; the sandbox has made sure that it is JSON.
fn schema(plugin: &Plugin) -> Value {
    let parsed = serde_json::from_str(&plugin.description().settings_schema);
    clean_json(&parsed.unwrap_or_default())
}

fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| text.push_str(&format!("{name:<10}{value}\n"));
    match &inspection.plugin {
        Ok(plugin) => {
            let described = plugin.description();
            row("name", &described.name);
            row("version", &described.version);
            row("summary", &described.summary);
            row("does", &does(plugin).join(", "));
            let kinds: Vec<String> = described.kinds.iter().map(ToString::to_string).collect();
            row(
                "kinds",
                &if kinds.is_empty() {
                    "all".to_owned()
                } else {
                    kinds.join(", ")
                },
            );
        }
        Err(error) => row("refused", &error.to_string()),
    }
    row("contract", inspection.contract.as_deref().unwrap_or("none"));
    row("imports", &listed(&inspection.imports));
    row("exports", &listed(&inspection.exports));
    row("digest", inspection.digest.as_str());
    row(
        "size",
        &format!("{} bytes", grouped(inspection.size as u64)),
    );
    if let Some(compiled) = inspection.compiled {
        let milliseconds = compiled.took.as_millis();
        let code = grouped(compiled.code as u64);
        row("compiled", &format!("in {milliseconds} ms to {code} bytes"));
    }
    if let Ok(plugin) = &inspection.plugin {
        let fuel = grouped(plugin.description_fuel());
        row("describe", &format!("{fuel} units of fuel"));
        text.push_str("\nrules\n");
        let rules = &plugin.description().rules;
        let width = rules.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
        for (id, summary) in rules {
            text.push_str(&format!("  {id:<width$}  {summary}\n"));
        }
        if rules.is_empty() {
            text.push_str("  none\n");
        }
        text.push_str(&format!("\nsettings\n{:#}\n", schema(plugin)));
    }
    text
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

fn machine(inspection: &Inspection) -> Value {
    let mut value = json!({
        "digest": inspection.digest.as_str(),
        "size": inspection.size,
        "contract": inspection.contract,
        "imports": inspection.imports,
        "exports": inspection.exports,
    });
    if let Some(compiled) = inspection.compiled {
        value["compiled"] = json!({
            "milliseconds": compiled.took.as_millis() as u64,
            "bytes": compiled.code,
        });
    }
    match &inspection.plugin {
        Err(error) => value["refused"] = json!(error.to_string()),
        Ok(plugin) => {
            let described = plugin.description();
            let rules: Vec<Value> = described
                .rules
                .iter()
                .map(|(id, summary)| json!({"id": id, "summary": summary}))
                .collect();
            let kinds: Vec<String> = described.kinds.iter().map(ToString::to_string).collect();
            let more = json!({
                "name": described.name,
                "version": described.version,
                "summary": described.summary,
                "does": does(plugin),
                "rules": rules,
                "kinds": kinds,
                "settingsSchema": schema(plugin),
                "describeFuel": plugin.description_fuel(),
            });
            let all: &mut Map<String, Value> = value.as_object_mut().expect("it was made one");
            all.extend(more.as_object().cloned().unwrap_or_default());
        }
    }
    value
}
