//! The kinds that are built into Kubernetes, by release. A schema is parsed when it is first asked
//! for: a call that sees one Service parses five of many hundreds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::schema::Schema;

include!(concat!(env!("OUT_DIR"), "/kubernetes.rs"));

/// A minor release of Kubernetes.
pub struct Release {
    pub minor: u32,
    /// Names and indices of bodies, ordered by name.
    definitions: &'static [(&'static str, usize)],
    kinds: &'static [Kind],
}

/// A kind that can be created on its own.
#[derive(Debug)]
pub struct Kind {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub definition: &'static str,
    /// Whether it can be applied; a review is answered and forgotten.
    pub kept: bool,
}

/// What an object's metadata has, whatever its kind.
pub const OBJECT_META: &str = "meta.v1.ObjectMeta";

impl Release {
    /// The release itself, or the nearest that is known.
    pub fn nearest(minor: u32) -> &'static Self {
        RELEASES
            .iter()
            .min_by_key(|it| it.minor.abs_diff(minor))
            .expect("built without the schemas of Kubernetes: run `cargo xtask schemas`")
    }

    pub fn newest() -> &'static Self {
        Self::nearest(u32::MAX)
    }

    pub fn oldest() -> &'static Self {
        Self::nearest(0)
    }

    pub fn kind(&self, api_version: &str, kind: &str) -> Option<&'static Kind> {
        self.kinds
            .iter()
            .find(|it| it.api_version == api_version && it.kind == kind)
    }

    /// API versions of this release that have a kind of this name and group.
    pub fn versions<'k>(
        &self,
        group: &'k str,
        kind: &'k str,
    ) -> impl Iterator<Item = &'static str> {
        let of_group = move |it: &&Kind| group_of(it.api_version) == group && it.kind == kind;
        self.kinds.iter().filter(of_group).map(|it| it.api_version)
    }

    /// Whether the group is one of Kubernetes' own, in some release.
    pub fn is_builtin_group(group: &str) -> bool {
        let mut kinds = RELEASES.iter().flat_map(|it| it.kinds);
        kinds.any(|it| group_of(it.api_version) == group)
    }

    /// The first known release that has it.
    pub fn first_with(api_version: &str, kind: &str) -> Option<&'static Self> {
        RELEASES
            .iter()
            .find(|it| it.kind(api_version, kind).is_some())
    }

    /// Names of kinds of all groups, with their API versions.
    pub fn kinds(&self) -> &'static [Kind] {
        self.kinds
    }
}

/// The API group of an apiVersion; empty for the core group.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// Parsed schemas of one release.
pub struct Definitions {
    pub release: &'static Release,
    parsed: RefCell<HashMap<&'static str, Rc<Schema>>>,
}

impl Definitions {
    pub fn new(release: &'static Release) -> Self {
        Self {
            release,
            parsed: RefCell::default(),
        }
    }

    pub fn get(&self, name: &str) -> Option<Rc<Schema>> {
        if let Some(schema) = self.parsed.borrow().get(name) {
            return Some(schema.clone());
        }
        let definitions = self.release.definitions;
        let at = definitions
            .binary_search_by(|(known, _)| (*known).cmp(name))
            .ok()?;
        let (name, body) = definitions[at];
        let schema =
            serde_json::from_str(BODIES[body]).expect("cargo xtask schemas wrote a schema");
        let schema = Rc::new(schema);
        self.parsed.borrow_mut().insert(name, Rc::clone(&schema));
        Some(schema)
    }
}
