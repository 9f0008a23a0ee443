//! `trimtab plugin inspect`.

#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};

use serde_json::Value;
use trimtab_harness::component::digest;

use super::component;
use crate::{folder, text, trimtab};

#[test]
fn a_plugin_is_told_with_all_that_a_guardrail_and_a_person_need() {
    let folder = folder(&[]);
    let file = component("port-policy");
    let path = file.to_str().expect("UTF-8");
    let inspected = trimtab(folder.path(), &["plugin", "inspect", path]);
    assert_eq!(inspected.status.code(), Some(0));
    let printed = text(&inspected.stdout);
    let digest = digest(&file).expect("a digest");
    for part in [
        "name      port-policy\n",
        "does      validate\n",
        "kinds     Service, Pod, Deployment.apps",
        "contract  0.1.",
        "imports   trimtab:plugin/",
        &format!("digest    {digest}\n"),
        "compiled  in ",
        " units of fuel\n",
        "\n  service-port    a Service's port is within settings.service.allow\n",
        "\nsettings\n{\n",
    ] {
        assert!(printed.contains(part), "{part:?} is missing in {printed}");
    }
    let inspected = trimtab(folder.path(), &["plugin", "inspect", path, "-o", "json"]);
    let told: Value = serde_json::from_slice(&inspected.stdout).expect("JSON");
    assert_eq!(told["digest"], *digest);
    assert_eq!(told["rules"][0]["id"], "service-port");
    let service = &told["settingsSchema"]["properties"]["service"];
    assert!(service.is_object(), "{told}");
    for number in [
        &told["size"],
        &told["describeFuel"],
        &told["compiled"]["bytes"],
    ] {
        assert!(number.as_u64().is_some_and(|it| it > 0), "{told}");
    }
}

#[test]
fn a_component_that_is_refused_is_told_with_the_reason_and_its_imports() {
    let wasi = r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#;
    let folder = folder(&[("text.wasm", "no component")]);
    let bytes = wat::parse_str(wasi).expect("a component");
    std::fs::write(folder.path().join("wasi.wasm"), bytes).expect("written");

    let refused = trimtab(folder.path(), &["plugin", "inspect", "wasi.wasm"]);
    assert_eq!(refused.status.code(), Some(1));
    let printed = text(&refused.stdout);
    let first = "refused   it imports wasi:cli/environment@0.2.0, which the plugin contract";
    assert!(printed.starts_with(first), "{printed}");
    assert!(printed.contains("digest    sha256:"), "{printed}");

    let refused = trimtab(
        folder.path(),
        &["plugin", "inspect", "text.wasm", "-o", "json"],
    );
    assert_eq!(refused.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&refused.stdout).expect("JSON");
    let reason = told["refused"].as_str().expect("a reason");
    assert!(reason.contains("not a WebAssembly component"), "{reason}");

    let away = trimtab(folder.path(), &["plugin", "inspect", "nowhere.wasm"]);
    assert_eq!(away.status.code(), Some(3));
    assert!(text(&away.stderr).starts_with("error: nowhere.wasm cannot be read"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_binary_that_an_update_has_replaced_still_compiles_plugins() {
    let folder = folder(&[]);
    let (binary, pipe) = (folder.path().join("trimtab"), folder.path().join("pipe"));
    std::fs::copy(env!("CARGO_BIN_EXE_trimtab"), &binary).expect("copied");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    // It waits for the component, until its own file is gone.
    let running = Command::new(&binary)
        .args(["plugin", "inspect"])
        .arg(&pipe)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    std::fs::remove_file(&binary).expect("removed");
    let bytes = std::fs::read(component("port-policy")).expect("it is built");
    std::fs::write(&pipe, bytes).expect("it reads");
    let output = running.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", text(&output.stdout));
}
