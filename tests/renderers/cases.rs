//! Cases in `tests/renderers/cases`: a line `@@ TITLE | RENDERER ARGUMENTS | KIND OF ERROR`, then its
//! files, each after a line `@ PATH`, `@ PATH base64` or `@ PATH -> WHAT A LINK HAS`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};
use trimtab_harness::root;

pub struct Case {
    pub title: String,
    pub call: Call,
    /// None where it renders.
    pub error: Option<String>,
    files: Vec<(String, String)>,
}

pub fn read_all() -> Vec<Case> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join("tests/renderers/cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut cases: Vec<Case> = Vec::new();
    for line in paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect::<String>()
        .lines()
    {
        if let Some(head) = line.strip_prefix("@@ ") {
            cases.push(Case::begin(head));
            continue;
        }
        let files = &mut cases.last_mut().unwrap().files;
        if let Some(head) = line.strip_prefix("@ ") {
            files.push((head.to_owned(), String::new()));
        } else if let Some((_, text)) = files.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    cases
}

impl Case {
    fn begin(head: &str) -> Self {
        let mut parts = head.split(" | ").map(str::trim);
        Self {
            title: parts.next().unwrap().to_owned(),
            call: Call::parse(parts.next().unwrap()),
            error: parts.next().map(str::to_owned),
            files: Vec::new(),
        }
    }

    pub fn unpack(&self, folder: &Path) {
        for (head, text) in &self.files {
            // The line between two cases is no part of the file.
            let text = text.trim_end_matches('\n');
            let ended = if text.is_empty() {
                String::new()
            } else {
                format!("{text}\n")
            };
            let (path, target) = head.split_once(" -> ").unwrap_or((head, ""));
            let (path, bytes) = match path.strip_suffix(" base64") {
                Some(path) => {
                    let engine = base64::engine::general_purpose::STANDARD;
                    (path, engine.decode(text).unwrap())
                }
                None => (path, ended.into_bytes()),
            };
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if target.is_empty() {
                fs::write(path, bytes).unwrap();
            } else {
                std::os::unix::fs::symlink(target, path).unwrap();
            }
        }
    }
}

/// One render, as a request to the guest and as a command line of the tool.
#[derive(Clone)]
pub struct Call {
    pub renderer: &'static str,
    pub request: Value,
    pub arguments: Vec<String>,
}

impl Call {
    pub fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let renderer = words.next().unwrap();
        let path = words.next().unwrap();
        match renderer {
            "kustomize" => Self::kustomize(path, words.next() == Some("none")),
            _ => Self::helm(path, words),
        }
    }

    fn kustomize(path: &str, unrestricted: bool) -> Self {
        let mut arguments = vec!["build".to_owned(), path.to_owned()];
        if unrestricted {
            arguments.push("--load-restrictor=LoadRestrictionsNone".into());
        }
        Self {
            renderer: "kustomize",
            request: json!({
                "path": path,
                "loadRestrictions": if unrestricted { "none" } else { "rootOnly" },
            }),
            arguments,
        }
    }

    fn helm<'w>(chart: &str, words: impl Iterator<Item = &'w str>) -> Self {
        let (mut release, mut kube) = ("rel", "1.37.2");
        let (mut values, mut set, mut api) = (Vec::new(), Vec::new(), Vec::new());
        let mut crds = false;
        let mut flags: Vec<String> = vec!["--namespace=ns".into()];
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let flag = match name {
                "values" => {
                    values.push(json!({"path": value}));
                    format!("--values={value}")
                }
                "set" => {
                    set.push(value);
                    format!("--set={value}")
                }
                "api" => {
                    api.push(value);
                    format!("--api-versions={value}")
                }
                "kube" => {
                    kube = value;
                    continue;
                }
                "release" => {
                    release = value;
                    continue;
                }
                "crds" => {
                    crds = true;
                    "--include-crds".into()
                }
                other => panic!("{other} is no argument of a case"),
            };
            flags.push(flag);
        }
        let mut arguments = vec!["template".to_owned(), release.to_owned(), chart.to_owned()];
        arguments.push(format!("--kube-version={kube}"));
        arguments.extend(flags);
        let request = json!({
            "chart": chart, "release": release, "namespace": "ns",
            "values": values, "set": set, "includeCRDs": crds,
            "capabilities": {"kubeVersion": kube, "apiVersions": api},
        });
        Self {
            renderer: "helm",
            request,
            arguments,
        }
    }

    /// Gives a kustomization what a chart of its became.
    pub fn add_charted(&mut self, chart: Value, text: String) {
        let charted = json!({"chart": chart, "yaml": text});
        match self.request["charted"].as_array_mut() {
            Some(all) => all.push(charted),
            None => self.request["charted"] = json!([charted]),
        }
    }

    /// What the tool itself prints, or what it says is wrong.
    pub fn tool(&self, tools: &Path, folder: &Path) -> Result<String, String> {
        let mut command = Command::new(tools.join(self.renderer));
        command.args(&self.arguments);
        if self.renderer == "kustomize" {
            let helm = tools.join("helm");
            command.arg("--enable-helm").arg("--helm-command").arg(helm);
        }
        let output = command
            .current_dir(folder)
            .env_clear()
            // Neither git nor a chart repository is to be found.
            .envs([
                ("PATH", "/nonexistent"),
                ("HOME", "/nonexistent"),
                ("TZ", "UTC"),
            ])
            .output()
            .unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// The charts that a kustomization's answer asks for, each with the call that renders it.
pub fn charts(answer: &str) -> Vec<(Value, Call)> {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let charts = answer["charts"].as_array().cloned().unwrap_or_default();
    let call = |chart: Value| {
        let texts = chart["values"].as_array().unwrap().iter();
        let values: Vec<Value> = texts.map(|it| json!({"yaml": it})).collect();
        let namespace = chart["namespace"].as_str().unwrap();
        let request = json!({
            "chart": chart["path"], "release": chart["release"],
            "namespace": if namespace.is_empty() { "default" } else { namespace },
            "values": values, "includeCRDs": chart["includeCRDs"],
            "capabilities": {"kubeVersion": chart["kubeVersion"], "apiVersions": chart["apiVersions"]},
        });
        let helm = Call {
            renderer: "helm",
            request,
            arguments: Vec::new(),
        };
        (chart, helm)
    };
    charts.into_iter().map(call).collect()
}

/// The bytes that the tool would print, of a guest's answer; or the error's kind and the error.
pub fn printed(answer: &str) -> Result<String, (String, String)> {
    printed_of(answer, &Value::Null)
}

/// Without the hooks that a kustomization's chart leaves out.
pub fn printed_of(answer: &str, chart: &Value) -> Result<String, (String, String)> {
    let is_left_out = |events: &Value| {
        let is_test = events.as_array().unwrap().iter().any(|it| it == "test");
        chart["skipHooks"] == true || is_test && chart["skipTests"] == true
    };
    let answer: Value = serde_json::from_str(answer).unwrap();
    if let Some(error) = answer.get("error") {
        return Err((
            error["kind"].as_str().unwrap().to_owned(),
            error.to_string(),
        ));
    }
    if let Some(yaml) = answer["yaml"].as_str() {
        return Ok(yaml.to_owned());
    }
    let joined = |hooks: bool| -> String {
        let manifests = answer["manifests"].as_array().unwrap().iter();
        manifests
            .filter(|it| (it["kind"] == "hook") == hooks)
            .filter(|it| !hooks || !is_left_out(&it["hook"]["events"]))
            .map(|it| {
                let (source, yaml) = (it["source"].as_str(), it["yaml"].as_str());
                format!("---\n# Source: {}\n{}\n", source.unwrap(), yaml.unwrap())
            })
            .collect()
    };
    Ok(format!("{}\n{}", joined(false).trim(), joined(true)))
}
