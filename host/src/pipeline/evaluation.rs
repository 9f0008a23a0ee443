//! All kits of a revision through the pipeline, at the cost of what changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::kit::{
    Discoverer, InputDigest, KitPath, KitSource, PluginUse, RepositorySpec, Sources, Supplied,
};
use crate::manifest::{Finding, GroupKind, ObjectKey, Scope, Scopes};
use crate::render::Sights;
use crate::source::{Revision, Snapshot, SourceError};

use super::as_read::{as_read, is_stale};
use super::pins::{Held, Pinned, PinnedKits, Revisions};
use super::plugins::UserId;
use super::referential::{Candidate, cross_check};
use super::{Guardrails, PluginStore, Rendered, render_kit};

/// What the pipeline says of one kit.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub kit: Arc<KitSource>,
    pub rendered: Arc<Rendered>,
    /// Of the rules over several kits.
    pub cross: Vec<Finding>,
    /// Of the rules over what changes against the live revision.
    pub changes: Vec<Finding>,
    /// Whether it has such rules.
    pub compared: bool,
    /// The revision that was live when they were asked.
    pub changed_from: Option<Revision>,
    /// The revision that a person holds it at, in place of the one that was evaluated.
    pub pinned: Option<Pinned>,
    /// Whether it had to be rendered: its inputs are not those of the evaluation before.
    pub looked_at: bool,
}

impl Verdict {
    /// Of a kit that the revision does not have.
    pub fn nothing_of(kit: KitSource) -> Self {
        Self {
            kit: Arc::new(kit),
            rendered: Arc::new(Rendered::empty()),
            cross: Vec::new(),
            changes: Vec::new(),
            compared: false,
            changed_from: None,
            pinned: None,
            looked_at: false,
        }
    }

    /// All findings, the kit's own first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.kit
            .findings
            .iter()
            .chain(&self.rendered.findings)
            .chain(&self.cross)
            .chain(&self.changes)
    }

    pub fn has_errors(&self) -> bool {
        self.findings().any(Finding::is_error)
    }

    /// Whether it has this object. Where a file says no namespace and the scope of its kind is not
    /// known yet, the kit's own is meant.
    pub fn has(&self, key: &ObjectKey) -> bool {
        let own = self.kit.grants.namespace.as_deref();
        self.rendered.manifests.iter().any(|manifest| {
            // Compared field by field: a key costs more to make.
            manifest.object["metadata"]["name"].as_str() == Some(&key.name) && {
                let found = manifest.key();
                found.group_kind == key.group_kind
                    && (found.namespace == key.namespace
                        || found.namespace.is_none() && own == key.namespace.as_deref())
            }
        })
    }
}

/// What the pipeline says of a revision: a function of the commit and the Repository's spec.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Sorted by path.
    pub verdicts: Vec<Verdict>,
    /// Of the repository rather than of one kit.
    pub findings: Vec<Finding>,
    /// Kinds that CRDs of this revision define.
    pub defined: BTreeMap<GroupKind, (Scope, KitPath)>,
    pub looked_at: usize,
    /// Of the platform team, for what comes past the repository.
    pub guardrails: Arc<Guardrails>,
    /// The platform team's values that it was made with.
    pub supplied: Supplied,
}

impl Evaluation {
    pub fn verdict(&self, kit: &KitPath) -> Option<&Verdict> {
        let found = self
            .verdicts
            .binary_search_by(|verdict| verdict.kit.path.cmp(kit));
        Some(&self.verdicts[found.ok()?])
    }
}

/// Evaluates one repository's revisions, and remembers what it need not do again.
pub struct Evaluator {
    pub(super) plugins: Arc<PluginStore>,
    user: UserId,
    discoverer: Discoverer,
    pub(super) known: HashMap<KitPath, Known>,
    workers: NonZeroUsize,
    /// Finds kits in the revisions that are live.
    pub(super) live: Discoverer,
    held: PinnedKits,
}

/// What was made of a kit's inputs.
pub(super) struct Known {
    inputs: InputDigest,
    /// Rendered knowing only the built-in kinds.
    plain: Arc<Rendered>,
    /// Kinds of CRDs in the revision that the kit has objects of.
    custom: BTreeMap<GroupKind, Scope>,
    /// Rendered knowing these too.
    settled: Arc<Rendered>,
    /// What the rules over changes said, for a live revision and a rendering.
    pub changes: Option<(Revision, Arc<Rendered>, Vec<Finding>)>,
}

/// The evaluation was given up, because a newer revision is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded;

impl Evaluator {
    /// `workers`: threads that render at once.
    pub fn new(plugins: Arc<PluginStore>, workers: NonZeroUsize) -> Self {
        Self {
            user: plugins.join(),
            plugins,
            discoverer: Discoverer::default(),
            known: HashMap::new(),
            workers,
            live: Discoverer::default(),
            held: PinnedKits::default(),
        }
    }

    /// One revision of which nothing is held back. Blocking. `superseded` is looked at between kits. Errors if the snapshot's store is damaged.
    pub fn evaluate(
        &mut self,
        snapshot: &Snapshot,
        spec: &RepositorySpec,
        superseded: &AtomicBool,
    ) -> Result<Result<Evaluation, Superseded>, SourceError> {
        self.evaluate_all(&Revisions::only(snapshot), spec, superseded)
    }

    /// A revision, with the kits that are held at others. Blocking. `superseded` is looked at
    /// between kits. Errors if the snapshot's store is damaged.
    pub fn evaluate_all(
        &mut self,
        revisions: &Revisions<'_>,
        spec: &RepositorySpec,
        superseded: &AtomicBool,
    ) -> Result<Result<Evaluation, Superseded>, SourceError> {
        let evaluated = self.evaluate_intact(revisions, spec, superseded);
        let pins = revisions.pins.iter().filter_map(|pin| pin.at.as_ref().ok());
        let all = [revisions.snapshot, revisions.newest];
        let Some(damage) = pins.chain(all).find_map(Snapshot::damage) else {
            return evaluated;
        };
        // Findings that tell of the mirror say nothing of the revision.
        self.known.clear();
        self.discoverer = Discoverer::default();
        Err(damage.clone())
    }

    fn evaluate_intact(
        &mut self,
        revisions: &Revisions<'_>,
        spec: &RepositorySpec,
        superseded: &AtomicBool,
    ) -> Result<Result<Evaluation, Superseded>, SourceError> {
        let snapshot = revisions.snapshot;
        let (newest, settings) = (Some(revisions.newest), (spec, &revisions.supplied));
        let mut discovery = self
            .discoverer
            .discover_earlier(snapshot, newest, settings)?;
        let held = self.held.hold(revisions, spec, &mut discovery);
        let sources = Arc::new(Sources::of(spec));
        let mut sights = Sights::new(snapshot, &sources, self.plugins.elsewhere());
        let changed: Vec<Arc<KitSource>> = discovery
            .kits
            .iter()
            .filter(|kit| {
                let own = held.files.get(&kit.path);
                self.known.get(&kit.path).is_none_or(|known| {
                    known.inputs != kit.inputs || is_stale(&known.plain, own, &mut sights)
                })
            })
            .cloned()
            .collect();
        let jobs = changed.iter().map(|kit| (kit.clone(), BTreeMap::new()));
        let first = self.render((snapshot, &held), jobs, superseded);
        for (kit, rendered) in first {
            let known = Known {
                inputs: kit.inputs,
                plain: rendered.clone(),
                custom: BTreeMap::new(),
                settled: rendered,
                changes: None,
            };
            self.known.insert(kit.path.clone(), known);
        }
        if superseded.load(Ordering::Relaxed) {
            return Ok(Err(Superseded));
        }
        self.known.retain(|path, _| discovery.kit(path).is_some());
        let defined = self.defined(&discovery.kits);
        self.settle_custom((snapshot, &held), &discovery.kits, &defined, superseded);
        if superseded.load(Ordering::Relaxed) {
            return Ok(Err(Superseded));
        }
        let mut evaluation = Evaluation {
            looked_at: changed.len(),
            supplied: revisions.supplied.clone(),
            findings: discovery.findings,
            defined,
            guardrails: Arc::new(self.guardrails(snapshot, spec, &discovery.guardrails)),
            verdicts: Vec::with_capacity(discovery.kits.len()),
        };
        let looked_at: HashSet<&KitPath> = changed.iter().map(|kit| &kit.path).collect();
        for kit in &discovery.kits {
            let Some(known) = self.known.get(&kit.path) else {
                continue;
            };
            evaluation.verdicts.push(Verdict {
                kit: as_read(kit, &known.plain),
                rendered: known.settled.clone(),
                cross: Vec::new(),
                changes: Vec::new(),
                compared: false,
                changed_from: None,
                pinned: held.pinned.get(&kit.path).cloned(),
                looked_at: looked_at.contains(&kit.path),
            });
        }
        self.cross((snapshot, &held), &discovery.guardrails, &mut evaluation);
        let plugins = discovery.kits.iter().flat_map(|kit| &kit.plugins);
        self.plugins.keep(self.user, plugins);
        Ok(Ok(evaluation))
    }

    /// Which kinds the CRDs of all kits define; the first kit by path wins.
    fn defined(&self, kits: &[Arc<KitSource>]) -> BTreeMap<GroupKind, (Scope, KitPath)> {
        let mut defined = BTreeMap::new();
        for kit in kits {
            let Some(known) = self.known.get(&kit.path) else {
                continue;
            };
            for (kind, scope) in definitions(kit, &known.plain) {
                defined
                    .entry(kind)
                    .or_insert_with(|| (scope, kit.path.clone()));
            }
        }
        defined
    }

    /// Renders kits that have objects of kinds which CRDs of the revision define again, knowing them.
    fn settle_custom(
        &mut self,
        files: (&Snapshot, &Held),
        kits: &[Arc<KitSource>],
        defined: &BTreeMap<GroupKind, (Scope, KitPath)>,
        superseded: &AtomicBool,
    ) {
        let mut again = Vec::new();
        for kit in kits {
            let Some(known) = self.known.get_mut(&kit.path) else {
                continue;
            };
            let custom: BTreeMap<GroupKind, Scope> = known
                .plain
                .manifests
                .iter()
                .map(|manifest| manifest.gvk().group_kind())
                .filter_map(|kind| defined.get(&kind).map(|(scope, _)| (kind, *scope)))
                .collect();
            if custom == known.custom {
                continue;
            }
            if custom.is_empty() {
                known.settled = known.plain.clone();
                known.custom = custom;
            } else {
                again.push((kit.clone(), custom));
            }
        }
        let customs: HashMap<KitPath, _> = again
            .iter()
            .map(|(kit, custom)| (kit.path.clone(), custom.clone()))
            .collect();
        for (kit, rendered) in self.render(files, again.into_iter(), superseded) {
            if let Some(known) = self.known.get_mut(&kit.path) {
                known.settled = rendered;
                known.custom = customs[&kit.path].clone();
            }
        }
    }

    fn render(
        &self,
        (snapshot, held): (&Snapshot, &Held),
        kits: impl Iterator<Item = (Arc<KitSource>, BTreeMap<GroupKind, Scope>)> + Send,
        superseded: &AtomicBool,
    ) -> Vec<(Arc<KitSource>, Arc<Rendered>)> {
        let kits = Mutex::new(kits);
        let done = Mutex::new(Vec::new());
        let work = || {
            while !superseded.load(Ordering::Relaxed) {
                let next = kits.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((kit, custom)) = next else { return };
                let mut scopes = Scopes::default();
                custom
                    .into_iter()
                    .for_each(|(kind, scope)| scopes.learn(kind, scope));
                let files = held.files(&kit.path, snapshot);
                let rendered = Arc::new(match held.is_nowhere(&kit.path) {
                    true => Rendered::empty(),
                    false => render_kit(files, &kit, &self.plugins, &scopes),
                });
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((kit, rendered));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.workers.get() {
                scope.spawn(work);
            }
            work();
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn cross(
        &self,
        files: (&Snapshot, &Held),
        guardrails: &[PluginUse],
        evaluation: &mut Evaluation,
    ) {
        let candidates: Vec<Candidate> = evaluation
            .verdicts
            .iter()
            .map(|verdict| Candidate {
                kit: verdict.kit.clone(),
                rendered: verdict.rendered.clone(),
            })
            .collect();
        for (path, finding) in cross_check(files, guardrails, &candidates, &self.plugins) {
            if let Ok(found) = evaluation
                .verdicts
                .binary_search_by(|verdict| verdict.kit.path.cmp(&path))
            {
                evaluation.verdicts[found].cross.push(finding);
            }
        }
    }
}

/// The kinds that a kit's CRDs define. Those of a kit that may not have CRDs, and those that say
/// otherwise of a built-in kind, are no definitions: they would judge the objects of other kits.
pub(super) fn definitions<'r>(
    kit: &KitSource,
    rendered: &'r Rendered,
) -> impl Iterator<Item = (GroupKind, Scope)> + use<'r> {
    let granted = kit.grants.cluster_scoped;
    let built_in = Scopes::default();
    rendered
        .manifests
        .iter()
        .filter(move |_| granted)
        .filter_map(|manifest| Scopes::defined_by(&manifest.object))
        .filter(move |(kind, _)| built_in.of(kind).is_none())
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.plugins.keep(self.user, std::iter::empty());
    }
}
