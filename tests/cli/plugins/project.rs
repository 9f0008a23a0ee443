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

#[test]
fn building_without_the_tools_of_a_language_says_what_to_install() {
    for (language, words) in [
        ("javascript", "apt install nodejs npm"),
        ("typescript", "apt install nodejs npm"),
        ("python", "apt install python3 python3-venv"),
    ] {
        let folder = folder(&[]);
        let begun = trimtab(
            folder.path(),
            &["plugin", "new", "a", "--language", language],
        );
        assert_eq!(begun.status.code(), Some(0), "{}", text(&begun.stderr));
        let project = folder.path().join("a");
        let built = offline(&project, &["plugin", "build"], Some("/nonexistent"));
        assert_eq!(built.status.code(), Some(3));
        let told = text(&built.stderr);
        assert!(told.contains(words), "{told}");
    }
}

#[cfg(unix)]
#[test]
fn building_with_a_node_that_is_too_old_says_what_to_install() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder(&[
        ("package.json", "{\"name\": \"a\"}"),
        ("src/plugin.js", ""),
        ("bin/node", "#!/bin/sh\necho v16.20.2\n"),
    ]);
    let bin = folder.path().join("bin");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("node"), executable).expect("executable");
    let built = offline(folder.path(), &["plugin", "build"], bin.to_str());
    assert_eq!(built.status.code(), Some(3));
    let told = text(&built.stderr);
    assert!(
        told.contains("node is v16.20.2; install Node.js 18 or newer"),
        "{told}"
    );
}

#[test]
fn a_folder_that_is_no_plugin_is_told_of_what_would_make_it_one() {
    for (files, reason) in [
        (
            &[][..],
            "it has no Cargo.toml, package.json or pyproject.toml",
        ),
        (
            &[("package.json", "{}")],
            "neither src/plugin.js nor src/plugin.ts",
        ),
        (
            &[("package.json", "{}"), ("src/plugin.js", "")],
            "package.json has no name",
        ),
        (
            &[
                ("package.json", "{\"name\": \"@a/b\"}"),
                ("src/plugin.ts", ""),
            ],
            "is none of a plugin",
        ),
        (&[("pyproject.toml", "[project\n")], "pyproject.toml: TOML"),
        (
            &[("pyproject.toml", "[project]\nname = \"a\"\n")],
            "write sdk = \"FOLDER\" under [tool.trimtab]",
        ),
    ] {
        let folder = folder(files);
        for verb in ["build", "test"] {
            let refused = trimtab(folder.path(), &["plugin", verb]);
            assert_eq!(refused.status.code(), Some(2), "{files:?}");
            let told = text(&refused.stderr);
            assert!(told.contains(reason), "{told}");
        }
    }
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
            &["a", "--sdk", "there"],
            "there is not the SDK; name the folder plugins/sdk of",
        ),
        (
            &["a", "--language", "python", "--sdk", "there"],
            "name the folder plugins/sdk/python of",
        ),
        (
            &["a", "--language", "typescript", "--sdk", "there"],
            "name the folder plugins/sdk/javascript of",
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
