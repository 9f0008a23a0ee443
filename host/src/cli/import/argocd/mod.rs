//! What Argo CD is told to do: Applications, and ApplicationSets of directories and lists.

mod application;
mod helm;
mod project;
mod set;
mod sync;
mod template;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use serde_json::{Map, Value, json};

use super::flux::range_of;
use super::input::Input;
use super::left::{Left, Object, PASSWORD, without_password};
use super::tree::{Tree, rooted};
use super::wanted::{Import, Pattern};
use super::{Failure, Which};
use crate::manifest::Manifest;

const GROUP: &str = "argoproj.io";
/// How many Applications may be found by way of others.
const OBJECTS: usize = 20_000;

/// An Application, and the number of the pattern that it comes from.
#[derive(Clone)]
struct App {
    object: Object,
    pattern: Option<usize>,
}

#[derive(Default)]
struct Told {
    apps: BTreeMap<String, App>,
    projects: BTreeMap<String, Object>,
    patterns: Vec<Pattern>,
    left: Vec<Left>,
    seen: BTreeMap<String, Value>,
}

pub(super) fn import(input: &Input, tree: &Tree, which: &Which) -> Result<Import, Failure> {
    let mut told = Told {
        left: input.left.clone(),
        ..Told::default()
    };
    for manifest in &input.objects {
        told.take(manifest, tree, false);
    }
    told.follow(tree);
    if told.apps.is_empty() && told.left.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "there is neither an Application nor an ApplicationSet of Argo CD in what was given"
        )));
    }
    let (url, revision) = followed(&told, which)?;
    let mut import = Import {
        name: which.name.clone().unwrap_or_else(|| "platform".to_owned()),
        namespace: which
            .namespace
            .clone()
            .unwrap_or_else(|| "trimtab-system".to_owned()),
        patterns: std::mem::take(&mut told.patterns),
        left: std::mem::take(&mut told.left),
        ..Import::default()
    };
    let (written, taken) = without_password(&url);
    import.spec.insert("url".into(), written.into());
    if taken && let Some(app) = told.apps.values().next() {
        let next = "write a Secret: docs/git.md";
        let left = app.object.left("/spec/source/repoURL", PASSWORD, next);
        import.left.push(left);
    }
    match reference(&revision) {
        Some(reference) => drop(import.spec.insert("ref".into(), reference)),
        None => import.notes.push(
            "Argo CD follows HEAD, the server's default branch; the Repository follows main where spec.ref says nothing".into(),
        ),
    }
    import.notes.push(
        "Argo CD keeps credentials of repositories in Secrets of its own; a private one needs spec.secretRef (docs/git.md)".into(),
    );
    for app in told.apps.values() {
        let from = application::Followed {
            url: &url,
            revision: &revision,
        };
        let kit = application::wanted(&app.object, &from, tree, &told.projects, &mut import);
        if let Some(mut kit) = kit {
            kit.pattern = app.pattern;
            import.wanted.push(kit);
        } else if let Some(pattern) = app.pattern {
            let why = "one of its directories is no kit";
            import.patterns[pattern].fault.get_or_insert(why.to_owned());
        }
    }
    Ok(import)
}

impl Told {
    fn take(&mut self, manifest: &Manifest, tree: &Tree, found: bool) {
        if &*manifest.gvk().group != GROUP {
            return;
        }
        let object = Object::of(manifest);
        let label = object.label();
        let spec = object.value.get("spec").cloned().unwrap_or_default();
        if let Some(known) = self.seen.insert(label.clone(), spec.clone()) {
            if known != spec && !found {
                self.left.push(object.left(
                    "",
                    "it stands in what was given twice, and not the same; the first counts",
                    "import one cluster at a time, or give the live objects: kubectl get … -o yaml",
                ));
            }
            self.seen.insert(label, known);
            return;
        }
        match object.kind.as_str() {
            "Application" => {
                // What an ApplicationSet made comes from that one, if it was given.
                let pattern = None;
                self.apps.insert(label, App { object, pattern });
            }
            "ApplicationSet" => {
                let expanded = set::expanded(&object, tree, self.patterns.len());
                self.left.extend(expanded.left);
                self.patterns.extend(expanded.pattern);
                for app in expanded.apps {
                    // In the place of a live one of its own.
                    self.seen.insert(app.object.label(), Value::Null);
                    self.apps.insert(app.object.label(), app);
                }
            }
            "AppProject" => drop(self.projects.insert(object.name.clone(), object)),
            _ => {}
        }
    }

    /// Looks for more of them where Applications lead.
    fn follow(&mut self, tree: &Tree) {
        let mut done = BTreeSet::new();
        loop {
            let labels = self.apps.keys().filter(|it| !done.contains(*it));
            let ahead: Vec<String> = labels.cloned().collect();
            if ahead.is_empty() || self.seen.len() > OBJECTS {
                return;
            }
            for label in ahead {
                let path = self.apps[&label].object.text("/spec/source/path");
                let path = path.and_then(|it| rooted(".", it));
                done.insert(label);
                let Some(path) = path.filter(|it| tree.is_directory(it) && !tree.is_chart(it))
                else {
                    continue;
                };
                for manifest in &tree.built(&path).objects {
                    self.take(manifest, tree, true);
                }
            }
        }
    }
}

/// The repository and revision that most Applications are of, or the one that was asked for.
fn followed(told: &Told, which: &Which) -> Result<(String, String), Failure> {
    // By the name that all spellings of a URL share; the first spelling is the one that is written.
    let mut revisions: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut spelt: BTreeMap<String, String> = BTreeMap::new();
    for app in told.apps.values() {
        for source in application::sources(&app.object) {
            let of = |field: &str| app.object.text(&format!("{source}/{field}"));
            if let (Some(url), Some(_)) = (of("repoURL"), of("path")) {
                let revision = of("targetRevision").unwrap_or("HEAD");
                let same = application::same(url);
                spelt.entry(same.clone()).or_insert(url.to_owned());
                let of_url = revisions.entry(same).or_default();
                *of_url.entry(revision.to_owned()).or_default() += 1;
            }
        }
    }
    let shown = || {
        let names = spelt.values().map(|it| crate::source::masked(it));
        names.collect::<Vec<_>>().join(", ")
    };
    let wanted = which.source.as_deref().map(application::same);
    let same = match (wanted, spelt.len()) {
        (Some(wanted), _) => wanted,
        (None, 0) => {
            return Err(Failure::Usage(anyhow!(
                "no Application in what was given has a directory of a Git repository"
            )));
        }
        (None, 1) => spelt.keys().next().cloned().unwrap_or_default(),
        (None, _) => {
            return Err(Failure::Usage(anyhow!(
                "there are several repositories: {}. Say of which one the directory is a clone: --source URL",
                shown()
            )));
        }
    };
    let Some(url) = spelt.get(&same) else {
        return Err(Failure::Usage(anyhow!(
            "no Application is of that repository; there are {}",
            shown()
        )));
    };
    let most = revisions[&same].iter().max_by_key(|(_, count)| **count);
    let revision = most.map(|(revision, _)| revision.clone());
    Ok((url.clone(), revision.unwrap_or_default()))
}

/// `spec.ref` of the Repository.
fn reference(revision: &str) -> Option<Value> {
    let hex = |it: u8| it.is_ascii_hexdigit();
    if revision.is_empty() || revision == "HEAD" {
        return None;
    }
    if revision.len() == 40 && revision.bytes().all(hex) {
        return Some(json!({"commit": revision}));
    }
    if let Some(tag) = revision.strip_prefix("refs/tags/") {
        return Some(json!({"tag": tag}));
    }
    let branch = revision.strip_prefix("refs/heads/").unwrap_or(revision);
    let version = revision.strip_prefix('v').unwrap_or(revision);
    if semver::Version::parse(version).is_ok() {
        return Some(json!({"tag": revision}));
    }
    // A branch may begin with a number, and is no range for that.
    let range = revision.contains(['*', '^', '~', '>', '<', '=']);
    match range.then(|| range_of(revision)).flatten() {
        Some(range) => Some(json!({"semver": range})),
        None => Some(json!({"branch": branch})),
    }
}

/// Fields of a mapping as they are, those that are null left out.
fn fields(object: &Object, pointer: &str, names: &[&str]) -> Map<String, Value> {
    let map = object.map(pointer).into_iter().flatten();
    let said = map.filter(|(name, value)| names.contains(&name.as_str()) && !value.is_null());
    said.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
