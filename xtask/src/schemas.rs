//! The schemas of Kubernetes' built-in kinds, from the OpenAPI files of its Go module, as one small
//! file for the plugin `schema`: `target/schemas/kubernetes.json`. Nothing of it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use trimtab_harness::root;

use crate::prepare::{self, Step};

/// Minor versions with the newest patch of each on the module proxy, and the module's checksum.
const RELEASES: [(u32, &str, &str); 5] = [
    (
        33,
        "v1.33.13",
        "h1:bmH31xUdSzeA5vk0wZAK9MZp11mdLuzUSeKk0qN3hPQ=",
    ),
    (
        34,
        "v1.34.4",
        "h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk=",
    ),
    (
        35,
        "v1.35.4",
        "h1:o/8dBC/pHVpYoGV4OAIytAlNPZbdYVTXJHoYvXC4qzM=",
    ),
    (
        36,
        "v1.36.3",
        "h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=",
    ),
    (
        37,
        "v1.37.2",
        "h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE=",
    ),
];
/// Raised when what is written changes, so that an older file is made anew.
const FORMAT: u32 = 1;
/// What says nothing about which objects are valid.
const DROPPED: [&str; 6] = [
    "description",
    "example",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-unions",
];

/// Makes the file if it is not there, or of other releases.
pub fn prepare() -> Result<()> {
    let path = root().join("target/schemas/kubernetes.json");
    let wanted = json!([FORMAT, RELEASES.map(|(_, version, _)| version)]);
    let there = fs::read(&path)
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    if there.is_some_and(|it| it["made"] == wanted) {
        return Ok(());
    }
    prepare::tools(&[prepare::GO])?;
    let step = Step::begin("reading the schemas of Kubernetes (once; 5 Go modules of 12 MB)");
    let mut bodies = Bodies::default();
    let mut releases = Vec::new();
    for (minor, version, sum) in RELEASES {
        let folder = module(version, sum)?.join("api/openapi-spec/v3");
        let release = Release::read(&folder)?;
        releases.push(release.compact(minor, version, &mut bodies)?);
    }
    let text = json!({"made": wanted, "bodies": bodies.texts, "releases": releases}).to_string();
    fs::create_dir_all(path.parent().context("the file is in a folder")?)?;
    // Whoever builds meanwhile sees the whole file or none.
    let draft = path.with_extension("draft");
    fs::write(&draft, text)?;
    fs::rename(draft, path)?;
    step.done();
    Ok(())
}

/// The folder of Kubernetes' Go module, downloaded if it is not in the module cache.
fn module(version: &str, sum: &str) -> Result<PathBuf> {
    let name = format!("k8s.io/kubernetes@{version}");
    let output = Command::new("go")
        .args(["mod", "download", "-json", &name])
        // Outside of every module, so that no go.mod has a say.
        .current_dir(std::env::temp_dir())
        .output()
        .context("go cannot be run")?;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let Some(folder) = said["Dir"].as_str().filter(|_| output.status.success()) else {
        let words = said["Error"].as_str().map(str::to_owned);
        let words = words.unwrap_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned());
        bail!("{name} cannot be downloaded, whose schemas the plugin schema needs: {words}");
    };
    if said["Sum"] != sum {
        bail!(
            "{name} is not what it was: its checksum is {}, not {sum}",
            said["Sum"]
        );
    }
    Ok(PathBuf::from(folder))
}

/// Texts of schemas, each once however many releases have it.
#[derive(Default)]
struct Bodies {
    texts: Vec<String>,
    known: BTreeMap<String, usize>,
}

impl Bodies {
    fn index(&mut self, text: String) -> usize {
        if let Some(index) = self.known.get(&text) {
            return *index;
        }
        self.texts.push(text.clone());
        self.known.insert(text, self.texts.len() - 1);
        self.texts.len() - 1
    }
}

/// A kind that can be created on its own.
struct Kind {
    api_version: String,
    kind: String,
    definition: String,
    namespaced: bool,
    /// Whether it is kept, and so can be applied: a review is answered and forgotten.
    kept: bool,
}

#[derive(Default)]
struct Release {
    definitions: BTreeMap<String, Value>,
    kinds: Vec<Kind>,
}

impl Release {
    fn read(folder: &Path) -> Result<Self> {
        let mut release = Self::default();
        let entries = fs::read_dir(folder)
            .with_context(|| format!("{} cannot be listed", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.map(|it| it.path()))
            .collect::<Result<_, _>>()?;
        paths.sort();
        for path in paths {
            let document: Value = serde_json::from_slice(&fs::read(&path)?)
                .with_context(|| format!("{} is not JSON", path.display()))?;
            release.add(&document)?;
        }
        if release.kinds.is_empty() {
            bail!("{} has no kind that can be created", folder.display());
        }
        Ok(release)
    }

    fn add(&mut self, document: &Value) -> Result<()> {
        let schemas = document["components"]["schemas"].as_object();
        let mut of_kind = BTreeMap::new();
        for (name, schema) in schemas.into_iter().flatten() {
            for kind in schema["x-kubernetes-group-version-kind"]
                .as_array()
                .into_iter()
                .flatten()
            {
                of_kind.insert(kind.to_string(), short(name));
            }
            self.definitions.insert(short(name), cleaned(schema));
        }
        let paths = document["paths"].as_object();
        for (path, operations) in paths.into_iter().flatten() {
            let post = &operations["post"];
            if post["x-kubernetes-action"] != "post" || path.contains("{name}") {
                continue;
            }
            let named = &post["x-kubernetes-group-version-kind"];
            let definition = of_kind
                .get(&named.to_string())
                .with_context(|| format!("{path}: there is no schema of {named}"))?;
            let text = |field: &str| named[field].as_str().unwrap_or_default().to_owned();
            let (group, version) = (text("group"), text("version"));
            let api_version = match group.is_empty() {
                true => version,
                false => format!("{group}/{version}"),
            };
            self.kinds.push(Kind {
                api_version,
                kind: text("kind"),
                definition: definition.clone(),
                namespaced: path.contains("/namespaces/{namespace}/"),
                kept: document["paths"][format!("{path}/{{name}}")]["patch"].is_object(),
            });
        }
        Ok(())
    }

    /// Definitions that some kind reaches, by their bodies, and the kinds.
    fn compact(self, minor: u32, version: &str, bodies: &mut Bodies) -> Result<Value> {
        let mut wanted: Vec<String> = self.kinds.iter().map(|it| it.definition.clone()).collect();
        // The metadata of custom resources.
        wanted.push("meta.v1.ObjectMeta".into());
        let mut reached = BTreeSet::new();
        while let Some(name) = wanted.pop() {
            let schema = self
                .definitions
                .get(&name)
                .with_context(|| format!("Kubernetes {version} has no schema {name}"))?;
            if reached.insert(name) {
                references(schema, &mut wanted);
            }
        }
        let definitions: BTreeMap<&String, usize> = reached
            .iter()
            .map(|name| (name, bodies.index(self.definitions[name].to_string())))
            .collect();
        let kind = |it: &Kind| {
            json!([
                it.api_version,
                it.kind,
                it.definition,
                it.namespaced,
                it.kept
            ])
        };
        let kinds: BTreeMap<String, Value> = self
            .kinds
            .iter()
            .map(|it| (format!("{} {}", it.api_version, it.kind), kind(it)))
            .collect();
        let kinds: Vec<Value> = kinds.into_values().collect();
        Ok(json!({"minor": minor, "definitions": definitions, "kinds": kinds}))
    }
}

/// `io.k8s.api.core.v1.Pod` is `core.v1.Pod`: the last parts are enough to tell them apart.
fn short(name: &str) -> String {
    let parts: Vec<&str> = name.rsplitn(4, '.').take(3).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(".")
}

/// Without what says nothing, and with references that stand alone: `{"$ref": "core.v1.PodSpec"}`.
fn cleaned(schema: &Value) -> Value {
    let Value::Object(fields) = schema else {
        return schema.clone();
    };
    let mut kept = Map::new();
    for (name, value) in fields {
        match name.as_str() {
            it if DROPPED.contains(&it) => {}
            "default" if *value == json!({}) => {}
            "$ref" => {
                let name = value.as_str().and_then(|it| it.rsplit('/').next());
                kept.insert("$ref".into(), json!(short(name.unwrap_or_default())));
            }
            "allOf" if value.as_array().is_some_and(|it| it.len() == 1) => {
                if let Value::Object(only) = cleaned(&value[0]) {
                    kept.extend(only);
                }
            }
            "properties" => {
                let of = |(name, it): (&String, &Value)| (name.clone(), cleaned(it));
                let properties = value.as_object().into_iter().flatten().map(of);
                kept.insert(name.clone(), Value::Object(properties.collect()));
            }
            "items" | "additionalProperties" | "not" => {
                kept.insert(name.clone(), cleaned(value));
            }
            _ => {
                kept.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(kept)
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            found.extend(
                fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            fields.values().for_each(|it| references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}
