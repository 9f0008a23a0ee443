//! Kits that take long to render are rendered beside the evaluations, so that they delay no other: until
//! then they stand as they were.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::evaluation::definitions;
use super::pins::Held;
use super::rendered::judged;
use super::substituted::contents;
use super::{PluginStore, Rendered};
use crate::kit::{Discovery, InputDigest, KitPath, KitSource};
use crate::manifest::{Finding, GroupKind, Scope, Scopes};
use crate::render::Sights;
use crate::sandbox::Pace;
use crate::source::{Snapshot, SourceError};

/// As many are worth being begun at once.
pub use crate::sandbox::patient as finished_at_once;

/// Scopes of kinds that CRDs of the revision define.
pub(super) type Custom = BTreeMap<GroupKind, Scope>;

/// A kit that an evaluation has left to be rendered.
#[derive(Clone)]
pub struct Unfinished {
    pub kit: Arc<KitSource>,
    pub(super) files: Snapshot,
    pub(super) defined: Arc<Custom>,
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kit.path)
    }
}

/// What came of it. The next evaluation takes it, if the kit is still the same.
#[derive(Clone, Debug)]
pub struct Finished {
    kit: KitPath,
    inputs: InputDigest,
    pub(super) plain: Arc<Rendered>,
    pub(super) custom: Custom,
    pub(super) settled: Arc<Rendered>,
    /// Whether it is quick by now.
    quick: bool,
    /// What the files turned out to have lost: then it says nothing of the kit.
    pub(super) damage: Option<SourceError>,
}

impl Unfinished {
    /// Blocking and CPU-bound; as long as the limits of a render allow.
    pub fn finish(&self, plugins: &PluginStore) -> Finished {
        let made = render_patiently(&self.files, &self.kit, plugins, &self.defined);
        let plain = Arc::new(made.plain);
        Finished {
            kit: self.kit.path.clone(),
            inputs: self.kit.inputs,
            settled: made.settled.map_or_else(|| plain.clone(), Arc::new),
            custom: made.custom,
            plain,
            quick: made.quick,
            damage: self.files.damage().cloned(),
        }
    }

    /// Of a render that the host broke off by a fault of its own.
    pub fn broken(&self, reason: &str) -> Finished {
        let message = format!("the host could not render it: {reason}");
        let finding = Finding::host_error("render-failed", message)
            .hint("this is a fault of the host's; the kit stays as it is");
        let plain = Arc::new(Rendered {
            findings: vec![finding],
            ..Rendered::empty()
        });
        Finished {
            kit: self.kit.path.clone(),
            inputs: self.kit.inputs,
            custom: Custom::new(),
            settled: plain.clone(),
            plain,
            quick: false,
            damage: None,
        }
    }
}

impl Finished {
    /// Rendered within an evaluation, knowing the built-in kinds alone.
    pub(super) fn at_once(kit: &KitSource, rendered: Arc<Rendered>) -> Self {
        Self {
            kit: kit.path.clone(),
            inputs: kit.inputs,
            custom: Custom::new(),
            settled: rendered.clone(),
            plain: rendered,
            quick: true,
            damage: None,
        }
    }
}

/// What an evaluation leaves to be rendered.
pub(super) fn unfinished(
    kits: &[Arc<KitSource>],
    late: &HashSet<KitPath>,
    files: &Snapshot,
    defined: &BTreeMap<GroupKind, (Scope, KitPath)>,
) -> Vec<Unfinished> {
    if late.is_empty() {
        return Vec::new();
    }
    let scopes = defined.iter();
    let scopes: Custom = scopes.map(|(kind, it)| (kind.clone(), it.0)).collect();
    let defined = Arc::new(scopes);
    let kits = kits.iter().filter(|kit| late.contains(&kit.path));
    kits.map(|kit| Unfinished {
        kit: kit.clone(),
        files: files.clone(),
        defined: defined.clone(),
    })
    .collect()
}

/// Kinds that CRDs of the revision define, and that a rendering has objects of.
pub(super) fn custom_of(
    rendered: &Rendered,
    scope_of: impl Fn(&GroupKind) -> Option<Scope>,
) -> Custom {
    let kinds = rendered.manifests.iter().map(|it| it.gvk().group_kind());
    kinds
        .filter_map(|kind| Some((kind.clone(), scope_of(&kind)?)))
        .collect()
}

/// The scopes of the built-in kinds and of these.
pub(super) fn knowing(custom: &Custom) -> Scopes {
    let mut scopes = Scopes::default();
    for (kind, scope) in custom {
        scopes.learn(kind.clone(), *scope);
    }
    scopes
}

/// Renders a kit, if that does not take long.
pub(super) fn render_hurriedly(
    snapshot: &Snapshot,
    kit: &KitSource,
    plugins: &PluginStore,
    scopes: &Scopes,
) -> Option<Rendered> {
    let contents = contents(snapshot, kit, plugins, Pace::Hurried);
    match contents.given_up {
        true => None,
        false => Some(judged(
            contents,
            (snapshot, kit),
            plugins,
            scopes,
            &mut |_, _| {},
        )),
    }
}

/// What a kit that takes long comes to.
struct Patiently {
    /// Knowing only the built-in kinds.
    plain: Rendered,
    /// The kinds that it has of those that CRDs of the revision define.
    custom: Custom,
    /// Knowing these too, if there are any.
    settled: Option<Rendered>,
    /// Whether it was no matter of long.
    quick: bool,
}

fn render_patiently(
    snapshot: &Snapshot,
    kit: &KitSource,
    plugins: &PluginStore,
    defined: &Custom,
) -> Patiently {
    let contents = contents(snapshot, kit, plugins, Pace::Patient);
    let quick = contents.quick;
    let judged = |contents, scopes: &Scopes| {
        judged(contents, (snapshot, kit), plugins, scopes, &mut |_, _| {})
    };
    let plain = judged(contents.clone(), &Scopes::default());
    let own: Custom = definitions(kit, &plain).collect();
    let scope_of = |kind: &GroupKind| defined.get(kind).or_else(|| own.get(kind)).copied();
    let custom = custom_of(&plain, scope_of);
    let settled = (!custom.is_empty()).then(|| judged(contents, &knowing(&custom)));
    Patiently {
        plain,
        custom,
        settled,
        quick,
    }
}

/// What an evaluator knows of kits that take long.
#[derive(Default)]
pub(super) struct Slow {
    /// Nobody waits for them again.
    kits: HashSet<KitPath>,
    finished: HashMap<KitPath, Finished>,
}

impl Slow {
    pub(super) fn put(&mut self, finished: Finished) {
        if finished.quick {
            self.kits.remove(&finished.kit);
        }
        self.finished.insert(finished.kit.clone(), finished);
    }

    pub(super) fn note(&mut self, kit: &KitPath) {
        self.kits.insert(kit.clone());
    }

    pub(super) fn has(&self, kit: &KitPath) -> bool {
        self.kits.contains(kit)
    }

    /// What was made of a kit as it is now.
    pub(super) fn take(&mut self, kit: &KitSource, now: &mut Sights<'_>) -> Option<Finished> {
        let finished = self.finished.remove(&kit.path)?;
        let same = finished.inputs == kit.inputs && finished.plain.reads.still_hold(now);
        same.then_some(finished)
    }

    /// What is not of the revision is of no use. Who is held is waited for.
    pub(super) fn keep(&mut self, discovery: &Discovery, held: &Held) {
        let is_there = |kit: &KitPath| discovery.kit(kit).is_some() && !held.holds(kit);
        self.kits.retain(|kit| is_there(kit));
        self.finished.retain(|kit, _| is_there(kit));
    }
}
