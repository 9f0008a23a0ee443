//! Cases of a validator in a folder, run natively. `trimtab plugin test` runs the same folders in
//! the sandbox.
//!
//! A case is a folder with `input.yaml` (objects), `settings.yaml` (optional) and `expected.yaml`:
//! a list of findings, each with rule, severity, object, field and message, in any order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::run::{Call, ChangeText, KitCall, Text, from_yaml, validate, validate_change};
use crate::{ChangeValidator, Finding, Object, Severity, Validator};

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
    compare(folder.as_ref(), R::RULES, |case| {
        let (objects, settings) = read(case);
        (judge::<R>(&objects, &settings), objects)
    });
}

/// As [`cases`], of a change validator: `previous.yaml` has the objects as they were.
pub fn change_cases<R: ChangeValidator>(folder: impl AsRef<Path>) {
    compare(folder.as_ref(), R::RULES, |case| {
        let (after, settings) = read(case);
        let before = from_yaml("kits/case", &text(&case.join("previous.yaml")));
        let changes = changes(&before, &after);
        let told = changes.iter().map(|(before, after)| after.or(*before));
        let told = told.flatten().cloned().collect();
        (judge_changes::<R>(&changes, &settings), told)
    });
}

/// Runs every case: `judge` gives the findings, and the objects that they are about.
fn compare(
    folder: &Path,
    rules: &[(&str, &str)],
    judge: impl Fn(&Path) -> (Result<Vec<Finding>, String>, Vec<Object>),
) {
    let mut found = Vec::new();
    for case in folders(folder) {
        let (findings, objects) = judge(&case);
        let findings: Vec<Expected> = findings
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
    for (rule, _) in rules {
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
    for case in folders(folder.as_ref()) {
        let (objects, settings) = read(&case);
        each_odd(&objects, |changed| {
            judge::<R>(changed, &settings)
                .unwrap_or_else(|failure| panic!("{}: {failure}", case.display()));
        });
    }
}

/// As [`odd_objects`], of a change validator: as objects were, and as they are to be.
pub fn odd_changes<R: ChangeValidator>(folder: impl AsRef<Path>) {
    for case in folders(folder.as_ref()) {
        let (after, settings) = read(&case);
        let before = from_yaml("kits/case", &text(&case.join("previous.yaml")));
        let judged = |before: &[Object], after: &[Object]| {
            judge_changes::<R>(&changes(before, after), &settings)
                .unwrap_or_else(|failure| panic!("{}: {failure}", case.display()));
        };
        each_odd(&after, |changed| judged(&before, changed));
        each_odd(&before, |changed| judged(changed, &after));
    }
}

/// Objects with each odd value in each of their places.
fn each_odd(objects: &[Object], judge: impl Fn(&[Object])) {
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
    for (index, object) in objects.iter().enumerate() {
        let mut pointers = Vec::new();
        places(&object.value, String::new(), &mut pointers);
        for pointer in pointers {
            for value in &odd {
                let mut changed = objects.to_vec();
                if let Some(place) = changed[index].value.pointer_mut(&pointer) {
                    *place = value.clone();
                }
                judge(&changed);
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
    let json: Vec<String> = objects.iter().map(|it| it.value.to_string()).collect();
    let texts = json.iter().zip(objects).map(|(json, object)| Text {
        kit: "",
        json,
        path: &object.path,
        line: object.line,
    });
    validate::<R>(call(settings), texts).map_err(|failure| format!("{failure:?}"))
}

fn call(settings: &str) -> KitCall<'_> {
    KitCall {
        kit: "kits/case",
        namespace: "",
        allowed_namespaces: &[],
        cluster_scoped: true,
        platform: Call {
            settings,
            ..Call::default()
        },
    }
}

type Pair<'o> = (Option<&'o Object>, Option<&'o Object>);

/// Objects that are not the same before and after, by what they are.
fn changes<'o>(before: &'o [Object], after: &'o [Object]) -> Vec<Pair<'o>> {
    let mut pairs: BTreeMap<String, Pair<'o>> = BTreeMap::new();
    before
        .iter()
        .for_each(|it| pairs.entry(key(it)).or_default().0 = Some(it));
    after
        .iter()
        .for_each(|it| pairs.entry(key(it)).or_default().1 = Some(it));
    let value = |object: Option<&'o Object>| object.map(|it| &it.value);
    pairs
        .into_values()
        .filter(|(old, new)| value(*old) != value(*new))
        .collect()
}

fn judge_changes<R: ChangeValidator>(
    changes: &[Pair<'_>],
    settings: &str,
) -> Result<Vec<Finding>, String> {
    let json = |object: Option<&Object>| object.map(|it| it.value.to_string());
    let json: Vec<_> = changes
        .iter()
        .map(|(old, new)| (json(*old), json(*new)))
        .collect();
    let texts = json.iter().map(|(old, new)| ChangeText {
        before: old.as_deref().map(as_text),
        after: new.as_deref().map(as_text),
    });
    validate_change::<R>(call(settings), texts).map_err(|failure| format!("{failure:?}"))
}

fn as_text(json: &str) -> Text<'_> {
    Text {
        kit: "",
        json,
        path: "kits/case/test.yaml",
        line: 1,
    }
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
