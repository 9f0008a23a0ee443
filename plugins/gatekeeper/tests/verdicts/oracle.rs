//! Gatekeeper itself, as a process that answers questions, and what its modules are tested with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::{Value, json};
use trimtab_harness::go::{self, go};

const MODULES: [&str; 2] = [
    "github.com/open-policy-agent/gatekeeper/v3",
    "github.com/open-policy-agent/frameworks/constraint",
];

const FOLDER: &str = "tests/gatekeeper";

pub struct Oracle(go::Oracle);

impl Oracle {
    pub fn start() -> Self {
        Self(go::Oracle::start(FOLDER, ".", "gatekeeper-oracle", &[]))
    }

    pub fn judge(&mut self, policies: &[Value], objects: &[Value], namespaces: &[Value]) -> Value {
        self.ask(&json!({"policies": policies, "objects": objects, "namespaces": namespaces}))
    }

    /// With what `gator test` says of all of them.
    pub fn gator(&mut self, policies: &[Value], objects: &[Value]) -> Value {
        self.ask(&json!({"policies": policies, "objects": objects, "gator": true}))
    }

    fn ask(&mut self, request: &Value) -> Value {
        let line = self.0.ask(request);
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer["error"], Value::Null, "{request}");
        answer
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
            // It has no folder before.
            go(FOLDER, &["mod", "download", module]);
            let folder = go(FOLDER, &["list", "-m", "-f", "{{.Dir}}", module]);
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
