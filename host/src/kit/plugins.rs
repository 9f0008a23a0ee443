//! Plugins that kits and guardrails name, resolved in the snapshot.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::file::KitFile;
use super::name::rooted;
use super::variables::Supplier;
use super::{DataSource, Guardrail, KitRule, PluginUse, RepositorySpec, Sources, Supplied};
use crate::manifest::Finding;
use crate::source::{EntryKind, ObjectId, Snapshot, SourceError};

/// Bytes of a component that is compared with its pin; the sandbox takes none that is larger.
const COMPONENT_LIMIT: usize = 128 << 20;

pub(super) type Resolved = Vec<Result<PluginUse, Finding>>;

/// What the platform team says that kits are made with.
pub(super) struct Circumstances {
    pub kubernetes: Arc<str>,
    pub supplier: Supplier,
    pub sources: Arc<Sources>,
}

impl Circumstances {
    pub(super) fn of(spec: &RepositorySpec, supplied: &Supplied) -> Self {
        Self {
            supplier: Supplier::of(spec, supplied),
            kubernetes: spec
                .kubernetes_version
                .as_deref()
                .unwrap_or_default()
                .into(),
            sources: Arc::new(Sources::of(spec)),
        }
    }

    /// Those of an earlier revision are taken, with their data, from the `newest`, as long as it has
    /// the ones that are wanted: the platform team's law does not go back with a kit.
    pub(super) fn guardrails(
        &self,
        snapshot: &Snapshot,
        newest: Option<&Snapshot>,
        guardrails: &[Guardrail],
    ) -> Resolved {
        let resolve = |(index, guardrail): (usize, &Guardrail)| {
            let pointer = format!("/spec/guardrails/{index}");
            let newest = newest.filter(|newest| newest.root() != snapshot.root());
            if let Some(newest) = newest
                && let Ok(used) = self.guardrail(newest, guardrail, pointer.clone())
                && is_pinned(newest, guardrail)
            {
                return Ok(PluginUse {
                    tree: Some(newest.root()),
                    ..used
                });
            }
            self.guardrail(snapshot, guardrail, pointer)
        };
        guardrails.iter().enumerate().map(resolve).collect()
    }

    fn guardrail(
        &self,
        snapshot: &Snapshot,
        guardrail: &Guardrail,
        pointer: String,
    ) -> Result<PluginUse, Finding> {
        let blob = component(snapshot, &guardrail.path).map_err(|error| {
            let message = format!("the guardrail {}: {error}", guardrail.path);
            Finding::host_error("plugin-missing", message)
                .field(format!("{pointer}/path"))
                .hint("commit the component, or take the guardrail out of the Repository")
        })?;
        let data = data(snapshot, &guardrail.data, |path| path.to_owned());
        let data = data.map_err(|(index, error)| {
            let message = format!("data of the guardrail {}: {error}", guardrail.path);
            Finding::host_error("plugin-data", message)
                .field(format!("{pointer}/data/{index}"))
                .hint("commit the file, or take it out of the guardrail's data")
        })?;
        let settings = guardrail.settings.as_ref();
        Ok(PluginUse {
            path: guardrail.path.clone(),
            blob,
            tree: None,
            digest: Some(guardrail.digest.clone()),
            settings: settings.map_or_else(|| "{}".into(), |it| it.to_string().into()),
            data,
            fuel: guardrail.fuel,
            kubernetes: self.kubernetes.clone(),
            guardrail: true,
            named_at: None,
            pointer,
            spans: None,
        })
    }

    /// Those of a kit's own.
    pub(super) fn own(
        &self,
        snapshot: &Snapshot,
        kit: &str,
        rule: &KitRule,
        file: &KitFile,
        findings: &mut Vec<Finding>,
    ) -> Vec<PluginUse> {
        let rooted = |path: &str| rooted(kit, path);
        let mut plugins = Vec::new();
        for plugin in &file.plugins {
            let path = rooted(&plugin.path);
            let blob = match component(snapshot, &path) {
                Ok(blob) => blob,
                Err(error) => {
                    let message = format!("the plugin {}: {error}", plugin.path);
                    let finding = Finding::host_error("plugin-missing", message)
                        .at(plugin.origin.clone())
                        .hint("commit the component, or take the plugin out of kit.yaml");
                    findings.push(finding);
                    continue;
                }
            };
            let mut used = PluginUse {
                path,
                blob,
                tree: None,
                digest: plugin.digest.clone(),
                settings: plugin.settings.as_str().into(),
                data: [].into(),
                fuel: rule.plugin_fuel,
                kubernetes: self.kubernetes.clone(),
                guardrail: false,
                named_at: Some(plugin.origin.clone()),
                pointer: plugin.pointer.clone(),
                spans: Some(plugin.spans.clone()),
            };
            match data(snapshot, &plugin.data, rooted) {
                Ok(data) => used.data = data,
                Err((index, error)) => {
                    let message = format!("data of the plugin {}: {error}", plugin.path);
                    let finding = Finding::host_error("plugin-data", message)
                        .hint("commit the file, or take it out of the plugin's data");
                    findings.push(used.field_fault(&format!("/data/{index}"), finding));
                    continue;
                }
            }
            plugins.push(used);
        }
        plugins
    }
}

/// Whether the component of a revision is the one that the Repository wants.
fn is_pinned(snapshot: &Snapshot, guardrail: &Guardrail) -> bool {
    let bytes = snapshot.read(&guardrail.path, COMPONENT_LIMIT);
    bytes.is_ok_and(|bytes| {
        let digest: String = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        guardrail.digest == format!("sha256:{digest}")
    })
}

fn component(snapshot: &Snapshot, path: &str) -> Result<ObjectId, SourceError> {
    let (real, entry) = snapshot.resolve(path)?;
    if entry.kind == EntryKind::File {
        Ok(entry.id)
    } else {
        Err(SourceError::NotAFile { path: real })
    }
}

/// What paths lead to; the error is of the path with this index.
fn data(
    snapshot: &Snapshot,
    paths: &[String],
    rooted: impl Fn(&str) -> String,
) -> Result<Arc<[DataSource]>, (usize, SourceError)> {
    let source = |(index, path): (usize, &String)| {
        let (path, entry) = snapshot
            .resolve(&rooted(path))
            .map_err(|error| (index, error))?;
        Ok(DataSource {
            path,
            id: entry.id,
            directory: entry.kind == EntryKind::Directory,
        })
    };
    paths.iter().enumerate().map(source).collect()
}
