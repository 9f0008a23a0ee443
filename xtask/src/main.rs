//! `cargo xtask`: the demo, the tests, and what they need on a fresh machine.

mod bench;
mod demo;
mod fuzz;
mod languages;
mod prepare;
mod renderers;
mod schemas;
mod test;
mod tidy;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use trimtab_harness::control_plane::ControlPlane;
use trimtab_harness::{component, supervisor};

/// The demo, the tests, and what they need on a fresh machine
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Xtask {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Play the story of examples/platform on a real control plane
    Demo(demo::Demo),
    /// Run every test, on one shared control plane
    Test {
        /// What `cargo test` takes: a filter, or `-- --nocapture`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure, in release, each figure with its base in the same run
    Bench(bench::Bench),
    /// Hand the sandbox what a hostile repository might, found by libFuzzer, for a bounded time
    Fuzz(fuzz::Fuzz),
    /// Start a control plane and keep it until Ctrl-C
    ControlPlane,
    /// Build plugins as components, into target/components
    Component {
        /// Packages; all plugins of this repository if none is given
        packages: Vec<String>,
    },
    /// Build the renderers, Kustomize and Helm as guests, into target/renderers
    Renderers(renderers::Renderers),
    /// Make target/schemas, which the plugin `schema` is built with
    Schemas,
    /// Check the rules of the house that no compiler knows
    Tidy,
    #[command(hide = true)]
    Supervise { binaries: PathBuf },
    #[command(hide = true)]
    WithParent {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_compiler() {
        return code;
    }
    match run(Xtask::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Demo(demo) => demo.run(),
        Verb::Test { arguments } => test::run(&arguments),
        Verb::Bench(bench) => bench.run(),
        Verb::Fuzz(fuzz) => fuzz.run(),
        Verb::ControlPlane => control_plane(),
        Verb::Component { packages } => {
            prepare::wasm_target()?;
            let names: Vec<&str> = packages.iter().map(String::as_str).collect();
            let names = if names.is_empty() {
                component::PLUGINS
            } else {
                &names
            };
            if names.contains(&"schema") {
                schemas::prepare()?;
            }
            let built = component::build_components(names)?;
            for path in built {
                println!("{}  {}", component::digest(&path)?, path.display());
            }
            Ok(())
        }
        Verb::Renderers(renderers) => renderers.run(),
        Verb::Schemas => schemas::prepare(),
        Verb::Tidy => tidy::run(),
        Verb::Supervise { binaries } => supervisor::supervise(&binaries),
        Verb::WithParent { arguments } => supervisor::with_parent(&arguments),
    }
}

fn control_plane() -> Result<()> {
    let binaries = prepare::control_plane()?;
    let plane = ControlPlane::start(&std::env::current_exe()?, &binaries)?;
    println!("export KUBECONFIG={}", plane.ready.kubeconfig.display());
    println!("export PATH={}:$PATH", binaries.display());
    eprintln!("{} is ready; Ctrl-C ends it", plane.ready.server);
    prepare::until_interrupted();
    Ok(())
}
