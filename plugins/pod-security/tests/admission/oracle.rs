//! The API server's own admission, as a process that answers questions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use trimtab_harness::go::{self, go};

/// Rules that forbid a Pod.
pub type Rules = BTreeSet<String>;

/// Among the modules that the tests' control plane is built from.
const FOLDER: &str = "tests/control-plane";

pub struct Oracle(go::Oracle);

impl Oracle {
    /// To judge by these versions.
    pub fn start(versions: &[String]) -> Self {
        let package = "./cmd/pod-security-oracle";
        Self(go::Oracle::start(
            FOLDER,
            package,
            "pod-security-oracle",
            versions,
        ))
    }

    pub fn judge(&mut self, pod: &Value) -> Answer {
        let line = self.0.ask(pod);
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(
            answer["error"].is_null(),
            "the API server does not read it: {}: {pod}",
            answer["error"]
        );
        Answer(answer)
    }
}

pub struct Answer(Value);

impl Answer {
    /// What forbids the Pod at a level and a version, which is told by its index.
    pub fn forbidden(&self, level: &str, version: usize) -> Rules {
        let checks = self.0["forbidden"][level][version].as_array();
        let checks = checks.expect("a list for each version").iter();
        checks
            .map(|id| rule(id.as_str().expect("a text")))
            .collect()
    }
}

/// Our rule's id for a check's: `seccompProfile_baseline` is `seccomp-profile-baseline`.
fn rule(check: &str) -> String {
    let mut id = String::new();
    for letter in check.chars() {
        match letter {
            '_' => id.push('-'),
            _ if letter.is_ascii_uppercase() => {
                id.push('-');
                id.push(letter.to_ascii_lowercase());
            }
            _ => id.push(letter),
        }
    }
    id
}

/// The Pods that the module itself is tested with: level, version, whether it passes, and the YAML.
pub fn fixtures() -> Vec<(String, String, bool, String)> {
    let module = "k8s.io/pod-security-admission";
    let folder = go(FOLDER, &["list", "-m", "-f", "{{.Dir}}", module]);
    let folder = PathBuf::from(folder.trim()).join("test/testdata");
    let mut found = Vec::new();
    for level in ["baseline", "restricted"] {
        for version in files(&folder.join(level)) {
            for (outcome, passes) in [("pass", true), ("fail", false)] {
                for file in files(&version.join(outcome)) {
                    let text = std::fs::read_to_string(&file).expect("a file");
                    let version = version.file_name().expect("a name").to_string_lossy();
                    found.push((level.to_owned(), version.into_owned(), passes, text));
                }
            }
        }
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("listed").path()).collect()
}
