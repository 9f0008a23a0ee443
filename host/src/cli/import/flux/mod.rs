//! What Flux is told to do: GitRepositories, Kustomizations, and HelmReleases of charts in Git.

#[cfg(test)]
mod fixture;
mod kustomization;
#[cfg(test)]
mod oracle;
mod release;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;

pub(super) use source::range_of;

use super::input::Input;
use super::left::{Left, Object};
use super::tree::Tree;
use super::wanted::{Import, Wanted};
use super::{Failure, Which};
use crate::manifest::{Manifest, Origin};
use kustomization::Applied;

/// Kinds that are carried over, and those whose objects are told of.
const KUSTOMIZATION: (&str, &str) = ("kustomize.toolkit.fluxcd.io", "Kustomization");
const RELEASE: (&str, &str) = ("helm.toolkit.fluxcd.io", "HelmRelease");
const SOURCE: (&str, &str) = ("source.toolkit.fluxcd.io", "GitRepository");

/// How many Kustomizations may be found by way of others.
const OBJECTS: usize = 20_000;

/// Flux's objects, by their labels.
#[derive(Default)]
struct Told {
    sources: BTreeMap<String, Object>,
    kustomizations: BTreeMap<String, Object>,
    releases: BTreeMap<String, Release>,
    left: Vec<Left>,
    seen: BTreeMap<String, serde_json::Value>,
    /// Where what Kustomizations apply was read.
    read: BTreeSet<Origin>,
}

struct Release {
    object: Object,
    /// The Kustomization that applies it.
    owner: Option<String>,
    /// Why what is written is not what is applied.
    unsure: Option<&'static str>,
}

pub(super) fn import(input: &Input, tree: &Tree, which: &Which) -> Result<Import, Failure> {
    let mut told = Told {
        left: input.left.clone(),
        ..Told::default()
    };
    // A release in a file is what is applied only where no Kustomization makes something of it.
    let (raw, others): (Vec<&Manifest>, Vec<&Manifest>) = input
        .objects
        .iter()
        .partition(|it| is_release(it) && it.object.pointer("/metadata/uid").is_none());
    for manifest in others {
        told.take(manifest, None, None, None);
    }
    // What is of another repository leads nowhere in this clone.
    let early = told.source(which).ok();
    told.follow(tree, early.as_ref());
    for manifest in raw {
        let fields = ["/spec/chart", "/spec/chartRef"];
        let is_whole = fields
            .into_iter()
            .any(|it| manifest.object.pointer(it).is_some());
        if is_whole && !told.read.contains(&manifest.origin) {
            told.take(manifest, None, None, None);
        }
    }
    if told.kustomizations.is_empty() && told.releases.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "there is neither a Kustomization nor a HelmRelease of Flux in what was given"
        )));
    }
    let source = match early {
        Some(source) => source,
        None => told.source(which)?,
    };
    let mut import = source::repository(&source, which);
    let mut releases = Vec::new();
    for release in told.releases.values() {
        releases.extend(release::wanted(release, &source, tree, &mut import.left));
    }
    let carried: BTreeSet<String> = releases.iter().map(|it| it.object.label()).collect();
    let (mut kits, mut nothing) = (Vec::new(), BTreeMap::new());
    for object in told.kustomizations.values() {
        match kustomization::wanted(object, &source, tree, &carried, &mut import) {
            Some(Applied::Kit(kit)) => kits.push(kit),
            Some(Applied::Nothing(kit)) => {
                nothing.insert(object.label(), kit.depends_on);
            }
            None => {}
        }
    }
    order(&told, &mut kits, &mut releases, &nothing);
    import.wanted = kits;
    import.wanted.extend(releases);
    import.left.extend(told.left);
    Ok(import)
}

/// What comes before a Kustomization comes before the releases that it brings, and what waits for it
/// waits for them.
fn order(
    told: &Told,
    kits: &mut [Wanted],
    releases: &mut [Wanted],
    nothing: &BTreeMap<String, Vec<(String, String)>>,
) {
    let mut brought: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for release in releases.iter_mut() {
        let label = release.object.label();
        let Some(owner) = told.releases[&label].owner.as_deref() else {
            continue;
        };
        brought.entry(owner).or_default().push(label);
        match nothing.get(owner) {
            Some(before) => release.depends_on.extend(before.iter().cloned()),
            None if kits.iter().any(|it| it.object.label() == owner) => {
                release.depends_on.push((owner.to_owned(), String::new()));
            }
            None => {}
        }
    }
    for kit in kits.iter_mut().chain(releases.iter_mut()) {
        let own = told.releases.get(&kit.object.label());
        let own = own.and_then(|it| it.owner.clone());
        let mut ahead = std::mem::take(&mut kit.depends_on);
        ahead.reverse();
        let mut seen = BTreeSet::new();
        while let Some((label, field)) = ahead.pop() {
            if !seen.insert(label.clone()) {
                continue;
            }
            // A release does not wait for its neighbours, and nobody for what Flux did not wait for.
            let waited = told.kustomizations.get(&label).is_some_and(|it| {
                it.flag("/spec/wait") == Some(true) || !it.list("/spec/healthChecks").is_empty()
            });
            let with = brought.get(&*label);
            let with = with.filter(|_| waited && own.as_ref() != Some(&label));
            let with = with.into_iter().flatten();
            kit.depends_on
                .extend(with.map(|it| (it.clone(), field.clone())));
            match nothing.get(&label) {
                Some(before) => ahead.extend(before.iter().cloned()),
                None => kit.depends_on.push((label, field)),
            }
        }
    }
}

impl Told {
    /// Takes an object in, if it is one of Flux's; by way of a Kustomization that applies it.
    fn take(
        &mut self,
        manifest: &Manifest,
        owner: Option<&str>,
        namespace: Option<&str>,
        unsure: Option<&'static str>,
    ) {
        let kind = manifest.gvk();
        let (group, name) = (&*kind.group, &*kind.kind);
        if !group.ends_with("toolkit.fluxcd.io") {
            return;
        }
        let mut object = Object::of(manifest);
        if let Some(namespace) = namespace {
            object.namespace = Some(namespace.to_owned());
        }
        let label = object.label();
        let is_live = object.get("/metadata/uid").is_some();
        let spec = object.value.get("spec").cloned().unwrap_or_default();
        if let Some(known) = self.seen.get(&label) {
            if *known != spec && owner.is_none() {
                self.left.push(object.left(
                    "",
                    "it stands in what was given twice, and not the same; the first counts",
                    "import one cluster at a time, or give the live objects: kubectl get … -o yaml",
                ));
            } else if let (Some(owner), Some(release)) = (owner, self.releases.get_mut(&label)) {
                release.owner.get_or_insert(owner.to_owned());
                if release.object.get("/metadata/uid").is_none() {
                    release.unsure = release.unsure.or(unsure);
                }
            }
            return;
        }
        self.seen.insert(label.clone(), spec);
        match (group, name) {
            KUSTOMIZATION => drop(self.kustomizations.insert(label, object)),
            SOURCE => drop(self.sources.insert(label, object)),
            RELEASE => {
                let owner = owner.map(str::to_owned).or_else(|| owner_of(&object));
                let unsure = unsure.filter(|_| !is_live);
                let release = Release {
                    object,
                    owner,
                    unsure,
                };
                self.releases.insert(label, release);
            }
            (_, "OCIRepository" | "Bucket" | "HelmRepository" | "HelmChart" | "ExternalArtifact") => {
                // Told where something is made of it.
            }
            _ => self.left.push(object.left(
                "",
                "this kind is not carried over",
                "docs/notifications.md and docs/signatures.md say what Trimtab has of its own; image automation goes on as it is",
            )),
        }
    }

    /// Looks for more of them where Kustomizations lead.
    fn follow(&mut self, tree: &Tree, source: Option<&Object>) {
        let label = source.map(Object::label);
        let mut done = BTreeSet::new();
        loop {
            let ahead: Vec<Object> = self
                .kustomizations
                .iter()
                .filter(|(label, _)| !done.contains(*label))
                .map(|(_, object)| object.clone())
                .collect();
            if ahead.is_empty() || self.seen.len() > OBJECTS {
                return;
            }
            for object in ahead {
                let is_other = label.is_some() && kustomization::source_of(&object) != label;
                let label = object.label();
                done.insert(label.clone());
                let path = kustomization::path_of(&object);
                let Some(path) = path.filter(|it| !is_other && tree.is_directory(it)) else {
                    continue;
                };
                let built = tree.built(&path);
                let patched = ["patches", "patchesStrategicMerge", "patchesJson6902"]
                    .iter()
                    .any(|it| object.get(&format!("/spec/{it}")).is_some())
                    || object.get("/spec/postBuild").is_some();
                let unsure = match built.altered || patched {
                    true => Some("it is patched, or variables are filled in, before it is applied"),
                    false => None,
                };
                let target = object.text("/spec/targetNamespace").map(str::to_owned);
                let namespace = target.or(built.namespace.clone());
                for manifest in &built.objects {
                    self.read.insert(manifest.origin.clone());
                    self.take(manifest, Some(&label), namespace.as_deref(), unsure);
                }
            }
        }
    }

    /// The GitRepository whose clone this is.
    fn source(&self, which: &Which) -> Result<Object, Failure> {
        let used: BTreeSet<String> = self
            .kustomizations
            .values()
            .filter_map(kustomization::source_of)
            .chain(
                self.releases
                    .values()
                    .filter_map(|it| release::source_of(&it.object)),
            )
            .collect();
        let known: Vec<&Object> = self
            .sources
            .iter()
            .filter(|(label, _)| used.contains(*label))
            .map(|(_, it)| it)
            .collect();
        let names: Vec<String> = known.iter().map(|it| name(it)).collect();
        if let Some(wanted) = &which.source {
            let found = self.sources.values().find(|it| name(it) == *wanted);
            return found.cloned().ok_or_else(|| {
                Failure::Usage(anyhow!(
                    "there is no GitRepository {wanted} in what was given; there are {}",
                    names.join(", ")
                ))
            });
        }
        match &known[..] {
            [one] => Ok((*one).clone()),
            [] => Err(Failure::Usage(anyhow!(
                "the GitRepository that says where the repository is was not given; there are named: {}. Add it: kubectl get gitrepositories -A -o yaml",
                used.into_iter().collect::<Vec<_>>().join(", ")
            ))),
            _ => Err(Failure::Usage(anyhow!(
                "there are several GitRepositories: {}. Say of which one the directory is a clone: --source NAMESPACE/NAME",
                names.join(", ")
            ))),
        }
    }
}

fn is_release(manifest: &Manifest) -> bool {
    let kind = manifest.gvk();
    RELEASE == (&*kind.group, &*kind.kind)
}

fn name(object: &Object) -> String {
    match &object.namespace {
        Some(namespace) => format!("{namespace}/{}", object.name),
        None => object.name.clone(),
    }
}

/// As Flux labels what a Kustomization applies.
fn owner_of(object: &Object) -> Option<String> {
    let labels = object.map("/metadata/labels")?;
    let label = |name: &str| {
        labels
            .get(&format!("kustomize.toolkit.fluxcd.io/{name}"))?
            .as_str()
    };
    Some(format!(
        "Kustomization {}/{}",
        label("namespace")?,
        label("name")?
    ))
}

/// The label of an object that another one names.
fn label_of(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
