//! Gatekeeper itself, as a process that answers questions, and what its modules are tested with.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use serde::Deserialize as _;
use serde_json::{Value, json};
use trimtab_harness::root;

const MODULES: [&str; 2] = [
    "github.com/open-policy-agent/gatekeeper/v3",
    "github.com/open-policy-agent/frameworks/constraint",
];

pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

fn go(arguments: &[&str]) -> String {
    let output = Command::new("go")
        .current_dir(root().join("tests/gatekeeper"))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "go cannot be run, which Gatekeeper is built with: {error}; \
                 install Go 1.26 or newer from https://go.dev/dl"
            )
        });
    assert!(output.status.success(), "go {arguments:?} failed");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Built once; the tests run at the same time.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let program = root().join("target/gatekeeper-oracle");
        let path = program.to_str().expect("UTF-8");
        go(&["build", "-buildvcs=false", "-o", path, "."]);
        program
    });
    &PROGRAM
}

impl Oracle {
    pub fn start() -> Self {
        let mut child = Command::new(program())
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

    pub fn judge(&mut self, policies: &[Value], objects: &[Value], namespaces: &[Value]) -> Value {
        self.ask(&json!({"policies": policies, "objects": objects, "namespaces": namespaces}))
    }

    /// With what `gator test` says of all of them.
    pub fn gator(&mut self, policies: &[Value], objects: &[Value]) -> Value {
        self.ask(&json!({"policies": policies, "objects": objects, "gator": true}))
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.input, "{request}").expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer["error"], Value::Null, "{request}");
        answer
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Each with the file that it is from, none twice.
pub struct Fixtures {
    pub templates: Vec<(String, Value)>,
    pub constraints: Vec<(String, Value)>,
    pub objects: Vec<Value>,
}

impl Fixtures {
    /// What is in the modules' files of YAML and JSON, and in texts of their Go.
    pub fn read() -> Self {
        let mut found: BTreeMap<String, (String, Value)> = BTreeMap::new();
        for module in MODULES {
            let folder = go(&["list", "-m", "-f", "{{.Dir}}", module]);
            let folder = PathBuf::from(folder.trim());
            let mut files = Vec::new();
            below(&folder, &mut files);
            for file in files {
                let Ok(text) = std::fs::read_to_string(&file) else {
                    continue;
                };
                let name = file.strip_prefix(&folder).expect("below it");
                let name = name.display().to_string();
                let texts: Vec<&str> = match name.ends_with(".go") {
                    true => text.split('`').skip(1).step_by(2).collect(),
                    false => vec![&text],
                };
                for value in texts.into_iter().flat_map(documents) {
                    found
                        .entry(value.to_string())
                        .or_insert((name.clone(), value));
                }
            }
        }
        let mut fixtures = Self {
            templates: Vec::new(),
            constraints: Vec::new(),
            objects: Vec::new(),
        };
        for (_, (file, value)) in found {
            let version = value["apiVersion"].as_str().unwrap_or_default();
            let group = version.split('/').next().unwrap_or_default();
            let kind = value["kind"].as_str().unwrap_or_default();
            match (group, kind) {
                ("templates.gatekeeper.sh", "ConstraintTemplate") => {
                    fixtures.templates.push((file, value));
                }
                ("constraints.gatekeeper.sh", _) => fixtures.constraints.push((file, value)),
                _ if group.ends_with("gatekeeper.sh") || kind == "CustomResourceDefinition" => {}
                _ => fixtures.objects.push(value),
            }
        }
        fixtures
    }
}

fn documents(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let Ok(value) = Value::deserialize(document) else {
            break;
        };
        let has = |field: &str| value[field].as_str().is_some_and(|it| !it.is_empty());
        if has("apiVersion") && has("kind") && value["metadata"]["name"].is_string() {
            found.push(value);
        }
    }
    found
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // Its own deployment says nothing of policies, and is large.
        let own = [
            "charts",
            "deploy",
            "manifest_staging",
            "config",
            "website",
            "vendor",
        ];
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !own.contains(&name.as_str()) {
            below(&path, files);
        } else if ["yaml", "yml", "json", "go"].contains(&extension.as_str()) {
            files.push(path);
        }
    }
}
