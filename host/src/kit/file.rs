//! `kit.yaml`: what a kit's author decides. It can narrow what the Repository grants, never widen it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::renderer::RendererFile;
use super::spec::is_digest;
use super::variables::VariablesFile;
use super::{KitPolicy, RuleEnforcement};
use crate::manifest::{Finding, Limits, Manifest, ObjectKey, Origin, Spans, pointer_token, read};

/// The file's name in a kit's directory.
pub const KIT_FILE: &str = "kit.yaml";

/// Fields of a kit.yaml; docs/reference.md is checked against these.
pub(super) const FIELDS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
pub(super) const METADATA_FIELDS: [&str; 3] = ["name", "labels", "annotations"];
pub(super) const SPEC_FIELDS: [&str; 15] = [
    "dependsOn",
    "plugins",
    "allowedNamespaces",
    "prune",
    "drift",
    "ignore",
    "adopt",
    "health",
    "serviceAccount",
    "onFailure",
    "dependsOnObjects",
    "rules",
    "kustomize",
    "helm",
    "variables",
];
pub(super) const RULE_FIELDS: [&str; 2] = ["rule", "enforce"];
pub(super) const OBJECT_FIELDS: [&str; 3] = ["kind", "name", "namespace"];
pub(super) const HEALTH_FIELDS: [&str; 2] = ["deadline", "rules"];
pub(super) const HEALTH_RULE_FIELDS: [&str; 4] = ["kind", "current", "failed", "message"];
pub(super) const PRUNE_FIELDS: [&str; 3] =
    ["propagation", "deleteVolumeClaims", "deleteNamespaces"];
pub(super) const IGNORE_FIELDS: [&str; 4] = ["kind", "name", "fields", "when"];
pub(super) const PLUGIN_FIELDS: [&str; 4] = ["path", "digest", "settings", "data"];

/// What a kit.yaml says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KitFile {
    /// Paths of kits that must be healthy first, and where they are named.
    pub depends_on: Vec<(String, Origin)>,
    /// Objects that no kit has and that must be healthy first, and where they are named.
    pub depends_on_objects: Vec<(ObjectKey, Origin)>,
    pub plugins: Vec<PluginRef>,
    /// A part of the namespaces that the Repository grants, and where that is said.
    pub allowed_namespaces: Option<(Vec<String>, Origin)>,
    pub policy: KitPolicy,
    /// What the kit makes of its plugins' rules, and of the guardrails'.
    pub rules: Vec<RuleEnforcement>,
    /// As whom the kit acts, and where that is said.
    pub service_account: Option<(String, Origin)>,
    /// How its manifests are made.
    pub(super) renderer: RendererFile,
    pub(super) variables: Option<VariablesFile>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PluginRef {
    /// Relative to the kit, or from the repository's root with a leading `/`.
    pub path: String,
    /// Pins the component's bytes.
    pub digest: Option<String>,
    /// JSON text; `{}` if there are none.
    pub settings: String,
    /// Paths of what it is given to read, relative as `path` is.
    pub data: Vec<String>,
    pub origin: Origin,
    /// RFC 6901, in the kit.yaml.
    pub pointer: String,
    /// Of the kit.yaml.
    pub spans: Arc<Spans>,
}

/// Reads a kit.yaml. `name` is the directory's own. Every fault is a finding at its line.
pub(super) fn parse(path: &str, bytes: &[u8], name: &str) -> Result<KitFile, Vec<Finding>> {
    let manifests = read(path, bytes, &Limits::default()).map_err(|errors| {
        errors
            .into_iter()
            .map(|error| {
                let finding = Finding::host_error("kit-file", error.message)
                    .at(Origin::new(path, error.line));
                match error.hint {
                    Some(hint) => finding.hint(hint),
                    None => finding,
                }
            })
            .collect::<Vec<_>>()
    })?;
    let [manifest] = &manifests[..] else {
        let message = format!(
            "a kit.yaml has one object of kind Kit; this one has {}",
            manifests.len()
        );
        return Err(vec![
            Finding::host_error("kit-file", message).at(Origin::new(path, 1)),
        ]);
    };
    let mut reader = Reader {
        manifest,
        path,
        findings: Vec::new(),
    };
    let file = reader.kit(name);
    if reader.findings.is_empty() {
        Ok(file)
    } else {
        Err(reader.findings)
    }
}

pub(super) struct Reader<'m> {
    manifest: &'m Manifest,
    path: &'m str,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    pub(super) fn origin(&self, pointer: &str) -> Origin {
        let (spans, _) = self.manifest.spans.nearest(pointer);
        Origin::new(self.path, spans.key.unwrap_or(spans.value).line)
    }

    pub(super) fn wrong(&mut self, pointer: &str, message: String) {
        let (spans, _) = self.manifest.spans.nearest(pointer);
        let span = spans
            .key
            .filter(|_| message.contains("unknown field"))
            .unwrap_or(spans.value);
        let finding = Finding::host_error("kit-file", message)
            .field(pointer)
            .spanning(self.path, span);
        self.findings.push(finding);
    }

    /// The mapping at a pointer, with fields that nobody knows reported.
    pub(super) fn mapping(&mut self, pointer: &str, known: &[&str]) -> Map<String, Value> {
        match self.manifest.object.pointer(pointer) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => {
                let map = map.clone();
                for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
                    let message = format!("unknown field {name:?}; there are {}", known.join(", "));
                    self.wrong(&format!("{pointer}/{}", pointer_token(name)), message);
                }
                map
            }
            Some(_) => {
                self.wrong(pointer, "this is to be a mapping".into());
                Map::new()
            }
        }
    }

    /// Whether something is said there.
    pub(super) fn has(&self, pointer: &str) -> bool {
        let value = self.manifest.object.pointer(pointer);
        value.is_some_and(|value| !value.is_null())
    }

    pub(super) fn texts(&mut self, pointer: &str, value: Option<&Value>) -> Vec<(String, Origin)> {
        let items = match value {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items.clone(),
            Some(_) => {
                self.wrong(pointer, "this is to be a list of texts".into());
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = format!("{pointer}/{index}");
            match item.as_str() {
                Some(text) => texts.push((text.to_owned(), self.origin(&at))),
                None => self.wrong(&at, "this is to be a text".into()),
            }
        }
        texts
    }

    fn kit(&mut self, name: &str) -> KitFile {
        self.mapping("", &FIELDS);
        if self.manifest.object["apiVersion"] != "trimtab.io/v1alpha1" {
            self.wrong(
                "/apiVersion",
                "a kit.yaml has apiVersion trimtab.io/v1alpha1".into(),
            );
        }
        if self.manifest.object["kind"] != "Kit" {
            self.wrong("/kind", "a kit.yaml has kind Kit".into());
        }
        self.mapping("/metadata", &METADATA_FIELDS);
        if self.manifest.object["metadata"]["name"] != name {
            self.wrong(
                "/metadata/name",
                format!("a kit is called as its directory: {name}"),
            );
        }
        let spec = self.mapping("/spec", &SPEC_FIELDS);
        let depends_on = self.texts("/spec/dependsOn", spec.get("dependsOn"));
        let allowed = spec
            .get("allowedNamespaces")
            .filter(|value| !value.is_null())
            .map(|value| {
                let names = self.texts("/spec/allowedNamespaces", Some(value));
                if names.is_empty() {
                    // For grants, no names are any names.
                    self.wrong(
                        "/spec/allowedNamespaces",
                        "an empty list allows nothing; name a namespace, or leave the field out"
                            .into(),
                    );
                }
                (
                    names.into_iter().map(|(name, _)| name).collect(),
                    self.origin("/spec/allowedNamespaces"),
                )
            });
        KitFile {
            depends_on,
            depends_on_objects: self.objects(spec.get("dependsOnObjects")),
            plugins: self.plugins(spec.get("plugins")),
            allowed_namespaces: allowed,
            policy: self.policy(&spec),
            rules: self.rules(spec.get("rules")),
            service_account: self.service_account(&spec),
            renderer: self.renderer(),
            variables: self.variables(),
        }
    }

    pub(super) fn flag(&mut self, pointer: &str, map: &Map<String, Value>, name: &str) -> bool {
        match map.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.wrong(
                    &format!("{pointer}/{name}"),
                    "this is to be true or false".into(),
                );
                false
            }
        }
    }

    pub(super) fn text(
        &mut self,
        pointer: &str,
        map: &Map<String, Value>,
        name: &str,
    ) -> Option<String> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.wrong(&format!("{pointer}/{name}"), "this is to be a text".into());
                None
            }
        }
    }

    /// A value of an enum, as serde spells it; its default if there is none.
    pub(super) fn word<T: DeserializeOwned + Default>(
        &mut self,
        pointer: &str,
        map: &Map<String, Value>,
        name: &str,
    ) -> T {
        match map.get(name) {
            None | Some(Value::Null) => T::default(),
            Some(value) => serde_json::from_value(value.clone()).unwrap_or_else(|error| {
                self.wrong(&format!("{pointer}/{name}"), error.to_string());
                T::default()
            }),
        }
    }

    /// How many items a list has.
    pub(super) fn count(&mut self, pointer: &str, value: Option<&Value>) -> usize {
        match value {
            None | Some(Value::Null) => 0,
            Some(Value::Array(items)) => items.len(),
            Some(_) => {
                self.wrong(pointer, "this is to be a list".into());
                0
            }
        }
    }

    fn plugins(&mut self, value: Option<&Value>) -> Vec<PluginRef> {
        let count = self.count("/spec/plugins", value);
        (0..count)
            .filter_map(|index| self.plugin(&format!("/spec/plugins/{index}")))
            .collect()
    }

    fn plugin(&mut self, pointer: &str) -> Option<PluginRef> {
        let plugin = self.mapping(pointer, &PLUGIN_FIELDS);
        let Some(path) = plugin
            .get("path")
            .and_then(Value::as_str)
            .filter(|path| !path.is_empty())
        else {
            self.wrong(pointer, "a plugin needs the path of its component".into());
            return None;
        };
        let digest = plugin.get("digest").and_then(Value::as_str);
        if plugin.contains_key("digest") && !digest.is_some_and(is_digest) {
            self.wrong(
                &format!("{pointer}/digest"),
                "this is no digest; it is sha256: and 64 lower case hexadecimal digits".into(),
            );
        }
        let settings = plugin
            .get("settings")
            .cloned()
            .filter(|value| !value.is_null());
        if settings
            .as_ref()
            .is_some_and(|settings| !settings.is_object())
        {
            self.wrong(
                &format!("{pointer}/settings"),
                "settings are a mapping".into(),
            );
        }
        let data = self.texts(&format!("{pointer}/data"), plugin.get("data"));
        Some(PluginRef {
            path: path.to_owned(),
            digest: digest.map(str::to_owned),
            settings: settings.map_or_else(|| "{}".to_owned(), |settings| settings.to_string()),
            data: data.into_iter().map(|(path, _)| path).collect(),
            origin: self.origin(pointer),
            pointer: pointer.to_owned(),
            spans: self.manifest.spans.clone(),
        })
    }
}
