//! All kits of a revision through the pipeline, at the cost of what changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::kit::{Discoverer, InputDigest, KitPath, KitSource, PluginUse, RepositorySpec, Sources};
use crate::manifest::{Finding, GroupKind, Scope, Scopes};
use crate::render::Sights;
use crate::source::{Revision, Snapshot, SourceError};

use super::as_read::{as_read, is_stale};
use super::late::{Custom, Finished, Slow, custom_of, knowing, render_hurriedly, unfinished};
use super::pins::{Held, Pinned, PinnedKits, Revisions};
use super::plugins::UserId;
use super::referential::{Candidate, cross_check};
use super::{Evaluation, PluginStore, Rendered, Verdict, render_kit};

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
    /// Kits that take long; `None` if all are waited for.
    slow: Option<Slow>,
    /// An evaluation has come to its end: there is something for them to stand at.
    begun: bool,
    /// What a snapshot turned out to have lost since.
    damage: Option<SourceError>,
}

/// What was made of a kit's inputs.
pub(super) struct Known {
    inputs: InputDigest,
    /// The kit as the newest revision has it that has these inputs, and that revision's files.
    kit: Arc<KitSource>,
    pub files: Snapshot,
    pinned: Option<Pinned>,
    /// Rendered knowing only the built-in kinds.
    plain: Arc<Rendered>,
    /// Kinds of CRDs in the revision that the kit has objects of.
    custom: Custom,
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
            slow: None,
            begun: false,
            damage: None,
        }
    }

    /// Evaluations from now on do not wait for kits that take long to render: whoever asks for them
    /// [finishes](super::Unfinished::finish) those, [puts](Self::put) what came of it, and asks again.
    pub fn without_waiting(mut self) -> Self {
        self.slow = Some(Slow::default());
        self
    }

    /// For the next evaluation.
    pub fn put(&mut self, finished: Finished) {
        match (&finished.damage, &mut self.slow) {
            (Some(damage), _) => self.damage = Some(damage.clone()),
            (None, Some(slow)) => slow.put(finished),
            (None, None) => {}
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
        let known = self.known.values().map(|known| &known.files);
        let damage = pins.chain(all).chain(known).find_map(Snapshot::damage);
        let Some(damage) = self.damage.take().or(damage.cloned()) else {
            return evaluated;
        };
        self.forget();
        Err(damage)
    }

    /// Findings that tell of a mirror say nothing of a revision.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.discoverer = Discoverer::default();
        self.begun = false;
        self.slow = self.slow.as_ref().map(|_| Slow::default());
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
        let mut held = self.held.hold(revisions, spec, &mut discovery);
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
        let mut late: HashSet<KitPath> = HashSet::new();
        let mut jobs = Vec::new();
        for kit in &changed {
            let mut slow = self.slow.as_mut().filter(|_| !held.holds(&kit.path));
            let finished = slow.as_mut().and_then(|it| it.take(kit, &mut sights));
            match (finished, slow.is_some_and(|it| it.has(&kit.path))) {
                (Some(finished), _) => self.know(kit, (snapshot, &held), finished),
                (None, true) => drop(late.insert(kit.path.clone())),
                (None, false) => jobs.push((kit.clone(), Custom::new())),
            }
        }
        let hurried = self.slow.is_some() && self.begun;
        let first = self.render((snapshot, &held), jobs, hurried, superseded);
        for (kit, rendered) in first {
            match (rendered, &mut self.slow) {
                (Some(rendered), _) => {
                    let finished = Finished::at_once(&kit, rendered);
                    self.know(&kit, (snapshot, &held), finished);
                }
                (None, slow) => {
                    slow.iter_mut().for_each(|slow| slow.note(&kit.path));
                    late.insert(kit.path.clone());
                }
            }
        }
        if superseded.load(Ordering::Relaxed) {
            return Ok(Err(Superseded));
        }
        self.known.retain(|path, _| discovery.kit(path).is_some());
        if let Some(slow) = &mut self.slow {
            slow.keep(&discovery, &held);
        }
        let defined = self.defined(&discovery.kits);
        let known = discovery.kits.iter();
        let known = known.filter(|kit| !late.contains(&kit.path));
        self.settle_custom((snapshot, &held), known, &defined, superseded);
        if superseded.load(Ordering::Relaxed) {
            return Ok(Err(Superseded));
        }
        let mut evaluation = Evaluation {
            looked_at: changed.len(),
            late: unfinished(&discovery.kits, &late, snapshot, &defined),
            supplied: revisions.supplied.clone(),
            findings: discovery.findings,
            defined,
            guardrails: Arc::new(self.guardrails(snapshot, spec, &discovery.guardrails)),
            verdicts: Vec::with_capacity(discovery.kits.len()),
        };
        let looked_at: HashSet<&KitPath> = changed.iter().map(|kit| &kit.path).collect();
        for kit in &discovery.kits {
            let Some(known) = self.known.get_mut(&kit.path) else {
                continue;
            };
            let is_late = late.contains(&kit.path);
            if is_late {
                held.files.insert(kit.path.clone(), known.files.clone());
            } else {
                known.kit = kit.clone();
                known.files = held.files(&kit.path, snapshot).clone();
                known.pinned = held.pinned.get(&kit.path).cloned();
            }
            let at = known.files.commit().filter(|_| is_late);
            evaluation.verdicts.push(Verdict {
                kit: as_read(&known.kit, &known.plain),
                rendered: known.settled.clone(),
                cross: Vec::new(),
                changes: Vec::new(),
                compared: false,
                changed_from: None,
                pinned: known.pinned.clone(),
                looked_at: looked_at.contains(&kit.path),
                late: at.cloned().map(Arc::new),
            });
        }
        self.cross((snapshot, &held), &discovery.guardrails, &mut evaluation);
        // Those of late kits also as they were.
        let as_they_were = evaluation.verdicts.iter().map(|verdict| &verdict.kit);
        let kits = discovery.kits.iter().chain(as_they_were);
        self.plugins
            .keep(self.user, kits.flat_map(|kit| &kit.plugins));
        self.begun = true;
        Ok(Ok(evaluation))
    }

    /// Which kinds the CRDs of all kits define; the first kit by path wins.
    fn defined(&self, kits: &[Arc<KitSource>]) -> BTreeMap<GroupKind, (Scope, KitPath)> {
        let mut defined = BTreeMap::new();
        for kit in kits {
            let Some(known) = self.known.get(&kit.path) else {
                continue;
            };
            for (kind, scope) in definitions(&known.kit, &known.plain) {
                defined
                    .entry(kind)
                    .or_insert_with(|| (scope, kit.path.clone()));
            }
        }
        defined
    }

    /// Renders kits that have objects of kinds which CRDs of the revision define again, knowing them.
    fn settle_custom<'k>(
        &mut self,
        files: (&Snapshot, &Held),
        kits: impl Iterator<Item = &'k Arc<KitSource>>,
        defined: &BTreeMap<GroupKind, (Scope, KitPath)>,
        superseded: &AtomicBool,
    ) {
        let mut again = Vec::new();
        for kit in kits {
            let Some(known) = self.known.get_mut(&kit.path) else {
                continue;
            };
            let custom = custom_of(&known.plain, |kind| defined.get(kind).map(|it| it.0));
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
        // In full: it has been rendered once, so that this is seldom slow.
        for (kit, rendered) in self.render(files, again, false, superseded) {
            let known = self.known.get_mut(&kit.path);
            if let (Some(known), Some(rendered)) = (known, rendered) {
                known.settled = rendered;
                known.custom = customs[&kit.path].clone();
            }
        }
    }

    /// `None` of those that take long, if they are `hurried`. Who is held is waited for.
    fn render(
        &self,
        (snapshot, held): (&Snapshot, &Held),
        kits: Vec<(Arc<KitSource>, Custom)>,
        hurried: bool,
        superseded: &AtomicBool,
    ) -> Vec<(Arc<KitSource>, Option<Arc<Rendered>>)> {
        let kits = Mutex::new(kits.into_iter());
        let done = Mutex::new(Vec::new());
        let work = || {
            while !superseded.load(Ordering::Relaxed) {
                let next = kits.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((kit, custom)) = next else { return };
                let scopes = knowing(&custom);
                let files = held.files(&kit.path, snapshot);
                let rendered = if held.is_nowhere(&kit.path) {
                    Some(Rendered::empty())
                } else if hurried && !held.holds(&kit.path) {
                    render_hurriedly(files, &kit, &self.plugins, &scopes)
                } else {
                    Some(render_kit(files, &kit, &self.plugins, &scopes))
                };
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((kit, rendered.map(Arc::new)));
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

    fn know(&mut self, kit: &Arc<KitSource>, (snapshot, held): (&Snapshot, &Held), made: Finished) {
        let known = Known {
            inputs: kit.inputs,
            kit: kit.clone(),
            files: held.files(&kit.path, snapshot).clone(),
            pinned: held.pinned.get(&kit.path).cloned(),
            plain: made.plain,
            custom: made.custom,
            settled: made.settled,
            changes: None,
        };
        self.known.insert(kit.path.clone(), known);
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
