//! Renderings that take long are finished beside the evaluations, so that they delay no other kit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::as_read::is_stale;
use super::pins::Held;
use super::rendered::{Rendered, render_at};
use super::{PluginStore, digest};
use crate::kit::{Discovery, KitPath, KitSource};
use crate::manifest::{GroupKind, Scope, Scopes};
use crate::render::{RENDER_AWAITED, Sights, render_awaited};
use crate::sandbox::{PATIENT, Pace};
use crate::source::Snapshot;

/// As many are worth being begun at once.
pub const FINISHED_AT_ONCE: usize = PATIENT;

/// Scopes of kinds that CRDs of the revision define.
pub(super) type Custom = BTreeMap<GroupKind, Scope>;

/// A kit that an evaluation has left to be rendered.
#[derive(Clone)]
pub struct Unfinished {
    pub kit: Arc<KitSource>,
    pub(super) files: Snapshot,
    pub(super) custom: Custom,
}

/// What came of it. The next evaluation takes it, if it is still asked for.
#[derive(Clone, Debug)]
pub struct Finished {
    kit: Arc<KitSource>,
    custom: Custom,
    rendered: Arc<Rendered>,
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kit.path)
    }
}

impl Unfinished {
    /// Blocking and CPU-bound; as long as the limits of a render allow.
    pub fn finish(self, plugins: &PluginStore) -> Finished {
        let scopes = knowing(&self.custom);
        let rendered = render_at(Pace::Patient, &self.files, &self.kit, plugins, &scopes);
        Finished {
            rendered: Arc::new(rendered),
            kit: self.kit,
            custom: self.custom,
        }
    }
}

impl Rendered {
    /// Whether it takes longer than others wait for it: nothing is known of it yet.
    pub fn is_unfinished(&self) -> bool {
        self.findings.iter().any(|it| it.rule == RENDER_AWAITED)
    }

    fn awaited(kit: &KitSource) -> Self {
        Self {
            findings: vec![render_awaited(kit)],
            digest: digest::digest(&[], kit.given.salt.as_deref()),
            ..Self::empty()
        }
    }
}

/// What an evaluator knows of kits that take long.
#[derive(Default)]
pub(super) struct Deferral {
    /// They have taken long once, and nobody waits for them again.
    slow: HashSet<KitPath>,
    finished: HashMap<KitPath, Vec<Finished>>,
}

impl Deferral {
    pub(super) fn put(&mut self, finished: Finished) {
        let of_kit = self.finished.entry(finished.kit.path.clone()).or_default();
        of_kit.retain(|it| it.kit.inputs == finished.kit.inputs && it.custom != finished.custom);
        of_kit.push(finished);
    }

    /// Leaves what is finished of what kits are now.
    pub(super) fn keep(&mut self, discovery: &Discovery, held: &Held, sights: &mut Sights<'_>) {
        self.slow.retain(|path| discovery.kit(path).is_some());
        self.finished.retain(|path, all| {
            let own = held.files.get(path);
            all.retain(|it| {
                let now = discovery.kit(path);
                now.is_some_and(|kit| kit.inputs == it.kit.inputs)
                    && !is_stale(&it.rendered, own, sights)
            });
            !all.is_empty()
        });
    }

    pub(super) fn finished(&self, kit: &KitPath, custom: &Custom) -> Option<&Arc<Rendered>> {
        let all = self.finished.get(kit)?;
        let found = all.iter().find(|it| it.custom == *custom)?;
        Some(&found.rendered)
    }

    /// A rendering that was made, or why it is waited for.
    pub(super) fn rendered(
        &self,
        files: &Snapshot,
        kit: &KitSource,
        plugins: &PluginStore,
        custom: &Custom,
    ) -> Arc<Rendered> {
        if let Some(finished) = self.finished(&kit.path, custom) {
            return finished.clone();
        }
        Arc::new(match self.slow.contains(&kit.path) {
            true => Rendered::awaited(kit),
            false => render_at(Pace::Hurried, files, kit, plugins, &knowing(custom)),
        })
    }

    pub(super) fn note(&mut self, kit: &KitPath, rendered: &Rendered) {
        if rendered.is_unfinished() {
            self.slow.insert(kit.clone());
        }
    }
}

/// The scopes of the built-in kinds and of these.
pub(super) fn knowing(custom: &Custom) -> Scopes {
    let mut scopes = Scopes::default();
    for (kind, scope) in custom {
        scopes.learn(kind.clone(), *scope);
    }
    scopes
}
