//! The API server's own admission, as a process that answers questions.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use trimtab_harness::root;

/// Rules that forbid a Pod.
pub type Rules = BTreeSet<String>;

pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Go, among the modules that the tests' control plane is built from.
fn go(arguments: &[&str]) -> String {
    let output = Command::new("go")
        .current_dir(root().join("tests/control-plane"))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "go cannot be run, which the API server's admission is built with: {error}; \
                 install Go 1.26 or newer from https://go.dev/dl"
            )
        });
    assert!(output.status.success(), "go {arguments:?} failed");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Built once; the tests run at the same time.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let program = root().join("target/pod-security-oracle");
        let path = program.to_str().expect("UTF-8");
        let package = "./cmd/pod-security-oracle";
        go(&["build", "-buildvcs=false", "-o", path, package]);
        program
    });
    &PROGRAM
}

impl Oracle {
    /// To judge by these versions.
    pub fn start(versions: &[String]) -> Self {
        let mut child = Command::new(program())
            .args(versions)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            input,
            output,
        }
    }

    pub fn judge(&mut self, pod: &Value) -> Answer {
        writeln!(self.input, "{pod}").expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(
            answer["error"].is_null(),
            "the API server does not read it: {}: {pod}",
            answer["error"]
        );
        Answer(answer)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    let folder = go(&["list", "-m", "-f", "{{.Dir}}", module]);
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
