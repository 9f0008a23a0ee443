//! `cargo xtask test`.

use std::process::Command;

use anyhow::{Result, bail};
use trimtab_harness::component::{PLUGINS, build_components};
use trimtab_harness::control_plane::ControlPlane;
use trimtab_harness::root;

use crate::prepare::{self, Step};

pub fn run(arguments: &[String]) -> Result<()> {
    prepare::tools(&[prepare::GIT, prepare::CC, prepare::MAKE, prepare::PERL])?;
    prepare::wasm_target()?;
    let binaries = prepare::control_plane()?;
    let step = Step::begin("building the plugins");
    build_components(&PLUGINS)?;
    step.done();
    let step = Step::begin("starting the control plane");
    let plane = ControlPlane::start(&std::env::current_exe()?, &binaries)?;
    step.done();
    let tested = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root())
        .args(["test", "--workspace"])
        .args(arguments)
        .env("TRIMTAB_TEST_KUBECONFIG", &plane.ready.kubeconfig)
        .env("TRIMTAB_TEST_BIN", &binaries)
        .status()?;
    drop(plane);
    if tested.success() {
        Ok(())
    } else {
        bail!("some tests failed")
    }
}
