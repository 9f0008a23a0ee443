//! What a kit's rendering depends on, as one digest.

use sha2::{Digest as _, Sha256};

use super::{InputDigest, KitSource, Renderer};
use crate::source::ObjectId;

/// Over all of a kit but its dependencies; `tree` is its directory's id, `links` what symbolic
/// links in it lead to. Each part is written with its length and each list with its count, so
/// that no two different inputs look the same.
pub(super) fn inputs(kit: &KitSource, tree: ObjectId, links: &[String]) -> InputDigest {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(kit.path.as_str().as_bytes());
    add(tree.as_bytes());
    add(format!("{:?}", kit.grants).as_bytes());
    add(format!("{:?}", kit.budget).as_bytes());
    for list in [links, &kit.ignore] {
        add(&(list.len() as u64).to_le_bytes());
        list.iter().for_each(|part| add(part.as_bytes()));
    }
    if kit.renderer != Renderer::Plain {
        add(format!("{:?}", kit.renderer).as_bytes());
    }
    if let Some(variables) = &kit.given.variables {
        // Those of the kit.yaml are in the tree.
        add(format!("{variables:?}").as_bytes());
    }
    for values in &kit.given.values {
        add(values.name.as_bytes());
        add(values.digest.as_bytes());
    }
    add(&(kit.plugins.len() as u64).to_le_bytes());
    for plugin in &kit.plugins {
        add(plugin.path.as_bytes());
        add(plugin.blob.as_bytes());
        add(plugin.digest.as_deref().unwrap_or_default().as_bytes());
        add(plugin.settings.as_bytes());
        add(&[u8::from(plugin.guardrail)]);
        add(plugin.kubernetes.as_bytes());
        add(format!("{:?}", plugin.fuel).as_bytes());
        add(&(plugin.data.len() as u64).to_le_bytes());
        for source in &*plugin.data {
            add(source.path.as_bytes());
            add(source.id.as_bytes());
        }
    }
    // Those of the kit.yaml are in the tree.
    add(&(kit.rules.enforced.len() as u64).to_le_bytes());
    for rule in &*kit.rules.enforced {
        add(rule.rule.as_bytes());
        add(&[rule.enforce as u8]);
    }
    add(format!("{:?}", kit.rules.exemptions).as_bytes());
    for finding in &kit.findings {
        add(finding.to_string().as_bytes());
    }
    InputDigest(hash.finalize().into())
}
