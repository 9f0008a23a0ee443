//! A revision's kits rendered once more, from nothing that is remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::kit::{Discoverer, KitPath, KitSource, RepositorySpec, Supplied};
use crate::manifest::{GroupKind, Scope, Scopes};
use crate::sandbox::Pace;
use crate::source::{Snapshot, SourceError};

use super::as_read::as_read;
use super::evaluation::definitions;
use super::rendered::judged;
use super::substituted::contents;
use super::{PluginStore, Rendered};

/// A kit that was rendered again.
#[derive(Clone, Debug)]
pub struct Reproduced {
    pub kit: Arc<KitSource>,
    /// One, or two where the kit has objects of kinds that a kit defines: first knowing the kinds
    /// that were handed in, then those of the revision itself.
    pub renderings: Vec<Arc<Rendered>>,
}

type Defined = BTreeMap<GroupKind, (Scope, KitPath)>;

/// Those of these kits that the revision has, under the guardrails that are wanted now: `newest` has
/// those that the revision has not. Compiled components are taken from where they are
/// kept; no rendering is. `over` is looked at between kits: the others are left out. Blocking and CPU-bound.
pub fn reproduce(
    (snapshot, newest): (&Snapshot, &Snapshot),
    settings: (&RepositorySpec, &Supplied),
    paths: &BTreeSet<KitPath>,
    defined: &Defined,
    plugins: &PluginStore,
    over: &AtomicBool,
) -> Result<Vec<Reproduced>, SourceError> {
    let discovery = Discoverer::default().discover_earlier(snapshot, Some(newest), settings)?;
    let render = |kit: &KitSource, defined: &Defined| {
        let mut scopes = Scopes::default();
        for (kind, (scope, _)) in defined {
            scopes.learn(kind.clone(), *scope);
        }
        let contents = contents(snapshot, kit, plugins, Pace::Anew);
        let kit = (snapshot, kit);
        Arc::new(judged(contents, kit, plugins, &scopes, &mut |_, _| {}))
    };
    let mut own: Option<Defined> = None;
    let mut reproduced = Vec::new();
    for kit in discovery.kits.iter().filter(|it| paths.contains(&it.path)) {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let first = render(kit, defined);
        let built_in = Scopes::default();
        let mut kinds = first.manifests.iter().map(|it| it.gvk().group_kind());
        let mut renderings = vec![first.clone()];
        if kinds.any(|kind| built_in.of(&kind).is_none()) {
            let own = own.get_or_insert_with(|| {
                let mut own = Defined::new();
                let definers = discovery.kits.iter().filter(|it| it.grants.cluster_scoped);
                for definer in definers {
                    let plain = render(definer, &Defined::new());
                    for (kind, scope) in definitions(definer, &plain) {
                        own.entry(kind).or_insert((scope, definer.path.clone()));
                    }
                }
                own
            });
            let second = render(kit, own);
            if second.digest != first.digest {
                renderings.push(second);
            }
        }
        reproduced.push(Reproduced {
            kit: as_read(kit, &first),
            renderings,
        });
    }
    match snapshot.damage() {
        Some(damage) => Err(damage.clone()),
        None => Ok(reproduced),
    }
}
