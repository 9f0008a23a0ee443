//! `cargo xtask test`.

use anyhow::{Result, bail};
use trimtab_harness::component::{PLUGINS, build_components, build_guests};
use trimtab_harness::control_plane::ControlPlane;
use trimtab_harness::{cargo, root};

use crate::languages::{self, LeftOut};
use crate::prepare::{self, Step};
use crate::{renderers, schemas};

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
    renderers::prepare()?;
    let step = Step::begin("building the plugins");
    build_components(PLUGINS)?;
    build_guests()?;
    step.done();
    let left_out = languages::left_out(arguments);
    let step = Step::begin("starting the control plane");
    let plane = ControlPlane::start(&std::env::current_exe()?, &binaries)?;
    step.done();
    let one_package = arguments
        .iter()
        .any(|argument| argument == "-p" || argument == "--package");
    let tested = cargo()
        .current_dir(root())
        .arg("test")
        .args(if one_package {
            &[][..]
        } else {
            &["--workspace"][..]
        })
        .args(without(arguments, &left_out))
        .env("TRIMTAB_TEST_KUBECONFIG", &plane.ready.kubeconfig)
        .env("TRIMTAB_TEST_BIN", &binaries)
        // For tests that want a control plane of their own.
        .env("TRIMTAB_TEST_SUPERVISOR", std::env::current_exe()?)
        .status()?;
    drop(plane);
    for LeftOut { tests, reason } in &left_out {
        eprintln!("NOT RUN: the tests {tests}*: {reason}");
    }
    if tested.success() {
        Ok(())
    } else {
        bail!("some tests failed")
    }
}

/// The arguments of `cargo test`, with what tells the tests' own runner to leave some out.
fn without(arguments: &[String], left_out: &[LeftOut]) -> Vec<String> {
    let mut arguments = arguments.to_vec();
    if !left_out.is_empty() && !arguments.iter().any(|argument| argument == "--") {
        arguments.push("--".into());
    }
    for LeftOut { tests, .. } in left_out {
        arguments.extend(["--skip".into(), (*tests).into()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_run_is_left_out_after_the_two_dashes() {
        let given = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let left_out = [LeftOut {
            tests: "plugins::python::",
            reason: String::new(),
        }];
        for (arguments, left_out, expected) in [
            ("-p trimtab", &[][..], "-p trimtab"),
            (
                "-p trimtab",
                &left_out,
                "-p trimtab -- --skip plugins::python::",
            ),
            (
                "-p trimtab -- --nocapture",
                &left_out,
                "-p trimtab -- --nocapture --skip plugins::python::",
            ),
        ] {
            assert_eq!(without(&given(arguments), left_out), given(expected));
        }
    }
}
