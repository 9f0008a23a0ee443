//! `trimtab plugin`: the tools of a rule's author. A verb a file.

mod bench;
mod build;
mod cargo;
mod case;
mod expectation;
mod inspect;
mod new;
mod node;
mod project;
mod python;
mod staging;
mod template;
mod test;

use std::path::Path;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Failure, Outcome};

/// Begin, build, test and measure plugins, and look at them
#[derive(Args)]
pub struct PluginArgs {
    #[command(subcommand)]
    verb: PluginVerb,
}

#[derive(Subcommand)]
enum PluginVerb {
    New(new::New),
    Build(build::Build),
    Test(test::Test),
    Bench(bench::Bench),
    Inspect(inspect::Inspect),
}

impl PluginArgs {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        match self.verb {
            PluginVerb::New(verb) => verb.run(),
            PluginVerb::Build(verb) => verb.run(),
            PluginVerb::Test(verb) => verb.run(),
            PluginVerb::Bench(verb) => verb.run(),
            PluginVerb::Inspect(verb) => verb.run(),
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = std::fs::read(file);
    Ok(read.with_context(|| format!("{} cannot be read", file.display()))?)
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
