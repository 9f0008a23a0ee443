//! Rules over the objects of several kits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::enforcement::weighed;
use super::evaluation::definitions;
use super::pins::Held;
use super::plugins::{Loaded, fault};
use super::rendered::{call_object, finding, reads, unevaluated};
use super::secrets::Secrets;
use super::{PluginStore, Rendered};
use crate::kit::{KitPath, KitSource, PluginUse, RulePolicy};
use crate::manifest::{Finding, Manifest, ObjectKey, Scope, Scopes};
use crate::sandbox::KitObject;
use crate::source::Snapshot;

/// A kit of the revision, as a referential validator sees it.
#[derive(Clone)]
pub(super) struct Candidate {
    pub kit: Arc<KitSource>,
    pub rendered: Arc<Rendered>,
}

/// Runs each referential validator among the guardrails once over the objects of all kits, and a
/// kit's own over that kit's. Also reports an object that two kits have, with both origins.
/// Findings by the kit that they are about.
pub(super) fn cross_check(
    (snapshot, held): (&Snapshot, &Held),
    guardrails: &[PluginUse],
    candidates: &[Candidate],
    plugins: &PluginStore,
) -> Vec<(KitPath, Finding)> {
    let mut findings = over_all(snapshot, guardrails, candidates, plugins);
    for candidate in candidates {
        let files = held.files(&candidate.kit.path, snapshot);
        findings.extend(over_its_own(files, candidate, plugins));
    }
    findings
}

/// Each as the kit that it is told of has it weighed.
fn weighed_by_kit(
    candidates: &[&Candidate],
    found: Vec<(KitPath, Finding)>,
) -> Vec<(KitPath, Finding)> {
    if found.is_empty() {
        return found;
    }
    let rules: BTreeMap<&KitPath, &RulePolicy> = candidates
        .iter()
        .map(|candidate| (&candidate.kit.path, &candidate.kit.rules))
        .collect();
    let weigh = |(path, finding): (KitPath, Finding)| {
        let finding = match rules.get(&path) {
            Some(rules) => weighed(rules, finding)?,
            None => finding,
        };
        Some((path, finding))
    };
    found.into_iter().filter_map(weigh).collect()
}

/// What the guardrails say of all kits, and of objects that two kits have.
pub(super) fn over_all(
    snapshot: &Snapshot,
    guardrails: &[PluginUse],
    candidates: &[Candidate],
    plugins: &PluginStore,
) -> Vec<(KitPath, Finding)> {
    let mut findings = twice(candidates);
    for used in guardrails {
        let all: Vec<&Candidate> = candidates.iter().collect();
        findings.extend(run(snapshot, used, &all, plugins));
    }
    findings
}

/// What a kit's own referential validators say of its objects.
pub(super) fn over_its_own(
    snapshot: &Snapshot,
    candidate: &Candidate,
    plugins: &PluginStore,
) -> Vec<(KitPath, Finding)> {
    let own = candidate.kit.plugins.iter().filter(|used| !used.guardrail);
    own.flat_map(|used| run(snapshot, used, &[candidate], plugins))
        .collect()
}

fn run(
    snapshot: &Snapshot,
    used: &PluginUse,
    candidates: &[&Candidate],
    plugins: &PluginStore,
) -> Vec<(KitPath, Finding)> {
    // One that cannot be loaded has stopped its kits before this.
    let Ok(ready) = plugins.ready(snapshot, used) else {
        return Vec::new();
    };
    if !ready.plugin.kinds().referential {
        return Vec::new();
    }
    let kits: Vec<(&KitPath, &[Manifest])> = candidates
        .iter()
        .map(|it| (&it.kit.path, &it.rendered.manifests[..]))
        .collect();
    let mut given = Secrets::default();
    candidates
        .iter()
        .for_each(|it| given.join(&it.rendered.given));
    weighed_by_kit(candidates, judge(&ready, &kits, &given).0)
}

/// What a referential validator says of the objects of several kits, by the kit that it is about,
/// and the fuel that it took. `given` are the platform team's Secrets in them.
pub(super) fn judge(
    Loaded {
        used,
        plugin,
        platform,
    }: &Loaded<'_>,
    kits: &[(&KitPath, &[Manifest])],
    given: &Secrets,
) -> (Vec<(KitPath, Finding)>, u64) {
    let kinds = &plugin.description().kinds;
    let mut read: Vec<(&KitPath, &Manifest)> = Vec::new();
    for (kit, manifests) in kits {
        let of_its_kinds = manifests.iter().filter(|it| reads(kinds, it));
        read.extend(of_its_kinds.map(|it| (*kit, it)));
    }
    let objects: Vec<KitObject> = read
        .iter()
        .map(|(kit, manifest)| KitObject {
            kit: kit.to_string(),
            object: call_object(manifest),
        })
        .collect();
    let everywhere = |finding: &Finding| -> Vec<(KitPath, Finding)> {
        kits.iter()
            .map(|(kit, _)| ((*kit).clone(), finding.clone()))
            .collect()
    };
    let mut secrets = Secrets::of(read.iter().map(|(_, manifest)| *manifest));
    secrets.join(given);
    let (found, fuel) = match plugin.validate_all(platform, &objects) {
        Err(error) => return (everywhere(&unevaluated(used, &error, &secrets)), 0),
        Ok(found) => found,
    };
    let told = found
        .into_iter()
        .flat_map(|raw| match raw.object.and_then(|index| read.get(index)) {
            Some((kit, _)) => {
                let kit = (*kit).clone();
                let told = finding(
                    used,
                    plugin,
                    raw,
                    |index| read.get(index).map(|(_, it)| *it),
                    &secrets,
                );
                vec![(kit, told)]
            }
            None => everywhere(&fault(
                used,
                "plugin-nonsense",
                "a finding over several kits names no object",
            )),
        })
        .collect();
    (told, fuel)
}

/// An object without a namespace whose kind no CRD of the revision defines may still be of a
/// namespaced kind: then it will be in its kit's namespace, and is not what another kit has in its own.
/// If the kind turns out to be cluster-scoped, the plan refuses the second owner.
fn key_of(candidate: &Candidate, manifest: &Manifest, scopes: &Scopes) -> ObjectKey {
    let mut key = manifest.key();
    if key.namespace.is_none() && scopes.of(&key.group_kind) != Some(Scope::Cluster) {
        key.namespace = candidate.kit.grants.namespace.as_deref().map(Into::into);
    }
    key
}

fn twice(candidates: &[Candidate]) -> Vec<(KitPath, Finding)> {
    let mut scopes = Scopes::default();
    candidates
        .iter()
        .flat_map(|candidate| definitions(&candidate.kit, &candidate.rendered))
        .for_each(|(kind, scope)| scopes.learn(kind, scope));
    let mut seen: BTreeMap<ObjectKey, (&KitPath, &Manifest)> = BTreeMap::new();
    let mut findings = Vec::new();
    for candidate in candidates {
        for manifest in &candidate.rendered.manifests {
            let key = key_of(candidate, manifest, &scopes);
            let Some((other, first)) = seen.get(&key) else {
                seen.insert(key, (&candidate.kit.path, manifest));
                continue;
            };
            let told = |kit: &KitPath, own: &Manifest, theirs: &Manifest| {
                Finding::host_error(
                    "object-in-two-kits",
                    format!("{key} is in the kit {kit} as well"),
                )
                .at(own.origin.clone())
                .about(key.clone())
                .hint("remove it from one of the two, or give it another name")
                .note(
                    format!("the kit {kit} has it from here"),
                    Some(theirs.origin.clone()),
                )
            };
            findings.push((candidate.kit.path.clone(), told(other, manifest, first)));
            findings.push(((*other).clone(), told(&candidate.kit.path, first, manifest)));
        }
    }
    findings
}
