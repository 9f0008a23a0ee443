//! A plugin over objects that are in no repository, treated as those of kits are: for its author.

use std::sync::Arc;

use super::change;
use super::gate::settle;
use super::plugins::{Loaded, platform, settings_findings};
use super::referential::judge;
use super::rendered::{Made, context, transform, validate};
use super::secrets::Secrets;
use crate::kit::{Grants, KitPath, PluginUse};
use crate::manifest::{Finding, Manifest, Origin, Scopes};
use crate::sandbox::{CallObject, Plugin};

/// What a plugin is tried on.
pub struct Trial {
    pub used: PluginUse,
    /// What the plugin is given to read.
    pub data: Vec<(serde_json::Value, Origin)>,
    /// One for rules over one kit; any number for a referential validator.
    pub kits: Vec<TrialKit>,
}

pub struct TrialKit {
    pub path: KitPath,
    pub grants: Grants,
    /// As they were read.
    pub manifests: Vec<Manifest>,
    /// As they were before, for a change validator; `None`: nothing was live.
    pub previous: Option<Vec<Manifest>>,
}

/// What came of it.
pub struct Tried {
    /// The plugin's own, and why it gave no verdict; the host's own law is not told of.
    pub findings: Vec<Finding>,
    /// After its transformer, kit by kit.
    pub manifests: Vec<Manifest>,
    /// Of all calls that gave an answer.
    pub fuel: u64,
}

impl Trial {
    /// Calls all that the plugin exports, in the host's order: settings are checked, namespaces
    /// are filled in, then come the transformer, the validator and the change validator of each
    /// kit, then the rules over all of them.
    pub fn run(&self, plugin: &Arc<Plugin>) -> Tried {
        let kinds = plugin.kinds();
        let mut tried = Tried {
            findings: Vec::new(),
            manifests: Vec::new(),
            fuel: 0,
        };
        tried.findings = settings_findings(&self.used, plugin);
        if !tried.findings.is_empty() {
            return tried;
        }
        let document = |(value, origin): &(serde_json::Value, Origin)| CallObject {
            json: value.to_string(),
            origin: origin.clone(),
        };
        let loaded = Loaded {
            used: &self.used,
            plugin: plugin.clone(),
            platform: platform(&self.used, self.data.iter().map(document).collect()),
        };
        let mut scopes = Scopes::default();
        for manifest in self.kits.iter().flat_map(|kit| &kit.manifests) {
            if let Some((kind, scope)) = Scopes::defined_by(&manifest.object) {
                scopes.learn(kind, scope);
            }
        }
        let mut rendered: Vec<(&KitPath, Vec<Manifest>)> = Vec::new();
        for kit in &self.kits {
            let mut manifests = kit.manifests.clone();
            settle(&mut manifests, &kit.grants, &scopes);
            let mut secrets = Secrets::of(&manifests);
            let context = context(kit.path.as_str(), &kit.grants, &loaded.platform);
            if kinds.transform {
                match transform(&context, &loaded, &manifests, &secrets) {
                    Ok((made, fuel)) => {
                        let Made {
                            manifests: changed,
                            findings,
                        } = made;
                        manifests = changed;
                        tried.findings.extend(findings);
                        tried.fuel += fuel;
                    }
                    Err(finding) => {
                        tried.findings.push(finding);
                        continue;
                    }
                }
                settle(&mut manifests, &kit.grants, &scopes);
                secrets.add(&manifests);
            }
            if kinds.validate {
                let (found, fuel) = validate(&context, &loaded, &manifests, &secrets);
                tried.findings.extend(found);
                tried.fuel += fuel;
            }
            if let (true, Some(previous)) = (kinds.validate_change, &kit.previous) {
                let mut previous = previous.clone();
                settle(&mut previous, &kit.grants, &scopes);
                secrets.add(&previous);
                let changes = change::compared(&previous, &manifests);
                let (found, fuel) = change::judge(&context, &loaded, &changes, &secrets);
                tried.findings.extend(found);
                tried.fuel += fuel;
            }
            rendered.push((&kit.path, manifests));
        }
        if kinds.referential {
            let kits: Vec<(&KitPath, &[Manifest])> = rendered
                .iter()
                .map(|(path, manifests)| (*path, &manifests[..]))
                .collect();
            let (found, fuel) = judge(&loaded, &kits, &Secrets::default());
            // A call that failed is told once, not once a kit.
            for (_, finding) in found {
                if !tried.findings.contains(&finding) {
                    tried.findings.push(finding);
                }
            }
            tried.fuel += fuel;
        }
        tried.manifests = rendered.into_iter().flat_map(|(_, it)| it).collect();
        tried
    }
}
