//! `trimtab plugin new` and `build`, with cargo and without the network.

use std::path::Path;
use std::process::{Command, Output};

use trimtab_harness::{component::digest, root};

use crate::{folder, text, trimtab};

/// As a person runs it, but with the crates alone that this workspace has.
fn offline(folder: &Path, arguments: &[&str], path: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
    command
        .current_dir(folder)
        .args(arguments)
        .env("CARGO_NET_OFFLINE", "true")
        .env("NO_COLOR", "1");
    if let Some(path) = path {
        command.env_remove("CARGO").env("PATH", path);
    }
    command.output().expect("trimtab runs")
}

#[test]
fn a_new_plugin_builds_and_passes_its_cases_at_once() {
    let folder = folder(&[]);
    let sdk = root().join("plugins/sdk");
    let sdk = sdk.to_str().expect("UTF-8");
    let begun = offline(
        folder.path(),
        &["plugin", "new", "max-replicas", "--sdk", sdk],
        None,
    );
    assert_eq!(begun.status.code(), Some(0), "{}", text(&begun.stderr));
    let project = folder.path().join("max-replicas");
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
    assert!(
        manifest.contains("path = \"../"),
        "a relative path: {manifest}"
    );

    let untested = offline(&project, &["plugin", "test"], None);
    assert_eq!(untested.status.code(), Some(3));
    let told = text(&untested.stderr);
    assert!(told.contains("make it: trimtab plugin build"), "{told}");

    let built = offline(&project, &["plugin", "build"], None);
    assert_eq!(built.status.code(), Some(0), "{}", text(&built.stderr));
    let component = project.join("target/components/max-replicas.wasm");
    let digest = digest(&component).expect("a component");
    assert!(text(&built.stdout).contains(&format!("digest    {digest}\n")));

    let tested = offline(&project, &["plugin", "test"], None);
    let printed = text(&tested.stdout);
    assert_eq!(
        tested.status.code(),
        Some(0),
        "{printed}{}",
        text(&tested.stderr)
    );
    assert!(
        printed.contains("coverage: 1 of 1 rule reported\n"),
        "{printed}"
    );
    assert!(printed.contains("2 cases: 2 ok, 0 FAILED"), "{printed}");

    // No path of this machine is in it.
    let bytes = std::fs::read(&component).expect("a component");
    let within = |word: &str| {
        bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes())
    };
    assert!(!within(root().to_str().expect("UTF-8")), "the SDK's folder");
    assert!(
        !within(folder.path().to_str().expect("UTF-8")),
        "the project's folder"
    );

    std::fs::write(project.join("src/lib.rs"), "fn broken(").expect("written");
    let broken = offline(&project, &["plugin", "build"], None);
    assert_eq!(broken.status.code(), Some(1));
    let told = text(&broken.stderr);
    assert!(
        told.contains("unclosed delimiter"),
        "the compiler's own words: {told}"
    );
    let stale = offline(&project, &["plugin", "test"], None);
    assert!(text(&stale.stderr).contains("is newer than the component"));
}

#[test]
fn building_without_cargo_says_what_to_install() {
    let folder = folder(&[("Cargo.toml", "[package]\nname = \"a\"\n")]);
    let built = offline(folder.path(), &["plugin", "build"], Some("/nonexistent"));
    assert_eq!(built.status.code(), Some(3));
    let told = text(&built.stderr);
    assert!(
        told.contains("install Rust from https://rustup.rs"),
        "{told}"
    );
}

#[cfg(unix)]
#[test]
fn building_without_the_target_says_what_to_install() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder(&[
        ("Cargo.toml", "[package]\nname = \"a\"\n"),
        (
            "bin/cargo",
            "#!/bin/sh\necho \"{\\\"packages\\\":[{\\\"name\\\":\\\"a\\\",\\\"manifest_path\\\":\\\"$PWD/Cargo.toml\\\"}],\\\"target_directory\\\":\\\"t\\\",\\\"workspace_root\\\":\\\"$PWD\\\"}\"\n",
        ),
        ("bin/rustc", "#!/bin/sh\necho /nonexistent/wasm32\n"),
    ]);
    for tool in ["cargo", "rustc"] {
        let path = folder.path().join("bin").join(tool);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, executable).expect("executable");
    }
    let bin = folder.path().join("bin");
    let built = offline(folder.path(), &["plugin", "build"], bin.to_str());
    assert_eq!(built.status.code(), Some(3));
    let told = text(&built.stderr);
    assert!(
        told.contains("rustup target add wasm32-unknown-unknown"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_begun_is_refused_and_changes_nothing() {
    let folder = folder(&[("there/file", "mine")]);
    for (arguments, reason) in [
        (&["Max"][..], "is no name of a plugin"),
        (&["there"], "there is there already; nothing was changed"),
        (
            &["a", "--language", "python"],
            "there is an SDK for rust only",
        ),
        (
            &["a", "--sdk", "there"],
            "there is not the crate trimtab-plugin",
        ),
    ] {
        let mut all = vec!["plugin", "new"];
        all.extend(arguments);
        let refused = trimtab(folder.path(), &all);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        let told = text(&refused.stderr);
        assert!(told.contains(reason), "{told}");
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1
    );
}
