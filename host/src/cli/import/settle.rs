//! Where each kit's directory is, and what is written there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::left::Left;
use super::tree::{Tree, is_within, join, relative};
use super::values;
use super::wanted::{Import, Wanted};
use crate::kit::{KIT_FILE, RepositorySpec, is_dns_label, validate};
use crate::manifest::write_yaml;

/// What an import comes to.
pub(super) struct Settled {
    pub repository: Value,
    /// Text by path, from the root.
    pub files: BTreeMap<String, String>,
    pub left: Vec<Left>,
    pub notes: Vec<String>,
}

/// `folder` is where directories are made for kits that cannot be where their files are.
pub(super) fn settle(mut import: Import, tree: &Tree, folder: &str) -> Settled {
    let places = places(&import.wanted, tree, folder);
    let mut left = std::mem::take(&mut import.left);
    let values = values::named(&mut import.wanted, &places);
    let mut files = BTreeMap::new();
    let mut rules: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for it in &import.wanted {
        let place = &places[&it.object.label()];
        let mut spec = it.spec.clone();
        let before = dependencies(it, &places, &mut left);
        if !before.is_empty() {
            spec.insert("dependsOn".into(), before.into());
        }
        if let Some(helm) = &it.helm {
            let mut helm = helm.clone();
            // The kit's own directory is its chart where nothing else is said.
            let own = format!("/{place}");
            if helm.get("chart").and_then(Value::as_str) == Some(own.as_str()) {
                helm.remove("chart");
            }
            let is_default = helm.get("release").and_then(Value::as_str) == Some(base_name(place));
            if is_default {
                helm.remove("release");
            }
            let is_own = it.directory.as_deref() == Some(place.as_str()) && tree.is_chart(place);
            if !(helm.is_empty() && is_own) {
                spec.insert("helm".into(), helm.into());
            }
        } else if it.directory.as_deref() != Some(place.as_str()) {
            overlay(it, place, tree, &mut spec, &mut files, &mut left);
        } else if !it.recursive && !tree.directories(place).is_empty() {
            // Only what is in the directory itself.
            let ignored = rules.entry(place.clone()).or_default();
            ignored.insert("ignore".into(), json!(["*/"]));
        }
        if !spec.is_empty() {
            let kit = json!({
                "apiVersion": "trimtab.io/v1alpha1", "kind": "Kit",
                "metadata": {"name": base_name(place)}, "spec": spec,
            });
            files.insert(join(place, KIT_FILE), write_yaml([&kit]));
        }
        let rule = rules.entry(place.clone()).or_default();
        for (field, value) in &it.rule {
            match (rule.get_mut(field), value) {
                (Some(Value::Array(own)), Value::Array(more)) => own.extend(more.iter().cloned()),
                _ => drop(rule.insert(field.clone(), value.clone())),
            }
        }
        rule.insert("path".into(), place.as_str().into());
    }
    let kits = patterns(&import, &places, rules, &mut left);
    let mut spec = import.spec;
    if !kits.is_empty() {
        spec.insert("kits".into(), kits.into());
    }
    if !values.is_empty() {
        spec.insert("values".into(), values.into());
    }
    let repository = json!({
        "apiVersion": "trimtab.io/v1alpha1", "kind": "Repository",
        "metadata": {"name": import.name, "namespace": import.namespace},
        "spec": spec,
    });
    left.extend(faults(&repository));
    left.sort();
    left.dedup();
    Settled {
        repository,
        files,
        left,
        notes: import.notes,
    }
}

/// A kit's directory by its object's label.
fn places(wanted: &[Wanted], tree: &Tree, folder: &str) -> BTreeMap<String, String> {
    let directories: Vec<&str> = wanted.iter().filter_map(stays).collect();
    let stands_alone = |path: &str| {
        let own = directories.iter().filter(|it| **it == path).count() == 1;
        let mut others = directories.iter().filter(|it| **it != path);
        own && !others.any(|it| is_within(it, path))
    };
    let mut taken = BTreeSet::new();
    let mut places = BTreeMap::new();
    for it in wanted {
        let path = stays(it).filter(|path| fits(path, it, tree) && stands_alone(path));
        if let Some(path) = path {
            taken.insert(path.to_owned());
            places.insert(it.object.label(), path.to_owned());
        }
    }
    for it in wanted {
        let label = it.object.label();
        if places.contains_key(&label) {
            continue;
        }
        let name = dns_label(&it.name);
        let longer = it.object.namespace.as_deref().map(dns_label);
        let longer = longer.map(|namespace| dns_label(&format!("{namespace}-{name}")));
        let numbered = (2..).map(|number| format!("{}-{number}", clipped(&name, 58)));
        let names = [Some(name.clone()), longer].into_iter().flatten();
        let mut paths = names.chain(numbered).map(|name| join(folder, &name));
        let free = paths.find(|path| taken.insert(path.clone()));
        places.insert(label, free.unwrap_or_else(|| join(folder, &name)));
    }
    places
}

/// The directory that a kit would like to be in.
fn stays(it: &Wanted) -> Option<&str> {
    let directory = it.directory.as_deref()?;
    (it.overlay.is_empty() || it.helm.is_some()).then_some(directory)
}

/// Whether a directory can be a kit as it is.
fn fits(path: &str, it: &Wanted, tree: &Tree) -> bool {
    let named = path != "." && path.split('/').all(is_dns_label);
    // A kit of plain files has no directories of Kustomize's in it.
    let is_plain = tree.kustomization(path).is_none() && it.helm.is_none();
    let plain = || {
        let resources = tree.resources(path);
        !it.recursive || !resources.iter().any(|it| tree.is_directory(it))
    };
    named && tree.is_real(path) && (!is_plain || plain())
}

fn dependencies(
    it: &Wanted,
    places: &BTreeMap<String, String>,
    left: &mut Vec<Left>,
) -> Vec<String> {
    let mut before = Vec::new();
    for (label, field) in &it.depends_on {
        match places.get(label) {
            Some(path) if !before.contains(path) => before.push(path.clone()),
            Some(_) => {}
            None => left.push(it.object.left(
                field,
                format!("it depends on {label}, which is no kit"),
                "name what has to be there first in the kit's dependsOn or dependsOnObjects",
            )),
        }
    }
    before
}

/// A kustomization over the kit's directory.
fn overlay(
    it: &Wanted,
    place: &str,
    tree: &Tree,
    spec: &mut Map<String, Value>,
    files: &mut BTreeMap<String, String>,
    left: &mut Vec<Left>,
) {
    let base = it.directory.as_deref().unwrap_or(".");
    let mut resources = vec![base.to_owned()];
    if tree.kustomization(base).is_none() {
        resources = tree.resources(base);
        if !it.recursive {
            resources.retain(|path| path.rsplit_once('/').map_or(".", |(above, _)| above) == base);
        }
        // What is named is YAML alone.
        let ignore = it.rule.get("ignore");
        if ignore.is_some_and(|it| *it != json!(["*.json"])) {
            left.push(it.object.left(
                "",
                format!(
                    "what is left out of {base} is named in {place}/kustomization.yaml all the same"
                ),
                "take it out there",
            ));
        }
        if resources.iter().any(|path| !tree.is_directory(path)) {
            spec.insert("kustomize".into(), json!({"loadRestrictions": "none"}));
        }
        left.push(it.object.left(
            "",
            format!("{base} has no kustomization: its files are named one by one in {place}/kustomization.yaml"),
            "name new files there, or give the directory a kustomization.yaml of its own",
        ));
    } else {
        left.extend(it.clashes(tree));
    }
    let named = resources.iter().map(|path| relative(place, path));
    let mut kustomization = it.overlay.clone();
    kustomization.insert("resources".into(), named.collect());
    kustomization.insert(
        "apiVersion".into(),
        "kustomize.config.k8s.io/v1beta1".into(),
    );
    kustomization.insert("kind".into(), "Kustomization".into());
    if let Some(Value::Array(components)) = kustomization.get_mut("components") {
        for component in components {
            if let Some(path) = component.as_str() {
                *component = relative(place, path).into();
            }
        }
    }
    let text = write_yaml([&Value::Object(kustomization)]);
    files.insert(join(place, "kustomization.yaml"), text);
}

/// The Repository's `kits`: one entry for the kits of a pattern, where all of them are where the
/// pattern has them.
fn patterns(
    import: &Import,
    places: &BTreeMap<String, String>,
    mut rules: BTreeMap<String, Map<String, Value>>,
    left: &mut Vec<Left>,
) -> Vec<Value> {
    let mut kits = Vec::new();
    for (index, pattern) in import.patterns.iter().enumerate() {
        let own = import.wanted.iter().filter(|it| it.pattern == Some(index));
        let own: Vec<&Wanted> = own.collect();
        let place = |it: &Wanted| places[&it.object.label()].clone();
        let moved = own
            .iter()
            .any(|it| it.directory.as_deref() != Some(&place(it)));
        let wider = own
            .iter()
            .any(|it| it.rule.contains_key("allowedNamespaces"));
        let fault = match (&pattern.fault, moved, wider) {
            (Some(fault), ..) => Some(fault.as_str()),
            (None, true, _) => Some("its kits cannot be where their files are"),
            (None, false, true) => Some("its kits have objects in namespaces of others"),
            (None, false, false) => None,
        };
        if let Some(fault) = fault {
            let next = "add each new directory to spec.kits of the Repository, or import again";
            left.push(pattern.object.left(
                "/spec/generators",
                format!("a new directory is no kit by itself: {fault}"),
                next,
            ));
            continue;
        }
        let written = own
            .iter()
            .any(|it| !it.spec.is_empty() || it.helm.is_some());
        if written {
            left.push(pattern.object.left(
                "/spec/template",
                "a new directory has no kit.yaml by itself",
                "write one as its neighbours have, where the kit is to be kept as they are",
            ));
        }
        let mut rule = pattern.rule.clone();
        if own.iter().any(|it| !it.rule.contains_key("clusterScoped")) {
            rule.remove("clusterScoped");
        }
        for it in own {
            if let Some(one) = rules.remove(&place(it))
                && let Some(ignore) = one.get("ignore")
            {
                rule.insert("ignore".into(), ignore.clone());
            }
        }
        kits.push(Value::Object(rule));
    }
    kits.extend(rules.into_values().map(Value::Object));
    kits.sort_by(|a, b| a["path"].as_str().cmp(&b["path"].as_str()));
    kits
}

/// What this version of the host says against the Repository.
fn faults(repository: &Value) -> Vec<Left> {
    let fault = |why: String, field: String| Left {
        origin: None,
        object: "the Repository that was made".into(),
        field,
        why,
        next: "change it in the manifest".into(),
    };
    match serde_json::from_value::<RepositorySpec>(repository["spec"].clone()) {
        Err(error) => vec![fault(error.to_string(), "/spec".into())],
        Ok(spec) => {
            let findings = validate(&spec).into_iter();
            let told = findings.map(|it| fault(it.message, it.field.unwrap_or_default()));
            told.collect()
        }
    }
}

fn base_name(path: &str) -> &str {
    match path.rsplit('/').next() {
        None | Some(".") => "root",
        Some(name) => name,
    }
}

/// A name that a directory of a kit can have.
pub(super) fn dns_label(text: &str) -> String {
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let lower = text.chars().map(|it| it.to_ascii_lowercase());
    let name: String = lower.map(|it| if fits(it) { it } else { '-' }).collect();
    let name = clipped(name.trim_matches('-'), 63);
    match name.is_empty() {
        true => "kit".to_owned(),
        false => name,
    }
}

/// All letters are ASCII.
fn clipped(name: &str, length: usize) -> String {
    let end = name.len().min(length);
    name[..end].trim_end_matches('-').to_owned()
}
