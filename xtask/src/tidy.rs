//! The rules of the house that no compiler knows. Each violation is a line `path:line: message`.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Result, bail};
use trimtab_harness::root;

/// Lines that a source file may have.
const LINES: usize = 400;
/// Bytes that a tracked file may have.
const BYTES: u64 = 500_000;
/// Rooms of the host in the order of the flow, with those that each may name.
const ROOMS: [(&str, &[&str]); 22] = [
    ("child", &[]),
    ("server", &[]),
    ("manifest", &[]),
    ("signature", &[]),
    ("download", &["manifest"]),
    ("source", &["child", "signature", "download"]),
    ("expression", &[]),
    ("substitution", &["manifest"]),
    (
        "kit",
        &[
            "manifest",
            "signature",
            "source",
            "expression",
            "substitution",
        ],
    ),
    ("verification", &["manifest", "signature", "source", "kit"]),
    ("sandbox", &["manifest", "child"]),
    (
        "render",
        &["manifest", "source", "kit", "sandbox", "substitution"],
    ),
    (
        "pipeline",
        &[
            "manifest",
            "source",
            "kit",
            "render",
            "sandbox",
            "substitution",
        ],
    ),
    ("health", &["manifest", "expression", "kit"]),
    (
        "plan",
        &["manifest", "source", "expression", "kit", "health"],
    ),
    ("cluster", &["manifest", "kit", "health", "plan"]),
    ("notify", &["manifest", "source", "kit"]),
    ("history", &["manifest"]),
    (
        "admission",
        &["manifest", "kit", "pipeline", "cluster", "server"],
    ),
    ("web", &["cluster", "server"]),
    (
        "reconcile",
        &[
            "manifest",
            "signature",
            "source",
            "kit",
            "verification",
            "pipeline",
            "health",
            "plan",
            "cluster",
            "admission",
            "notify",
            "history",
            "web",
        ],
    ),
    (
        "cli",
        &[
            "manifest",
            "source",
            "kit",
            "pipeline",
            "sandbox",
            "plan",
            "cluster",
            "admission",
            "history",
            "web",
            "reconcile",
            "config",
            "telemetry",
        ],
    ),
];
/// Words that only one room may have.
const OWN_WORDS: [(&str, &str); 8] = [
    ("git2::", "source"),
    ("wasmtime::", "sandbox"),
    ("cel::", "expression"),
    ("sqlx::", "history"),
    ("ssh_key::", "signature"),
    ("pgp::", "signature"),
    ("kube::Client", "cluster"),
    ("kube::Api", "cluster"),
];
/// Rooms that know neither an executor nor a client.
const PURE: [&str; 8] = [
    "plan",
    "health",
    "manifest",
    "kit",
    "expression",
    "signature",
    "verification",
    "substitution",
];
/// Names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "manager", "types"];

pub fn run() -> Result<()> {
    let listed = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "-z"])
        .output()?;
    let mut violations = Vec::new();
    for path in String::from_utf8(listed.stdout)?
        .split('\0')
        .filter(|path| !path.is_empty())
    {
        violations.extend(file(&root(), path));
    }
    for violation in &violations {
        eprintln!("{violation}");
    }
    if violations.is_empty() {
        println!("tidy");
        return Ok(());
    }
    bail!("{} violations", violations.len())
}

fn file(root: &Path, path: &str) -> Vec<String> {
    // What git lists may be deleted in the work tree.
    let Ok(bytes) = std::fs::read(root.join(path)) else {
        return Vec::new();
    };
    let mut violations = Vec::new();
    if bytes.len() as u64 > BYTES {
        violations.push(format!(
            "{path}:1: {} bytes; nothing generated or binary is committed",
            bytes.len()
        ));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => violations.extend(text_file(path, text)),
        Err(_) => violations.push(format!("{path}:1: a binary file; none is committed")),
    }
    violations
}

fn text_file(path: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let stem = Path::new(path)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    if path.ends_with(".rs") && EMPTY_NAMES.contains(&&*stem) {
        violations.push(format!(
            "{path}:1: {stem:?} says nothing; name what is in it"
        ));
    }
    if path.ends_with(".rs") && text.lines().count() > LINES {
        violations.push(format!(
            "{path}:1: {} lines; over {LINES} a file asks to be two",
            text.lines().count()
        ));
    }
    let mut tests = path.contains("tests") || path.starts_with("xtask");
    for (number, line) in (1..).zip(text.lines()) {
        tests |= line.trim() == "#[cfg(test)]";
        for message in line_faults(path, line, tests) {
            violations.push(format!("{path}:{number}: {message}"));
        }
        if path.ends_with(".md") {
            violations.extend(
                broken_links(path, line)
                    .map(|link| format!("{path}:{number}: {link} is not there")),
            );
        }
    }
    violations
}

/// Where people's files are, and where this checkout is.
static PLACES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let homes = ["home", "root", "Users"].map(|name| format!("/{name}/"));
    let checkout = format!("{}/", root().display());
    homes.into_iter().chain([checkout]).collect()
});

fn line_faults(path: &str, line: &str, tests: bool) -> Vec<String> {
    let mut faults = Vec::new();
    // This file names what it looks for.
    if path == "xtask/src/tidy.rs" {
        return faults;
    }
    for place in PLACES.iter() {
        if line.contains(place) {
            faults.push(format!("{place} is a path of some machine"));
        }
    }
    if !path.ends_with(".rs") {
        return faults;
    }
    for word in ["todo!(", "unimplemented!(", "FIXME", "XXX"] {
        if line.contains(word) {
            faults.push(format!("{word} is a promise; keep it or take it out"));
        }
    }
    for word in ["unsafe {", "unsafe fn", "unsafe impl"] {
        // Compiled code is loaded there, with the argument for it.
        if line.contains(word) && path != "host/src/sandbox/compile.rs" {
            faults.push("unsafe code".into());
        }
    }
    if !tests && line.contains(".unwrap()") {
        faults.push("unwrap() outside of tests; expect with the reason, or give an error".into());
    }
    if tests && (line.contains("thread::sleep") || line.contains("#[ignore")) {
        faults.push("a test that sleeps or is ignored; wait for a condition".into());
    }
    if let Some(room) = room_of(path) {
        faults.extend(room_faults(room, line));
    }
    faults
}

fn room_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("host/src/")?;
    rest.split_once('/').map(|(room, _)| room)
}

fn room_faults(room: &str, line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let code = line.split("//").next().unwrap_or_default();
    for (word, owner) in OWN_WORDS {
        if room != owner && code.contains(word) {
            faults.push(format!("{word} is named in the room {owner} only"));
        }
    }
    if PURE.contains(&room) && code.contains("tokio::") {
        faults.push(format!("the room {room} knows no executor"));
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return faults;
    };
    for part in code.split("crate::").skip(1) {
        let named: String = part
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect();
        let is_room = ROOMS.iter().any(|(name, _)| *name == named);
        if is_room && named != room && !allowed.contains(&named.as_str()) {
            faults.push(format!(
                "the room {room} may not name the room {named}: arrows run one way"
            ));
        }
    }
    faults
}

/// Relative links of a Markdown line that lead nowhere.
fn broken_links<'l>(path: &'l str, line: &'l str) -> impl Iterator<Item = &'l str> {
    let folder = root()
        .join(path)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    line.split("](").skip(1).filter_map(move |rest| {
        let link = rest.split(')').next()?.split('#').next()?;
        let local = !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:");
        (local && !folder.join(link).exists()).then_some(link)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_what_breaks_it() {
        for (path, text) in [
            ("host/src/plan/x.rs", "use tokio::sync::mpsc;"),
            ("host/src/kit/x.rs", "use git2::Oid;"),
            ("host/src/cli/x.rs", "use wasmtime::Engine;"),
            ("host/src/reconcile/x.rs", "use kube::Client;"),
            ("host/src/manifest/x.rs", "use crate::kit::KitPath;"),
            ("host/src/plan/x.rs", "let x = y.unwrap();"),
            ("host/src/plan/utils.rs", ""),
            ("host/src/plan/x.rs", "todo!()"),
            ("plugins/a/src/lib.rs", "unsafe { f() }"),
            ("tests/scenarios/x.rs", "std::thread::sleep(long);"),
            ("README.md", "see [this](docs/nowhere.md)"),
            ("docs/x.md", "cd /home/me"),
        ] {
            assert_eq!(text_file(path, text).len(), 1, "{path}: {text}");
        }
    }

    #[test]
    fn what_is_fine_is_left_alone() {
        for (path, text) in [
            ("host/src/source/x.rs", "use git2::Oid;"),
            (
                "host/src/reconcile/x.rs",
                "use crate::plan::Plan; // not git2::",
            ),
            (
                "host/src/plan/x.rs",
                "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); } }",
            ),
            ("README.md", "see [the web](https://example.org)"),
        ] {
            assert_eq!(text_file(path, text), Vec::<String>::new(), "{path}");
        }
    }
}
