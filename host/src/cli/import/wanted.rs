//! A kit that is to be, before it is known where its directory is.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::left::{Left, Object};
use super::tree::{Built, Tree};
use super::values::Given;
use crate::kit::is_dns_label;

/// What one tool applies as one, as a kit.
pub(super) struct Wanted {
    /// Who said so. No two have the same label.
    pub object: Object,
    /// What a directory would be called that has to be made for it.
    pub name: String,
    /// A directory of the repository; `None` for a chart alone.
    pub directory: Option<String>,
    /// A release of a chart: the fields of `spec.helm`.
    pub helm: Option<Map<String, Value>>,
    /// What Kustomize does with what the directory gives: fields of a kustomization.
    pub overlay: Map<String, Value>,
    /// The tool looks into directories in it.
    pub recursive: bool,
    /// Other fields of kit.yaml's spec.
    pub spec: Map<String, Value>,
    /// Labels of objects that come first, and where they are named.
    pub depends_on: Vec<(String, String)>,
    /// Fields of its entry in the Repository's `kits`, the path left out.
    pub rule: Map<String, Value>,
    /// What it is given from the cluster.
    pub values: Vec<Given>,
    /// Its number among patterns of which several kits come.
    pub pattern: Option<usize>,
}

/// Kits of one pattern, so that a new directory is a kit as well.
pub(super) struct Pattern {
    pub object: Object,
    /// The entry in the Repository's `kits`, with the path.
    pub rule: Map<String, Value>,
    /// Why it cannot be one entry.
    pub fault: Option<String>,
}

/// All that was understood.
#[derive(Default)]
pub(super) struct Import {
    /// The Repository's metadata and spec, without its kits.
    pub name: String,
    pub namespace: String,
    pub spec: Map<String, Value>,
    pub wanted: Vec<Wanted>,
    pub patterns: Vec<Pattern>,
    pub left: Vec<Left>,
    /// What is as it was, and yet good to know.
    pub notes: Vec<String>,
}

impl Wanted {
    pub(super) fn new(object: &Object, directory: Option<&str>) -> Self {
        Self {
            object: object.clone(),
            name: object.name.clone(),
            directory: directory.map(str::to_owned),
            helm: None,
            overlay: Map::new(),
            recursive: true,
            spec: Map::new(),
            depends_on: Vec::new(),
            rule: Map::new(),
            values: Vec::new(),
            pattern: None,
        }
    }

    /// Adds to one of the overlay's lists.
    pub(super) fn overlay_list(&mut self, field: &str, items: impl IntoIterator<Item = Value>) {
        let list = self.overlay.entry(field).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.extend(items);
        }
        if self.overlay[field].as_array().is_some_and(Vec::is_empty) {
            self.overlay.remove(field);
        }
    }

    /// Objects stay when they leave the kit.
    pub(super) fn keep(&mut self) {
        let keep = json!({"trimtab.io/prune": "keep"});
        self.annotate("AnnotationsTransformer", "annotations", &keep);
    }

    /// Labels or annotations of the objects themselves, and not of pods that they make, as
    /// Kustomize's own `commonAnnotations` would.
    pub(super) fn annotate(&mut self, kind: &str, field: &str, values: &Value) {
        let count = self.overlay.get("transformers").and_then(Value::as_array);
        let name = format!("of-all-{}", count.map_or(0, Vec::len));
        let transformer = json!({
            "apiVersion": "builtin", "kind": kind, "metadata": {"name": name},
            field: values,
            "fieldSpecs": [{"path": format!("metadata/{field}"), "create": true}],
        });
        let text = crate::manifest::write_yaml([&transformer]);
        self.overlay_list("transformers", [Value::from(text)]);
    }

    /// Takes an object out of what the directory gives.
    pub(super) fn drop(&mut self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (version, kind) = (text("/apiVersion"), text("/kind"));
        let (group, name) = (
            version.and_then(|it| it.split_once('/')).map(|it| it.0),
            text("/metadata/name"),
        );
        let patch = json!({
            "$patch": "delete", "apiVersion": version, "kind": kind, "metadata": {"name": name},
        });
        // A selector's fields are regular expressions, of the whole text.
        let exact = |text: Option<&str>| text.unwrap_or_default().replace('.', "\\.");
        let entry = json!({
            "patch": crate::manifest::write_yaml([&patch]),
            "target": {"group": exact(group), "kind": kind, "name": exact(name)},
        });
        self.overlay_list("patches", [entry]);
    }

    /// What of the base's own kustomization does not go with the overlay as it went with the tool,
    /// which changed that kustomization itself.
    pub(super) fn clashes(&self, tree: &Tree) -> Vec<Left> {
        let base = self.directory.as_deref();
        let Some(base) = base.and_then(|it| tree.kustomization(it)) else {
            return Vec::new();
        };
        let mut left = Vec::new();
        let next = "compare what `trimtab render` gives with what is live";
        for field in ["namePrefix", "nameSuffix"] {
            if self.overlay.contains_key(field) && base[field].is_string() {
                let why = format!(
                    "the directory's own kustomization has a {field}, which was replaced; now one is put before the other"
                );
                left.push(self.object.left("", why, next));
            }
        }
        let images = |of: Option<&Value>| of.and_then(Value::as_array).cloned().unwrap_or_default();
        let own = images(base.get("images"));
        for image in images(self.overlay.get("images")) {
            let renamed = own
                .iter()
                .any(|it| it["name"] == image["name"] && it["newName"].is_string());
            if renamed {
                let why = "an image that the directory's own kustomization gives another name to is set by its first name";
                left.push(self.object.left("", why, next));
            }
        }
        left
    }
}

impl Wanted {
    /// Grants more namespaces than the one that objects go to by default.
    pub(super) fn grant(&mut self, names: &[String]) {
        let Some(own) = self.rule.get("namespace").cloned() else {
            // Without one of its own, a kit may have objects anywhere.
            return;
        };
        let allowed = self.rule.get("allowedNamespaces").and_then(Value::as_array);
        let mut allowed = allowed.cloned().unwrap_or_else(|| vec![own.clone()]);
        for name in names.iter().filter(|it| is_dns_label(it)) {
            let name = Value::from(name.as_str());
            if !allowed.contains(&name) {
                allowed.push(name);
            }
        }
        if allowed != [own] {
            self.rule.insert("allowedNamespaces".into(), allowed.into());
        }
    }

    /// Grants the namespaces that its files name.
    pub(super) fn grant_named(&mut self, built: &Built) {
        let own = built.objects.iter().filter_map(|it| it.key().namespace);
        let own = own.map(|it| it.to_string());
        // What a kustomization says goes over the files.
        let names: BTreeSet<String> = match &built.namespace {
            Some(namespace) => BTreeSet::from([namespace.clone()]),
            None => own.collect(),
        };
        self.grant(&names.into_iter().collect::<Vec<_>>());
    }
}
