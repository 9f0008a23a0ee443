//! A case's files, read as `trimtab plugin test` reads them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::run::{Call, KitCall, Text};
use crate::scope::built_in;
use crate::{Object, Scope};

pub(super) struct Case {
    pub folder: PathBuf,
    pub settings: String,
    pub kits: Vec<Kit>,
    pub data: Vec<Object>,
    circumstances: Circumstances,
}

pub(super) struct Kit {
    pub path: String,
    pub namespace: String,
    pub objects: Vec<Object>,
    /// What was live, for a change validator.
    pub previous: Vec<Object>,
}

/// `case.yaml`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Circumstances {
    kit: Option<String>,
    namespace: Option<String>,
    allowed_namespaces: Option<Vec<String>>,
    cluster_scoped: bool,
    kubernetes_version: String,
}

impl Case {
    pub fn read(folder: &Path) -> Self {
        let value = |file: &str| -> Option<Value> {
            let path = folder.join(file);
            path.exists().then(|| {
                serde_yaml::from_str(&text(&path))
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            })
        };
        let circumstances: Circumstances = value("case.yaml")
            .map(|it| serde_json::from_value(it).expect("case.yaml has its fields alone"))
            .unwrap_or_default();
        let settings = value("settings.yaml").unwrap_or_else(|| json!({}));
        let mut case = Self {
            folder: folder.to_owned(),
            settings: settings.to_string(),
            kits: Vec::new(),
            data: Vec::new(),
            circumstances,
        };
        for (_, file) in files(folder, "data") {
            case.data.extend(documents(folder, &file));
        }
        if folder.join("input.yaml").exists() {
            let path = case.circumstances.kit.clone();
            case.kit(path.unwrap_or_else(|| "kits/test".into()), "input.yaml");
            case.kits[0].previous = case.objects_of("previous.yaml").unwrap_or_default();
        }
        for (name, file) in files(folder, "input") {
            case.kit(name.trim_end_matches(".yaml").to_owned(), &file);
        }
        assert!(!case.kits.is_empty(), "no input in {}", folder.display());
        case
    }

    fn kit(&mut self, path: String, file: &str) {
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        let namespace = self.circumstances.namespace.clone().unwrap_or(last);
        let mut objects = documents(&self.folder, file);
        for object in &mut objects {
            object.kit.clone_from(&path);
            fill(object, &namespace);
        }
        self.kits.push(Kit {
            path,
            namespace,
            objects,
            previous: Vec::new(),
        });
    }

    pub fn call(&self) -> Call<'_> {
        Call {
            kubernetes: &self.circumstances.kubernetes_version,
            settings: &self.settings,
            data: Vec::new(),
        }
    }

    /// Hands over what a rule over one kit gets.
    pub fn kit_call<A>(&self, kit: &Kit, ask: impl FnOnce(KitCall<'_>) -> A) -> A {
        let allowed = self.circumstances.allowed_namespaces.clone();
        let allowed = allowed.unwrap_or_else(|| vec![kit.namespace.clone()]);
        let data = json(&self.data);
        let mut platform = self.call();
        platform.data = texts(&self.data, &data).collect();
        ask(KitCall {
            kit: &kit.path,
            namespace: &kit.namespace,
            allowed_namespaces: &allowed,
            cluster_scoped: self.circumstances.cluster_scoped,
            platform,
        })
    }

    /// The objects as the host fills in their namespaces.
    pub fn objects_of(&self, file: &str) -> Option<Vec<Object>> {
        let path = self.folder.join(file);
        let mut objects = path.exists().then(|| documents(&self.folder, file))?;
        for object in &mut objects {
            fill(object, &self.kits[0].namespace);
        }
        Some(objects)
    }
}

/// A kit's namespace goes to objects of known kinds that name none.
pub(super) fn fill(object: &mut Object, namespace: &str) {
    let namespaced = built_in(object.group(), object.kind()) == Some(Scope::Namespaced);
    if namespaced
        && object.at("/metadata/namespace").is_null()
        && let Some(metadata) = object
            .value
            .pointer_mut("/metadata")
            .and_then(Value::as_object_mut)
    {
        metadata.insert("namespace".into(), namespace.into());
    }
}

/// As JSON text, which is what the host hands over.
pub(super) fn json(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|it| it.value.to_string()).collect()
}

pub(super) fn texts<'t>(
    objects: &'t [Object],
    json: &'t [String],
) -> impl Iterator<Item = Text<'t>> {
    objects.iter().zip(json).map(|(object, json)| Text {
        kit: &object.kit,
        json,
        path: &object.path,
        line: object.line,
    })
}

/// The documents of a file, each with the line that it begins in.
fn documents(folder: &Path, file: &str) -> Vec<Object> {
    let text = text(&folder.join(file));
    let mut found = Vec::new();
    let mut document = String::new();
    let mut begins = None;
    let end = "---".to_owned();
    for (number, line) in (1..).zip(text.lines().map(str::to_owned).chain([end])) {
        if line.starts_with("---") {
            let value: Value = serde_yaml::from_str(&document)
                .unwrap_or_else(|error| panic!("{}: {file}: {error}", folder.display()));
            if let Some(line) = begins.take() {
                let mut object = Object::new(value);
                object.path = file.to_owned();
                object.line = line;
                found.push(object);
            }
            document.clear();
            continue;
        }
        let says = !line.trim().is_empty() && !line.starts_with('#');
        begins = begins.or(says.then_some(number));
        document.push_str(&line);
        document.push('\n');
    }
    found
}

/// Names below a folder of a case and their paths from the case's folder.
fn files(case: &Path, folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut ahead = vec![String::new()];
    while let Some(below) = ahead.pop() {
        let entries = std::fs::read_dir(case.join(folder).join(&below));
        for entry in entries.into_iter().flatten().flatten() {
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => ahead.push(format!("{name}/")),
                false => found.push((name.clone(), format!("{folder}/{name}"))),
            }
        }
    }
    found.sort();
    found
}

pub(super) fn folders(folder: &Path) -> Vec<PathBuf> {
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

pub(super) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
