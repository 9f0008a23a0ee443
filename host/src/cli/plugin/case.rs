//! A case of a plugin's tests: a folder of YAML files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde::Deserialize;
use serde_json::Value;

use super::Failure;
use super::expectation::Told;
use crate::kit::{Grants, KitPath, PluginUse};
use crate::manifest::{Limits, Manifest, Origin, ReadError, read, read_documents, read_value};
use crate::pipeline::{Trial, TrialKit};
use crate::sandbox::Plugin;
use crate::source::ObjectId;

pub(super) const EXPECTED: &str = "expected.yaml";
pub(super) const OUTPUT: &str = "output.yaml";
const INPUT: &str = "input.yaml";
const INPUTS: &str = "input";
const SETTINGS: &str = "settings.yaml";
/// What was live, for a change validator.
const PREVIOUS: &str = "previous.yaml";
/// What the plugin is given to read.
const DATA: &str = "data";
const CASE: &str = "case.yaml";
const FILES: [&str; 8] = [
    INPUT, INPUTS, SETTINGS, PREVIOUS, DATA, EXPECTED, OUTPUT, CASE,
];
/// The kit that `input.yaml` is, if the case does not say.
const KIT: &str = "kits/test";

pub(super) struct Case {
    pub trial: Trial,
    pub expected: Option<Vec<Told>>,
    pub output: Option<Vec<Manifest>>,
}

/// `case.yaml`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Circumstances {
    kit: Option<String>,
    namespace: Option<String>,
    allowed_namespaces: Option<Vec<String>>,
    #[serde(default)]
    cluster_scoped: bool,
    #[serde(default)]
    kubernetes_version: String,
}

/// The folders of a plugin's cases, by name.
pub(super) fn folders(plugin: &Path) -> Result<Vec<PathBuf>, Failure> {
    let cases = plugin.join("cases");
    let mut found: Vec<PathBuf> = std::fs::read_dir(&cases)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "there is no case in {}; a case is a folder there with {INPUT} and {EXPECTED}",
            cases.display()
        )));
    }
    Ok(found)
}

pub(super) fn name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl Case {
    /// # Errors
    /// All that is wrong with the files, a line each.
    pub(super) fn read(folder: &Path, plugin: &Plugin) -> Result<Self, Vec<String>> {
        let there = entries(folder)?;
        let unknown: Vec<String> = there
            .iter()
            .filter(|name| !FILES.contains(&name.as_str()))
            .map(|name| {
                format!(
                    "{name} is no file of a case; there are {}",
                    FILES.join(", ")
                )
            })
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let circumstances: Circumstances = match value(folder, CASE)? {
            None | Some(Value::Null) => Circumstances::default(),
            Some(value) => {
                serde_json::from_value(value).map_err(|error| vec![format!("{CASE}: {error}")])?
            }
        };
        let settings = match value(folder, SETTINGS)? {
            None | Some(Value::Null) => "{}".to_owned(),
            Some(value) if value.is_object() => value.to_string(),
            Some(_) => return Err(vec![format!("{SETTINGS}: settings are a mapping")]),
        };
        let kits = kits(folder, &there, &circumstances)?;
        let expected = value(folder, EXPECTED)?
            .map(|value| Told::all_of(&value, &plugin.description().name))
            .transpose()
            .map_err(|reason| vec![format!("{EXPECTED}: {reason}")])?;
        let output = text(folder, OUTPUT)?
            .map(|bytes| read(OUTPUT, &bytes, &Limits::default()))
            .transpose()
            .map_err(told)?;
        let used = PluginUse {
            tree: None,
            // How the host's own findings call it; a path would differ between machines.
            path: plugin.description().name.clone(),
            blob: ObjectId::none(),
            digest: None,
            settings: settings.into(),
            // Read below, and not from a repository.
            data: [].into(),
            fuel: None,
            kubernetes: circumstances.kubernetes_version.as_str().into(),
            guardrail: false,
            named_at: None,
            pointer: String::new(),
            spans: None,
        };
        let data = match there.contains(DATA) {
            true => data(folder)?,
            false => Vec::new(),
        };
        Ok(Self {
            trial: Trial { used, data, kits },
            expected,
            output,
        })
    }
}

fn kits(
    folder: &Path,
    there: &BTreeSet<String>,
    circumstances: &Circumstances,
) -> Result<Vec<TrialKit>, Vec<String>> {
    match (there.contains(INPUT), there.contains(INPUTS)) {
        (true, false) => {
            let path = circumstances.kit.as_deref().unwrap_or(KIT);
            let mut kit = kit(folder, INPUT, path, circumstances)?;
            kit.previous = text(folder, PREVIOUS)?
                .map(|bytes| read(PREVIOUS, &bytes, &Limits::default()))
                .transpose()
                .map_err(told)?;
            Ok(vec![kit])
        }
        (false, true) if circumstances.kit.is_some() => Err(vec![format!(
            "{CASE}: a kit in {INPUTS}/ is called as its file, and not by `kit`"
        )]),
        (false, true) => {
            let mut names = Vec::new();
            below(&folder.join(INPUTS), "", &mut names)?;
            let kit = |name: &String| {
                let file = format!("{INPUTS}/{name}.yaml");
                kit(folder, &file, name, circumstances)
            };
            if there.contains(PREVIOUS) {
                return Err(vec![format!("{PREVIOUS} goes with {INPUT}, of one kit")]);
            }
            names.iter().map(kit).collect()
        }
        _ => Err(vec![format!(
            "a case has either {INPUT}, or a file a kit in {INPUTS}/"
        )]),
    }
}

/// The names of the kits in a folder: paths without `.yaml`.
fn below(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), Vec<String>> {
    for entry in entries(folder)? {
        let path = folder.join(&entry);
        if path.is_dir() {
            below(&path, &format!("{prefix}{entry}/"), names)?;
        } else if let Some(name) = entry.strip_suffix(".yaml") {
            names.push(format!("{prefix}{name}"));
        } else {
            return Err(vec![format!("{INPUTS}/{prefix}{entry} is no .yaml file")]);
        }
    }
    Ok(())
}

fn kit(
    folder: &Path,
    file: &str,
    path: &str,
    circumstances: &Circumstances,
) -> Result<TrialKit, Vec<String>> {
    let bytes = text(folder, file)?.unwrap_or_default();
    let manifests = read(file, &bytes, &Limits::default()).map_err(told)?;
    // As a Repository grants that names a namespace and nothing more.
    let namespace = circumstances.namespace.clone().unwrap_or_else(|| {
        let last = path.rsplit('/').next().unwrap_or(path);
        last.to_owned()
    });
    let allowed = &circumstances.allowed_namespaces;
    Ok(TrialKit {
        path: KitPath::new(path),
        grants: Grants {
            allowed_namespaces: allowed.clone().unwrap_or_else(|| vec![namespace.clone()]),
            namespace: Some(namespace).filter(|name| !name.is_empty()),
            cluster_scoped: circumstances.cluster_scoped,
            ..Grants::default()
        },
        manifests,
        previous: None,
    })
}

/// The documents of the files in a case's folder of data, by their paths.
fn data(folder: &Path) -> Result<Vec<(Value, Origin)>, Vec<String>> {
    let mut documents = Vec::new();
    let mut ahead = vec![DATA.to_owned()];
    let mut files = BTreeSet::new();
    while let Some(path) = ahead.pop() {
        for entry in entries(&folder.join(&path))? {
            let below = format!("{path}/{entry}");
            if folder.join(&below).is_dir() {
                ahead.push(below);
            } else {
                files.insert(below);
            }
        }
    }
    for file in files {
        let bytes = text(folder, &file)?.unwrap_or_default();
        documents.extend(read_documents(&file, &bytes, &Limits::default()).map_err(told)?);
    }
    Ok(documents)
}

/// Names in a folder, but for hidden ones.
fn entries(folder: &Path) -> Result<BTreeSet<String>, Vec<String>> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| vec![format!("{} cannot be read: {error}", folder.display())])?;
    Ok(entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect())
}

fn text(folder: &Path, file: &str) -> Result<Option<Vec<u8>>, Vec<String>> {
    match std::fs::read(folder.join(file)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(vec![format!("{file} cannot be read: {error}")]),
    }
}

fn value(folder: &Path, file: &str) -> Result<Option<Value>, Vec<String>> {
    text(folder, file)?
        .map(|bytes| read_value(file, &bytes, &Limits::default()).map_err(told))
        .transpose()
}

fn told(errors: Vec<ReadError>) -> Vec<String> {
    errors
        .into_iter()
        .map(|error| match &error.hint {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        })
        .collect()
}
