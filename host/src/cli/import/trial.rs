//! An import as a person does it, and what the host then makes of the repository: the real
//! discovery, Kustomize and Helm.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use serde_json::Value;
use tempfile::TempDir;

use super::files::{self, State};
use super::input::Input;
use super::left::Left;
use super::settle::{Settled, settle};
use super::tree::Tree;
use super::{Reading, Which};
use crate::kit::RepositorySpec;
use crate::pipeline::{Evaluation, Evaluator, PluginStore};
use crate::sandbox::{Compiler, RenderLimits, Renderers, Sandbox, SandboxLimits};
use crate::source::Snapshot;

/// Compiled once for all tests: that takes a minute in a debug build.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("target/renderers");
    let compiler = Compiler::Kept(folder.join("compiled"));
    let renderers = Renderers::new(RenderLimits::default(), compiler, vec![folder]);
    let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here);
    sandbox.expect("a sandbox").with_renderers(renderers)
});

/// A clone.
pub(super) struct Checkout {
    folder: TempDir,
}

/// What an import came to.
pub(super) struct Imported {
    pub settled: Settled,
    pub left: Vec<Left>,
    pub states: BTreeMap<String, State>,
}

impl Checkout {
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clone = Self { folder };
        for (path, text) in files {
            clone.write(path, text);
        }
        clone
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(super) fn read(&self, path: &str) -> String {
        let text = fs::read_to_string(self.folder.path().join(path));
        text.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Imports what these paths have, and writes it.
    pub(super) fn import(&self, reading: Reading, paths: &[&str]) -> Imported {
        let root = self.folder.path().canonicalize().expect("a folder");
        let paths: Vec<PathBuf> = paths.iter().map(|it| root.join(it)).collect();
        let input = Input::of(&paths, &root).expect("readable");
        let tree = Tree::of(&root).expect("a tree");
        let import = reading(&input, &tree, &Which::default());
        let import = import.unwrap_or_else(|failure| panic!("{failure:?}"));
        let settled = settle(import, &tree, "kits");
        let (mut files, conflicts) = files::files(&settled, &tree);
        let mut left = settled.left.clone();
        left.extend(conflicts);
        left.extend(files::write(&mut files, &root));
        let states = files.into_iter().map(|it| (it.path, it.state));
        Imported {
            states: states.collect(),
            settled,
            left,
        }
    }

    /// What is made of any input: nothing is written. `None` where it makes no sense.
    pub(super) fn settled(&self, reading: Reading, path: &str) -> Option<Settled> {
        let root = self.folder.path().canonicalize().expect("a folder");
        let input = Input::of(&[root.join(path)], &root).ok()?;
        let tree = Tree::of(&root).expect("a tree");
        let import = reading(&input, &tree, &Which::default()).ok()?;
        Some(settle(import, &tree, "kits"))
    }

    pub(super) fn evaluate(&self, imported: &Imported) -> Evaluation {
        self.evaluate_spec(&imported.settled.repository["spec"])
    }

    pub(super) fn evaluate_spec(&self, spec: &Value) -> Evaluation {
        let spec: RepositorySpec = serde_json::from_value(spec.clone()).expect("a spec");
        let plugins = Arc::new(PluginStore::new(SANDBOX.clone()));
        let snapshot = Snapshot::of_directory(self.folder.path()).expect("a snapshot");
        Evaluator::new(plugins, NonZeroUsize::MIN)
            .evaluate(&snapshot, &spec, &AtomicBool::new(false))
            .expect("readable")
            .expect("nothing newer")
    }
}

impl Imported {
    /// `field` of what was left, with what it is about.
    pub(super) fn fields(&self) -> Vec<String> {
        let left = self.left.iter();
        left.map(|it| format!("{} {}", it.object, it.field))
            .collect()
    }

    pub(super) fn rules(&self) -> Vec<String> {
        let kits = self.settled.repository["spec"]["kits"].as_array();
        let kits = kits.into_iter().flatten();
        kits.map(Value::to_string).collect()
    }
}

/// By kit, `Kind namespace/name` of its objects, and `rule: message` of what is wrong with it.
pub(super) fn objects(evaluation: &Evaluation) -> BTreeMap<String, Vec<String>> {
    assert_eq!(evaluation.findings, [], "the repository is in order");
    let kits = evaluation.verdicts.iter().map(|verdict| {
        let objects = verdict.rendered.manifests.iter().map(|it| {
            let key = it.key();
            match key.namespace {
                Some(namespace) => format!("{} {namespace}/{}", key.group_kind.kind, key.name),
                None => format!("{} {}", key.group_kind.kind, key.name),
            }
        });
        let findings = verdict
            .findings()
            .map(|it| format!("{}: {}", it.rule, it.message));
        let mut told: Vec<String> = objects.chain(findings).collect();
        told.sort();
        (verdict.kit.path.to_string(), told)
    });
    kits.collect()
}

/// The value of an object's field.
pub(super) fn field(evaluation: &Evaluation, kit: &str, object: &str, pointer: &str) -> Value {
    let mut verdicts = evaluation.verdicts.iter();
    let verdict = verdicts.find(|it| it.kit.path.as_str() == kit);
    let verdict = verdict.unwrap_or_else(|| panic!("there is no kit {kit}"));
    let mut manifests = verdict.rendered.manifests.iter();
    let found = manifests.find(|it| {
        let key = it.key();
        format!("{} {}", key.group_kind.kind, key.name) == object
    });
    let found = found.unwrap_or_else(|| panic!("{kit} has no {object}"));
    found.object.pointer(pointer).cloned().unwrap_or_default()
}

/// Whatever one field of an object says, an import ends, and writes kits' files inside of the clone
/// alone.
pub(super) fn hostile(
    checkout: &Checkout,
    reading: Reading,
    path: &str,
    choice: usize,
    value: &Value,
) {
    let original = checkout.read(path);
    let documents = original.split("\n---\n").map(|it| {
        let value: Value = serde_yaml::from_str(it).expect("YAML");
        value
    });
    let mut documents: Vec<Value> = documents.collect();
    let mut pointers = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        pointers_of(document, String::new(), &mut |it| {
            pointers.push((index, it))
        });
    }
    let (index, pointer) = &pointers[choice % pointers.len()];
    if let Some(found) = documents[*index].pointer_mut(pointer) {
        *found = value.clone();
    }
    let text = crate::manifest::write_yaml(&documents);
    checkout.write(path, &text);
    if let Some(settled) = checkout.settled(reading, path) {
        for file in settled.files.keys() {
            let plain = super::tree::rooted(".", file).as_deref() == Some(file);
            let ours = file.ends_with("/kit.yaml") || file.ends_with("/kustomization.yaml");
            assert!(plain && ours && !file.contains(".git/"), "{file}: {text}");
        }
    }
    checkout.write(path, &original);
}

fn pointers_of(value: &Value, at: String, found: &mut impl FnMut(String)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = crate::manifest::pointer_token(name);
                pointers_of(value, format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                pointers_of(value, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        found(at);
    }
}

/// Values that nobody expects.
pub(super) fn odd() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    prop_oneof![
        Just(Value::Null),
        Just(serde_json::json!({})),
        Just(serde_json::json!([{"a": [null]}])),
        Just(serde_json::json!({"name": 1, "kind": "Secret", "path": "../../etc"})),
        Just(serde_json::json!(["../../../etc", "/etc", 7])),
        Just(Value::from("../..")),
        Just(Value::from(".git/hooks")),
        Just(Value::from("{{path}}/{{ .a")),
        Just(Value::from("a/\u{0}/\u{1b}[31m/ä")),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,80}".prop_map(Value::from),
        "(\\.\\./|[a-zé/.*{}$-]){0,20}".prop_map(Value::from),
    ]
}
