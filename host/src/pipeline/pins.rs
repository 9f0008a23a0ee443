//! Kits that a person holds at a revision of their own: they are evaluated as that revision has
//! them, together with the others, so that everything after hears of one platform.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::kit::{Discoverer, Discovery, KitPath, KitSource, RepositorySpec, Supplied};
use crate::manifest::Finding;
use crate::source::{Commit, Revision, Snapshot, SourceError};

/// What is evaluated.
pub struct Revisions<'s> {
    /// What is followed, or what the whole platform is held at.
    pub snapshot: &'s Snapshot,
    /// The newest, which has the guardrails that are wanted now.
    pub newest: &'s Snapshot,
    pub pins: &'s [Pin],
    /// The platform team's values of today: they do not go back with a kit.
    pub supplied: Supplied,
}

impl<'s> Revisions<'s> {
    /// One revision, of which nothing is held back.
    pub fn only(snapshot: &'s Snapshot) -> Self {
        Self {
            snapshot,
            newest: snapshot,
            pins: &[],
            supplied: Supplied::default(),
        }
    }
}

/// A kit that is held, and the files of the revision that it is held at.
pub struct Pin {
    pub kit: KitPath,
    /// The revision as the person named it.
    pub asked: String,
    pub at: Result<Snapshot, SourceError>,
}

/// The revision of a kit that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    pub asked: String,
    /// `None` if there is no such revision, which a finding tells.
    pub commit: Option<Arc<Commit>>,
}

/// Finds held kits, and remembers what it read of their revisions.
#[derive(Default)]
pub(super) struct PinnedKits {
    discoverers: HashMap<Revision, Discoverer>,
}

/// The kits that are evaluated, and which of them are held.
#[derive(Default)]
pub(super) struct Held {
    pub pinned: BTreeMap<KitPath, Pinned>,
    /// The files of those whose revision has them.
    pub files: BTreeMap<KitPath, Snapshot>,
}

impl Held {
    pub(super) fn files<'s>(&'s self, kit: &KitPath, else_in: &'s Snapshot) -> &'s Snapshot {
        self.files.get(kit).unwrap_or(else_in)
    }

    pub(super) fn holds(&self, kit: &KitPath) -> bool {
        self.pinned.contains_key(kit)
    }

    /// Whether it is held at a revision that does not have it.
    pub(super) fn is_nowhere(&self, kit: &KitPath) -> bool {
        self.pinned.contains_key(kit) && !self.files.contains_key(kit)
    }
}

impl PinnedKits {
    /// Puts held kits in the place of those that the revision has, or beside them.
    pub(super) fn hold(
        &mut self,
        revisions: &Revisions<'_>,
        spec: &RepositorySpec,
        discovery: &mut Discovery,
    ) -> Held {
        let mut held = Held::default();
        let mut found: HashMap<Revision, Result<Discovery, SourceError>> = HashMap::new();
        for pin in revisions.pins {
            let commit = pin.at.as_ref().ok().and_then(Snapshot::commit);
            let kit = match &pin.at {
                Err(error) => Err(error.to_string()),
                Ok(snapshot) => {
                    let revision = snapshot.revision();
                    let all = found.entry(revision.clone()).or_insert_with(|| {
                        let discoverer = self.discoverers.entry(revision).or_default();
                        discoverer.discover_earlier(
                            snapshot,
                            Some(revisions.newest),
                            (spec, &revisions.supplied),
                        )
                    });
                    of(all, &pin.kit)
                }
            };
            let pinned = Pinned {
                asked: pin.asked.clone(),
                commit: commit.cloned().map(Arc::new),
            };
            let kit = match (kit, &pin.at) {
                (Ok(kit), Ok(snapshot)) => {
                    held.files.insert(pin.kit.clone(), snapshot.clone());
                    kit
                }
                (kit, _) => {
                    let reason = kit.err().unwrap_or_default();
                    Arc::new(nowhere(pin, discovery, &reason, spec))
                }
            };
            held.pinned.insert(pin.kit.clone(), pinned);
            put(discovery, kit);
        }
        self.discoverers
            .retain(|revision, _| found.contains_key(revision));
        for path in held.pinned.keys() {
            untangle(discovery, path);
        }
        held
    }
}

fn of(all: &Result<Discovery, SourceError>, path: &KitPath) -> Result<Arc<KitSource>, String> {
    let all = all.as_ref().map_err(ToString::to_string)?;
    let found = all.kit(path).cloned();
    found.ok_or_else(|| "that revision does not have the kit".into())
}

/// A kit that is held at a revision which does not have it: it says so, and what is live stays.
fn nowhere(pin: &Pin, discovery: &Discovery, reason: &str, spec: &RepositorySpec) -> KitSource {
    let message = format!("cannot be held at {}: {reason}", pin.asked);
    let finding = Finding::host_error("pin", message)
        .hint("name a revision that `trimtab history` shows for the kit, or `trimtab resume` it");
    let mut kit = match discovery.kit(&pin.kit) {
        // What is live stays under the grants of the kit that is there now.
        Some(now) => KitSource {
            plugins: discovery.guardrails.clone(),
            depends_on: Vec::new(),
            findings: Vec::new(),
            ..(**now).clone()
        },
        None => KitSource::left_out(&pin.kit, spec),
    };
    kit.hold(&finding);
    kit.findings.push(finding);
    kit
}

fn put(discovery: &mut Discovery, kit: Arc<KitSource>) {
    match discovery.place(&kit.path) {
        Ok(found) => discovery.kits[found] = kit,
        Err(place) => discovery.kits.insert(place, kit),
    }
}

/// A kit of another time may name kits that are no more, or that depend on it now. It is not to
/// wait for them.
fn untangle(discovery: &mut Discovery, path: &KitPath) {
    let Ok(found) = discovery.place(path) else {
        return;
    };
    let kit = &discovery.kits[found];
    let kept: Vec<KitPath> = kit
        .depends_on
        .iter()
        .filter(|on| !leads_to(discovery, on, path))
        .cloned()
        .collect();
    if kept.len() < kit.depends_on.len() {
        let mut kit = (**kit).clone();
        kit.depends_on = kept;
        discovery.kits[found] = Arc::new(kit);
    }
}

/// Whether a kit is not there, or depends on another one.
fn leads_to(discovery: &Discovery, from: &KitPath, to: &KitPath) -> bool {
    let mut ahead = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(here) = ahead.pop() {
        if here == to {
            return true;
        }
        if seen.insert(here) {
            let kit = discovery.kit(here);
            ahead.extend(kit.into_iter().flat_map(|kit| &kit.depends_on));
        }
    }
    discovery.kit(from).is_none()
}
