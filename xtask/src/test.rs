//! `cargo xtask test`.

use std::process::Command;

use anyhow::{Result, bail};
use trimtab_harness::component::{PLUGINS, build_components, build_guests};
use trimtab_harness::control_plane::ControlPlane;
use trimtab_harness::root;

use crate::prepare::{self, Step};
use crate::schemas;

pub fn run(arguments: &[String]) -> Result<()> {
    prepare::tools(&[
        prepare::GIT,
        prepare::CC,
        prepare::MAKE,
        prepare::PERL,
        prepare::GO,
    ])?;
    prepare::wasm_target()?;
    let binaries = prepare::control_plane()?;
    schemas::prepare()?;
    let step = Step::begin("building the plugins");
    build_components(PLUGINS)?;
    build_guests()?;
    step.done();
    let step = Step::begin("starting the control plane");
    let plane = ControlPlane::start(&std::env::current_exe()?, &binaries)?;
    step.done();
    let one_package = arguments
        .iter()
        .any(|argument| argument == "-p" || argument == "--package");
    let tested = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root())
        .arg("test")
        .args(if one_package {
            &[][..]
        } else {
            &["--workspace"][..]
        })
        .args(arguments)
        .env("TRIMTAB_TEST_KUBECONFIG", &plane.ready.kubeconfig)
        .env("TRIMTAB_TEST_BIN", &binaries)
        // For tests that want a control plane of their own.
        .env("TRIMTAB_TEST_SUPERVISOR", std::env::current_exe()?)
        .status()?;
    drop(plane);
    if tested.success() {
        Ok(())
    } else {
        bail!("some tests failed")
    }
}
