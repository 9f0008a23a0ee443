//! Cases of a validator in a folder, run natively. `trimtab plugin test` runs the same folders in
//! the sandbox.
//!
//! A case is a folder with `input.yaml` (objects), `settings.yaml` (optional) and `expected.yaml`:
//! a list of findings, each with rule, severity, object, field and message, in any order.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::run::{Call, KitCall, Text, from_yaml, validate};
use crate::{Finding, Object, Severity, Validator};

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Expected {
    rule: String,
    severity: String,
    /// `Deployment.apps shop/web`.
    object: String,
    /// RFC 6901.
    field: String,
    message: String,
}

/// Runs every case of a folder, and asks that each rule of the plugin is found in one of them.
/// With `UPDATE_CASES` in the environment, `expected.yaml` is written anew.
pub fn cases<R: Validator>(folder: impl AsRef<Path>) {
    let mut found = Vec::new();
    for case in folders(folder.as_ref()) {
        let (objects, settings) = read(&case);
        let findings: Vec<Expected> = judge::<R>(&objects, &settings)
            .unwrap_or_else(|failure| panic!("{}: {failure}", case.display()))
            .iter()
            .map(|finding| row(finding, &objects))
            .collect();
        found.extend(findings.iter().map(|it| it.rule.clone()));
        let path = case.join("expected.yaml");
        if std::env::var_os("UPDATE_CASES").is_some() {
            let text = serde_yaml::to_string(&findings).expect("findings are plain values");
            std::fs::write(&path, text).expect("the case's folder can be written");
        }
        let expected: Vec<Expected> = serde_yaml::from_str(&text(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(ordered(findings), ordered(expected), "{}", path.display());
    }
    for (rule, _) in R::RULES {
        assert!(found.iter().any(|it| it == rule), "no case finds {rule}");
    }
}

/// What a validator finds in objects, with these settings.
pub fn findings<R: Validator>(settings: Value, objects: &[Value]) -> Vec<Finding> {
    let yaml: Vec<String> = objects.iter().map(Value::to_string).collect();
    let objects = from_yaml("kits/a", &yaml.join("\n---\n"));
    judge::<R>(&objects, &settings.to_string()).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Puts odd values in each place of each case's objects in turn: a rule gives findings, whatever
/// it is handed, and never panics.
pub fn odd_objects<R: Validator>(folder: impl AsRef<Path>) {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("1e99999999999999999999"),
        json!("é/:@*%"),
        json!([null]),
        json!({"": {}}),
    ];
    for case in folders(folder.as_ref()) {
        let (objects, settings) = read(&case);
        for (index, object) in objects.iter().enumerate() {
            let mut pointers = Vec::new();
            places(&object.value, String::new(), &mut pointers);
            for pointer in pointers {
                for value in &odd {
                    let mut changed = objects.clone();
                    if let Some(place) = changed[index].value.pointer_mut(&pointer) {
                        *place = value.clone();
                    }
                    judge::<R>(&changed, &settings)
                        .unwrap_or_else(|failure| panic!("{}: {failure}", case.display()));
                }
            }
        }
    }
}

fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                places(value, format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(pointer);
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(!folders.is_empty(), "no case in {}", folder.display());
    folders.sort();
    folders
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(case: &Path) -> (Vec<Object>, String) {
    let objects = from_yaml("kits/case", &text(&case.join("input.yaml")));
    let path = case.join("settings.yaml");
    let settings: Value = match path.exists() {
        true => serde_yaml::from_str(&text(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        false => json!({}),
    };
    (objects, settings.to_string())
}

/// As the host does: by JSON text.
fn judge<R: Validator>(objects: &[Object], settings: &str) -> Result<Vec<Finding>, String> {
    let call = KitCall {
        kit: "kits/case",
        namespace: "",
        allowed_namespaces: &[],
        cluster_scoped: true,
        platform: Call {
            settings,
            ..Call::default()
        },
    };
    let json: Vec<String> = objects.iter().map(|it| it.value.to_string()).collect();
    let texts = json.iter().zip(objects).map(|(json, object)| Text {
        kit: "",
        json,
        path: &object.path,
        line: object.line,
    });
    validate::<R>(call, texts).map_err(|failure| format!("{failure:?}"))
}

fn row(finding: &Finding, objects: &[Object]) -> Expected {
    let object = finding
        .object
        .and_then(|index| objects.get(index as usize))
        .map(key)
        .unwrap_or_default();
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    Expected {
        rule: finding.rule.clone(),
        severity: severity.into(),
        object,
        field: finding.field.clone().unwrap_or_default(),
        message: finding.message.clone(),
    }
}

fn key(object: &Object) -> String {
    let (dot, slash) = (
        if object.group().is_empty() { "" } else { "." },
        if object.namespace().is_empty() {
            ""
        } else {
            "/"
        },
    );
    format!(
        "{}{dot}{} {}{slash}{}",
        object.kind(),
        object.group(),
        object.namespace(),
        object.name()
    )
}

fn ordered(mut findings: Vec<Expected>) -> Vec<Expected> {
    findings.sort();
    findings
}
