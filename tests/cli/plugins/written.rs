//! Plugins in other languages than Rust, with their own tools, which are fetched from their
//! registries once and kept below target/.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trimtab_harness::root;
use wasmparser::{Parser, Payload};

use crate::text;

/// As a person runs it, but with caches of the registries that stay.
pub fn trimtab(folder: &Path, arguments: &[&str]) -> Output {
    let kept = root().join("target/languages");
    // `cargo xtask test` puts what pip needs there.
    let wheels = [
        Some(kept.join("wheels").into_os_string()),
        std::env::var_os("PIP_FIND_LINKS"),
    ];
    let wheels: Vec<OsString> = wheels.into_iter().flatten().collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
    command
        .current_dir(folder)
        .args(arguments)
        .env("npm_config_cache", kept.join("npm"))
        .env("npm_config_prefer_offline", "true")
        .env("PIP_CACHE_DIR", kept.join("pip"))
        .env("PIP_FIND_LINKS", wheels.join(OsStr::new(" ")))
        .env("NO_COLOR", "1");
    command.output().expect("trimtab runs")
}

/// `cargo xtask test` leaves these tests out, and says so, where a tool is missing.
pub fn needs(tool: &str) {
    let asked = Command::new(tool).arg("--version").output();
    assert!(
        asked.is_ok_and(|it| it.status.success()),
        "{tool} is missing, with which this test builds a plugin; `cargo xtask test` runs the others without it"
    );
}

pub fn fine(output: &Output) -> String {
    let printed = text(&output.stdout);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{printed}{told}");
    printed
}

/// Begins a plugin in this language, builds it and runs its cases; gives its folder.
pub fn begun(folder: &Path, language: &str) -> PathBuf {
    fine(&trimtab(
        folder,
        &["plugin", "new", "max-replicas", "--language", language],
    ));
    let project = folder.join("max-replicas");
    fine(&trimtab(&project, &["plugin", "build"]));
    passes(&project, 2);
    let component = std::fs::read(project.join("target/components/max-replicas.wasm"));
    let imports = imports(&component.expect("a component"));
    assert!(!imports.is_empty());
    for import in imports {
        let log_alone = ["trimtab:plugin/log@", "trimtab:plugin/types@"];
        assert!(
            log_alone.iter().any(|it| import.starts_with(it)),
            "{import}"
        );
    }
    project
}

/// `plugin inspect` tells them as well, but compiles anew, which takes CPython long.
fn imports(component: &[u8]) -> Vec<String> {
    let (mut depth, mut found) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("a component") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                let names = section.into_iter().map(|it| it.expect("an import").name);
                found.extend(names.map(|it| it.name.to_owned()));
            }
            _ => {}
        }
    }
    found
}

/// Its cases come as they say.
pub fn passes(project: &Path, cases: usize) {
    let printed = fine(&trimtab(project, &["plugin", "test"]));
    assert!(
        printed.contains(&format!("{cases} cases: {cases} ok, 0 FAILED")),
        "{printed}"
    );
}

/// Has a plugin that reaches, and has a function of each sort, judge a change and several kits;
/// `nothing` is what its language prints as such.
pub fn hears_every_interface(project: &Path, nothing: &str) {
    let cases = project.join("cases");
    std::fs::remove_dir_all(&cases).expect("removed");
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\n";
    let live = format!("{object}data: {{of: nobody}}\n");
    let finding = |severity: &str, kit: &str, more: &str| {
        format!(
            "- rule: reached\n  severity: {severity}\n  object: ConfigMap {kit}/shop\n  {more}\n"
        )
    };
    let reached = format!("message: \"fine: {nothing}\"");
    let changed = [
        finding("warning", "test", &reached),
        finding("info", "test", "message: of kits/test"),
        finding(
            "info",
            "test",
            "field: /data/of\n  message: nobody becomes shop",
        ),
    ];
    let several = ["a", "b"].map(|kit| {
        finding("warning", kit, &reached)
            + &finding("info", kit, &format!("message: of kits/{kit}"))
    });
    for (file, content) in [
        ("changed/input.yaml", object),
        ("changed/previous.yaml", &live),
        ("changed/settings.yaml", "reach: fine\n"),
        ("changed/expected.yaml", &changed.concat()),
        ("several/input/kits/a.yaml", object),
        ("several/input/kits/b.yaml", object),
        ("several/settings.yaml", "reach: fine\n"),
        ("several/expected.yaml", &several.concat()),
    ] {
        let path = cases.join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
    }
    passes(project, 2);
}

/// Builds what has a fault, which the language's own tool tells.
pub fn faulty(project: &Path, source: &str, content: &str, words: &str) {
    std::fs::write(project.join(source), content).expect("written");
    let built = trimtab(project, &["plugin", "build"]);
    let told = text(&built.stderr);
    assert_eq!(built.status.code(), Some(1), "{told}");
    assert!(told.contains(words), "{told}");
}

/// Has a plugin judge one ConfigMap with these settings and a file to read, in a repository of its
/// own. Gives what `trimtab check` says.
pub fn checked(folder: &Path, component: &Path, settings: &str) -> String {
    let platform = folder.join("platform");
    let kit = platform.join("shop");
    std::fs::create_dir_all(&kit).expect("made");
    std::fs::create_dir_all(platform.join("policies")).expect("made");
    std::fs::copy(component, kit.join("rule.wasm")).expect("copied");
    for (file, content) in [
        (
            "kit.yaml",
            format!(
                "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: shop}}\nspec:\n  plugins:\n  - path: rule.wasm\n    settings: {settings}\n    data: [/policies]\n"
            ),
        ),
        (
            "../policies/note.yaml",
            "note: well\n".to_owned(),
        ),
        (
            "../trimtab.yaml",
            "apiVersion: trimtab.io/v1alpha1\nkind: Repository\nmetadata: {name: platform}\nspec:\n  url: file:///\n  kits: [{path: '*', namespace: shop}]\n  kubernetesVersion: '1.34'\n".to_owned(),
        ),
        (
            "config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, namespace: shop}\n".to_owned(),
        ),
    ] {
        std::fs::write(kit.join(file), content).expect("written");
    }
    let output = trimtab(&platform, &["check"]);
    text(&output.stdout) + &text(&output.stderr)
}
