//! `cargo xtask bench`.

use std::process::Command;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use trimtab_harness::component::{PLUGINS, build_components};
use trimtab_harness::control_plane::ControlPlane;
use trimtab_harness::{cargo, root};

use crate::prepare::{self, Step};
use crate::renderers;

#[derive(Args)]
pub struct Bench {
    /// `rule`, `rules`, `admission`, `attacks`, `change`, `poll`, `scale`, `keeping`, `memory`, `kits`, `history`, `rollback`, `rendering`; all if none is given
    names: Vec<String>,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

impl Bench {
    pub fn run(self) -> Result<()> {
        prepare::wasm_target()?;
        build_components(PLUGINS)?;
        let step = Step::begin("building in release");
        let built = cargo()
            .current_dir(root())
            .args([
                "build",
                "--quiet",
                "--release",
                "--package",
                "trimtab",
                "--package",
                "trimtab-bench",
            ])
            .status()?;
        if !built.success() {
            bail!("the release build failed; the compiler's words are above");
        }
        step.done();
        if self.names.is_empty() || self.names.iter().any(|it| it == "rendering") {
            renderers::prepare()?;
        }
        let binaries = prepare::control_plane()?;
        let plane = ControlPlane::start(&std::env::current_exe()?, &binaries)?;
        let mut command = Command::new(root().join("target/release/trimtab-bench"));
        command.args(&self.names);
        if self.output == Output::Json {
            command.arg("--json");
        }
        let measured = command
            .env("TRIMTAB_TEST_KUBECONFIG", &plane.ready.kubeconfig)
            .env("TRIMTAB_TEST_BIN", &binaries)
            .status()?;
        drop(plane);
        if measured.success() {
            Ok(())
        } else {
            bail!("a benchmark failed")
        }
    }
}
