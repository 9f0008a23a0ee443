//! The clone that kit.yaml files are written for, as its files are now. No link leads out of it.

use std::cell::Cell;
use std::path::Path;

use serde_json::Value;

use crate::kit::{CHART_FILE, KUSTOMIZATION_FILES};
use crate::manifest::{Limits, Manifest, read, read_value};
use crate::source::{EntryKind, Snapshot, SourceError};

/// Directories deeper than this, and kustomizations that name others further, are a cycle.
const DEPTH: usize = 32;
/// Files that are looked at in all.
const FILES: usize = 50_000;
/// Their bytes.
const BYTES: usize = 128 << 20;

pub(super) struct Tree {
    snapshot: Snapshot,
    files: Cell<usize>,
    bytes: Cell<usize>,
}

/// What Flux, Argo CD or Kustomize reads of a directory.
#[derive(Default)]
pub(super) struct Built {
    pub objects: Vec<Manifest>,
    /// Objects are not applied as the files have them: something patches them.
    pub altered: bool,
    /// What the outermost kustomization puts objects into.
    pub namespace: Option<String>,
    /// A kustomization names single files from outside of its own directory.
    pub outside: bool,
    /// There was more than may be looked at, or something that could not be read.
    pub partial: bool,
}

impl Tree {
    pub(super) fn of(root: &Path) -> Result<Self, SourceError> {
        let snapshot = Snapshot::of_directory(root)?;
        Ok(Self::new(snapshot))
    }

    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            files: Cell::new(0),
            bytes: Cell::new(0),
        }
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.snapshot.list(path).is_ok()
    }

    /// Whether the directory is there, and no link is on the way to it.
    pub(super) fn is_real(&self, path: &str) -> bool {
        let real = self.snapshot.resolve(path);
        real.is_ok_and(|(real, entry)| {
            entry.kind == EntryKind::Directory && (real == path || path == ".")
        })
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.snapshot.resolve(path).is_ok()
    }

    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.set(self.files.get() + 1);
        let left = BYTES.saturating_sub(self.bytes.get());
        if self.files.get() > FILES {
            return None;
        }
        let bytes = self.snapshot.read(path, left.min(Limits::default().bytes));
        let bytes = bytes.ok()?;
        self.bytes.set(self.bytes.get() + bytes.len());
        Some(bytes)
    }

    pub(super) fn value(&self, path: &str) -> Option<Value> {
        read_value(path, &self.read(path)?, &Limits::default()).ok()
    }

    pub(super) fn is_chart(&self, directory: &str) -> bool {
        self.has(&join(directory, CHART_FILE))
    }

    /// The kustomization of a directory, which may be one that cannot be read.
    pub(super) fn kustomization(&self, directory: &str) -> Option<Value> {
        let mut names = KUSTOMIZATION_FILES.iter();
        let found = names.find(|name| self.has(&join(directory, name)))?;
        Some(self.value(&join(directory, found)).unwrap_or_default())
    }

    /// Names of directories in a directory, those of tools (`.github`) left out.
    pub(super) fn directories(&self, path: &str) -> Vec<String> {
        let entries = self.snapshot.list(path).unwrap_or_default().into_iter();
        let entries =
            entries.filter(|it| it.kind == EntryKind::Directory && !it.name.starts_with('.'));
        entries.map(|it| it.name).collect()
    }

    /// What a kustomization of a directory that has none would name: its files, and directories
    /// that have one. From the root.
    pub(super) fn resources(&self, directory: &str) -> Vec<String> {
        let mut found = Vec::new();
        self.gather(directory, 0, &mut found);
        found
    }

    fn gather(&self, directory: &str, depth: usize, found: &mut Vec<String>) {
        if depth > DEPTH || found.len() > FILES {
            return;
        }
        for entry in self.snapshot.list(directory).unwrap_or_default() {
            if entry.name.starts_with('.') {
                continue;
            }
            let path = join(directory, &entry.name);
            match entry.kind {
                EntryKind::Directory if self.kustomization(&path).is_some() => found.push(path),
                EntryKind::Directory => self.gather(&path, depth + 1, found),
                EntryKind::File if is_yaml(&entry.name) && entry.name != "kit.yaml" => {
                    found.push(path);
                }
                _ => {}
            }
        }
    }

    /// The objects of a directory. Bases are followed, patches are not.
    pub(super) fn built(&self, directory: &str) -> Built {
        let mut built = Built::default();
        self.build(directory, 0, &mut built);
        built.partial |= self.files.get() > FILES;
        built
    }

    fn build(&self, path: &str, depth: usize, built: &mut Built) {
        if depth > DEPTH {
            built.partial = true;
            return;
        }
        if !self.is_directory(path) {
            let bytes = self.read(path);
            let objects = bytes.and_then(|it| read(path, &it, &Limits::default()).ok());
            match objects {
                Some(objects) => built.objects.extend(objects),
                None => built.partial = true,
            }
            return;
        }
        let Some(kustomization) = self.kustomization(path) else {
            for below in self.resources(path) {
                self.build(&below, depth + 1, built);
            }
            return;
        };
        let altering = [
            "patches",
            "patchesStrategicMerge",
            "patchesJson6902",
            "components",
            "replacements",
            "transformers",
            "namePrefix",
            "nameSuffix",
            "vars",
        ];
        built.altered |= altering.iter().any(|it| says(&kustomization[it]));
        if let Some(namespace) = kustomization["namespace"].as_str() {
            built.namespace.get_or_insert(namespace.to_owned());
        }
        built.outside |= self.names_outside(path, &kustomization);
        for field in ["resources", "bases", "components"] {
            for named in kustomization[field].as_array().into_iter().flatten() {
                let below = named.as_str().and_then(|named| rooted(path, named));
                match below.filter(|it| self.has(it)) {
                    Some(below) => self.build(&below, depth + 1, built),
                    None => built.partial = true,
                }
            }
        }
    }
}

impl Tree {
    /// Whether there is a file in a text of a kustomization, `name=path` in generators.
    fn names_outside(&self, directory: &str, value: &Value) -> bool {
        match value {
            Value::String(text) => {
                let path = text.split_once('=').map_or(text.as_str(), |it| it.1);
                let path = path.contains("../").then(|| rooted(directory, path));
                path.flatten().is_some_and(|it| {
                    !is_within(&it, directory) && self.has(&it) && !self.is_directory(&it)
                })
            }
            Value::Array(items) => items.iter().any(|it| self.names_outside(directory, it)),
            Value::Object(map) => map.values().any(|it| self.names_outside(directory, it)),
            _ => false,
        }
    }

    /// Whether there is JSON among the files of a directory that has no kustomization.
    pub(super) fn has_json(&self, directory: &str) -> bool {
        let entries = self.snapshot.list(directory).unwrap_or_default();
        entries
            .iter()
            .filter(|it| !it.name.starts_with('.'))
            .any(|it| {
                let below = join(directory, &it.name);
                let deeper = directory.split('/').count() < DEPTH;
                match it.kind {
                    EntryKind::Directory => deeper && self.has_json(&below),
                    _ => it.name.ends_with(".json"),
                }
            })
    }
}

fn says(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

pub(super) fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

pub(super) fn join(directory: &str, name: &str) -> String {
    match directory {
        "." | "" => name.to_owned(),
        directory => format!("{directory}/{name}"),
    }
}

/// A path that is named in a directory, from the repository's root, `.` for the root itself; `None`
/// if it leads out.
pub(super) fn rooted(directory: &str, path: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in directory.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(match names.is_empty() {
        true => ".".to_owned(),
        false => names.join("/"),
    })
}

/// How a path is named from a directory, both from the root.
pub(super) fn relative(directory: &str, path: &str) -> String {
    let split = |path: &'_ str| -> Vec<String> {
        let names = path.split('/').filter(|it| !matches!(*it, "" | "."));
        names.map(str::to_owned).collect()
    };
    let (from, to) = (split(directory), split(path));
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[same..].iter().map(|_| "..".to_owned());
    let names: Vec<String> = up.chain(to[same..].iter().cloned()).collect();
    match names.is_empty() {
        true => ".".to_owned(),
        false => names.join("/"),
    }
}

/// Whether a path is a directory's own, or below it.
pub(super) fn is_within(path: &str, directory: &str) -> bool {
    let below = || path.strip_prefix(directory)?.strip_prefix('/');
    directory == "." || path == directory || below().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_named_from_the_root_and_from_a_directory_and_never_lead_out() {
        for (directory, path, wanted) in [
            (".", "./apps/production", Some("apps/production")),
            (".", "./", Some(".")),
            ("apps/production", "../base", Some("apps/base")),
            ("apps", "../../etc", None),
        ] {
            assert_eq!(rooted(directory, path).as_deref(), wanted, "{path}");
        }
        assert_eq!(relative("kits/apps", "apps/base"), "../../apps/base");
        assert_eq!(relative("kits/apps", "kits/b"), "../b");
        assert_eq!(relative("kits/apps", "."), "../..");
        assert!(is_within("apps/a", "apps") && is_within("apps", "."));
        assert!(!is_within("apps2", "apps"));
    }
}
