//! Plugins that kits and guardrails name, resolved in the snapshot.

use super::file::KitFile;
use super::{Guardrail, PluginUse};
use crate::manifest::Finding;
use crate::source::{EntryKind, ObjectId, Snapshot, SourceError};

pub(super) type Resolved = Vec<Result<PluginUse, Finding>>;

pub(super) fn resolve_guardrails(snapshot: &Snapshot, guardrails: &[Guardrail]) -> Resolved {
    let resolve =
        |(index, guardrail): (usize, &Guardrail)| match component(snapshot, &guardrail.path) {
            Ok(blob) => Ok(PluginUse {
                path: guardrail.path.clone(),
                blob,
                digest: Some(guardrail.digest.clone()),
                settings: guardrail
                    .settings
                    .as_ref()
                    .map_or_else(|| "{}".into(), |it| it.to_string().into()),
                guardrail: true,
                named_at: None,
            }),
            Err(error) => Err(Finding::host_error(
                "plugin-missing",
                format!("the guardrail {}: {error}", guardrail.path),
            )
            .field(format!("/spec/guardrails/{index}/path"))
            .hint("commit the component, or take the guardrail out of the Repository")),
        };
    guardrails.iter().enumerate().map(resolve).collect()
}

fn component(snapshot: &Snapshot, path: &str) -> Result<ObjectId, SourceError> {
    let (real, entry) = snapshot.resolve(path)?;
    if entry.kind == EntryKind::File {
        Ok(entry.id)
    } else {
        Err(SourceError::NotAFile { path: real })
    }
}

pub(super) fn own_plugins(
    snapshot: &Snapshot,
    kit: &str,
    file: &KitFile,
    findings: &mut Vec<Finding>,
) -> Vec<PluginUse> {
    let mut plugins = Vec::new();
    for plugin in &file.plugins {
        let path = match plugin.path.strip_prefix('/') {
            Some(rooted) => rooted.to_owned(),
            None if kit == "." => plugin.path.clone(),
            None => format!("{kit}/{}", plugin.path),
        };
        match component(snapshot, &path) {
            Ok(blob) => plugins.push(PluginUse {
                path,
                blob,
                digest: plugin.digest.clone(),
                settings: plugin.settings.as_str().into(),
                guardrail: false,
                named_at: Some(plugin.origin.clone()),
            }),
            Err(error) => findings.push(
                Finding::host_error(
                    "plugin-missing",
                    format!("the plugin {}: {error}", plugin.path),
                )
                .at(plugin.origin.clone())
                .hint("commit the component, or take the plugin out of kit.yaml"),
            ),
        }
    }
    plugins
}
