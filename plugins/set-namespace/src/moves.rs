//! Which objects go, and from where.

use std::collections::{BTreeMap, BTreeSet};

use trimtab_plugin::{Exemption, Level, Object, Report, Scope, scope};

use crate::Settings;

pub struct Moves<'t> {
    pub target: &'t str,
    /// Indices of the objects that go.
    going: BTreeSet<usize>,
    /// Kind, namespace and name of what goes, as it was.
    gone: BTreeSet<(String, String, String)>,
    /// Namespaces that no object of the kit is in any more.
    left: BTreeSet<String>,
}

impl<'t> Moves<'t> {
    pub fn plan(
        settings: &Settings,
        target: &'t str,
        objects: &[Object],
        report: &mut Report,
    ) -> Self {
        let mut moves = Self {
            target,
            going: BTreeSet::new(),
            gone: BTreeSet::new(),
            left: BTreeSet::new(),
        };
        let defined = defined(objects);
        let mut candidates = Vec::new();
        // What is there first is what stays.
        let mut taken: BTreeMap<(&str, &str, &str), &Object> = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for (index, object) in objects.iter().enumerate() {
            if in_no_namespace(settings, &defined, object, report) {
                continue;
            }
            let exempt = Exemption::any(&settings.exempt, "", object, None);
            if exempt || object.namespace() == target {
                kept.insert(object.namespace());
                if object.namespace() == target {
                    taken.insert((object.group(), object.kind(), object.name()), object);
                }
                continue;
            }
            candidates.push((index, object));
        }
        for (index, object) in candidates {
            let key = (object.group(), object.kind(), object.name());
            if let Some(other) = taken.get(&key) {
                let message = format!(
                    "{} {} would be a second one in {target}; the first is of {}. It stays in {}: name one of them otherwise, or leave it alone by `exempt`",
                    object.kind(),
                    object.name(),
                    other.origin(),
                    object.namespace()
                );
                let level = settings.levels.of("collision", Level::Error);
                report.tell(level, "collision", message, object, "/metadata/name");
                kept.insert(object.namespace());
                continue;
            }
            taken.insert(key, object);
            moves.going.insert(index);
            let [kind, namespace, name] =
                [object.kind(), object.namespace(), object.name()].map(str::to_owned);
            moves.left.insert(namespace.clone());
            moves.gone.insert((kind, namespace, name));
        }
        moves
            .left
            .retain(|namespace| !namespace.is_empty() && !kept.contains(namespace.as_str()));
        moves
    }

    pub fn goes(&self, index: usize) -> bool {
        self.going.contains(&index)
    }

    /// Whether an object was there, and went.
    pub fn went(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let key = [kind, namespace, name].map(str::to_owned);
        let [kind, namespace, name] = key;
        self.gone.contains(&(kind, namespace, name))
    }

    /// Whether all that the kit had in a namespace went.
    pub fn is_left(&self, namespace: &str) -> bool {
        self.left.contains(namespace)
    }
}

/// Scopes of the kinds that the kit itself defines.
fn defined(objects: &[Object]) -> BTreeMap<(&str, &str), bool> {
    let definitions = objects
        .iter()
        .filter(|it| it.is_kind("CustomResourceDefinition.apiextensions.k8s.io"));
    let scope = |it: &&Object| it.at("/spec/scope") == "Cluster";
    definitions
        .filter_map(|it| {
            let group = it.at("/spec/group").as_str()?;
            let kind = it.at("/spec/names/kind").as_str()?;
            Some(((group, kind), scope(&it)))
        })
        .collect()
}

fn in_no_namespace(
    settings: &Settings,
    defined: &BTreeMap<(&str, &str), bool>,
    object: &Object,
    report: &mut Report,
) -> bool {
    let (group, kind) = (object.group(), object.kind());
    if settings
        .cluster_scoped_kinds
        .iter()
        .any(|it| object.is_kind(it))
    {
        return true;
    }
    if let Some(cluster) = defined.get(&(group, kind)) {
        return *cluster;
    }
    match scope(group, kind) {
        Some(scope) => scope == Scope::Cluster,
        None => {
            if object.namespace().is_empty() {
                let message = format!(
                    "nobody can tell whether {kind} of {group} is in a namespace; it is put into one: if it is in none, name {kind}.{group} in settings.clusterScopedKinds"
                );
                let level = settings.levels.of("scope", Level::Info);
                report.tell(level, "scope", message, object, "/kind");
            }
            false
        }
    }
}
