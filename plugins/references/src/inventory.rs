//! What exists, by its key: each question is one look-up.

use std::collections::{BTreeMap, BTreeSet};

use trimtab_plugin::{Object, Scope, scope};

use crate::made;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<'k> {
    pub group: &'k str,
    pub kind: &'k str,
    pub namespace: &'k str,
    pub name: &'k str,
}

impl<'k> Key<'k> {
    /// Of the core group.
    pub fn core(kind: &'k str, namespace: &'k str, name: &'k str) -> Self {
        Self {
            group: "",
            kind,
            namespace,
            name,
        }
    }
}

/// An object that exists, or that a controller makes of one.
pub struct Thing<'o> {
    pub object: &'o Object,
    /// Entries of a ConfigMap or Secret; none if nobody can tell.
    pub entries: Option<BTreeSet<&'o str>>,
}

pub struct Inventory<'o> {
    things: Vec<Thing<'o>>,
    /// Indices of things.
    by_key: BTreeMap<Key<'o>, usize>,
    /// Namespaces by group, kind and name.
    elsewhere: BTreeMap<(&'o str, &'o str, &'o str), BTreeSet<&'o str>>,
    /// Kind and name of what is made in every namespace.
    everywhere: BTreeSet<(&'o str, &'o str)>,
    /// Namespaces that the objects of a kit are in.
    homes: BTreeMap<&'o str, BTreeSet<&'o str>>,
    /// Hosts of ServiceEntries.
    pub hosts: BTreeSet<&'o str>,
    /// ReferenceGrants by namespace.
    pub grants: BTreeMap<&'o str, Vec<&'o Object>>,
}

impl<'o> Inventory<'o> {
    pub fn of(objects: &'o [Object]) -> Self {
        let mut inventory = Self {
            things: Vec::new(),
            by_key: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            everywhere: BTreeSet::new(),
            homes: BTreeMap::new(),
            hosts: BTreeSet::new(),
            grants: BTreeMap::new(),
        };
        for object in objects.iter().filter(|it| !it.namespace().is_empty()) {
            let homes = inventory.homes.entry(&object.kit).or_default();
            homes.insert(object.namespace());
        }
        for object in objects {
            inventory.take(object);
        }
        inventory
    }

    fn take(&mut self, object: &'o Object) {
        for namespace in self.namespaces(object) {
            let key = Key {
                group: object.group(),
                kind: object.kind(),
                namespace,
                name: object.name(),
            };
            let entries = made::entries(object);
            self.insert(key, object, entries);
            for made in made::by_controllers(object) {
                let key = Key::core(made.kind, namespace, made.name);
                self.insert(key, object, made.entries);
            }
            if object.is_kind("ReferenceGrant.gateway.networking.k8s.io") {
                self.grants.entry(namespace).or_default().push(object);
            }
        }
        self.everywhere.extend(made::everywhere(object));
        if object.is_kind("ServiceEntry.networking.istio.io") {
            let hosts = object.at("/spec/hosts").as_array().into_iter().flatten();
            self.hosts.extend(hosts.filter_map(|it| it.as_str()));
        }
    }

    fn insert(&mut self, key: Key<'o>, object: &'o Object, entries: Option<BTreeSet<&'o str>>) {
        let elsewhere = self.elsewhere.entry((key.group, key.kind, key.name));
        elsewhere.or_default().insert(key.namespace);
        self.by_key.entry(key).or_insert_with(|| {
            self.things.push(Thing { object, entries });
            self.things.len() - 1
        });
    }

    /// The namespaces that an object may be in. The host fills in those of kinds that it knows; a
    /// custom resource without one is in any that its kit has.
    pub fn namespaces(&self, object: &'o Object) -> Vec<&'o str> {
        let cluster = scope(object.group(), object.kind()) == Some(Scope::Cluster);
        match self.homes.get(&*object.kit) {
            Some(homes) if object.namespace().is_empty() && !cluster => {
                homes.iter().copied().collect()
            }
            _ => vec![object.namespace()],
        }
    }

    /// The one namespace that it is in, if that can be told.
    pub fn home(&self, object: &'o Object) -> Option<&'o str> {
        match self.namespaces(object)[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    pub fn get(&self, key: &Key<'_>) -> Option<&Thing<'o>> {
        self.by_key.get(key).map(|index| &self.things[*index])
    }

    pub fn is_everywhere(&self, key: &Key<'_>) -> bool {
        key.group.is_empty() && self.everywhere.contains(&(key.kind, key.name))
    }

    /// Names of the same kind in the same namespace.
    pub fn names_like<'i>(
        &'i self,
        like: &Key<'i>,
    ) -> impl Iterator<Item = (&'i str, &'o Object)> + use<'i, 'o> {
        let like = *like;
        let by_key: &'i BTreeMap<Key<'i>, usize> = &self.by_key;
        by_key
            .range(Key { name: "", ..like }..)
            .take_while(move |(key, _)| {
                (key.group, key.kind, key.namespace) == (like.group, like.kind, like.namespace)
            })
            .map(|(key, index)| (key.name, self.things[*index].object))
    }

    /// Another namespace that has such an object.
    pub fn elsewhere(&self, key: &Key<'_>) -> Option<&'o str> {
        let found = self.elsewhere.get(&(key.group, key.kind, key.name))?;
        found.iter().find(|it| **it != key.namespace).copied()
    }
}
