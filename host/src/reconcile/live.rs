//! Which kits there are, and at which revision each is live: what change validators compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::admission::RepositoryId;
use crate::kit::{Kit, KitPath};
use crate::pipeline::Evaluation;
use crate::plan::SetId;
use crate::source::Revision;

use super::index::Member;
use super::repository::Actor;

impl Actor {
    /// The revision of each kit that is live.
    pub(super) fn live(&self) -> BTreeMap<KitPath, Revision> {
        let kits = self
            .shared
            .kits
            .of_repository(&self.namespace(), &self.name());
        let revision = |kit: &Arc<Kit>| {
            let applied = kit.status.as_ref()?.applied.as_ref()?;
            Some((kit.path()?, Revision::new(applied.revision.as_str())))
        };
        kits.iter().filter_map(revision).collect()
    }

    /// Whether rules over changes were asked against a revision that meanwhile is live no longer,
    /// and what they would say now may be another thing: they found something then, or the kit is to
    /// change again. Else a revision that goes live kit by kit would hold up the next one.
    pub(super) fn outdated(&self, evaluation: &Evaluation) -> bool {
        let namespace = self.namespace();
        let mut asked = evaluation.verdicts.iter().filter(|it| it.compared);
        asked.any(|verdict| {
            let path = &verdict.kit.path;
            let kit = self.shared.kits.get(&namespace, &path.object_name());
            let status = kit.as_ref().and_then(|kit| kit.status.as_ref());
            let applied = status.and_then(|status| status.applied.as_ref());
            let applied = applied.map(|applied| applied.revision.as_str());
            if applied == verdict.changed_from.as_ref().map(Revision::as_str) {
                return false;
            }
            let inputs = status.and_then(|status| status.inputs.as_deref());
            !verdict.changes.is_empty() || inputs != Some(&*verdict.kit.inputs.to_string())
        })
    }

    /// Has direct changes judged by the newest evaluation, in the namespaces of its kits and in
    /// those in which kits have objects, whatever the revision says of them.
    pub(super) fn teach_the_door(&self) {
        let Some(door) = &self.shared.door else {
            return;
        };
        let id = RepositoryId {
            namespace: self.namespace(),
            name: self.name(),
        };
        let spec = &self.repository.spec;
        let live = match spec.admission {
            Some(_) => self.live_namespaces(),
            None => BTreeMap::new(),
        };
        door.learn(id, spec, self.evaluation.clone(), &live);
    }

    /// A Repository without a policy has no door, also while nothing of it is evaluated.
    pub(super) fn close_the_door(&self) {
        if self.repository.spec.admission.is_none() {
            self.teach_the_door();
        }
    }

    fn live_namespaces(&self) -> BTreeMap<KitPath, BTreeSet<Arc<str>>> {
        let namespace = self.namespace();
        let kits = self.shared.kits.of_repository(&namespace, &self.name());
        let paths: BTreeSet<KitPath> = kits.iter().filter_map(|kit| kit.path()).collect();
        self.shared.cluster.watched().read(|inventory| {
            let of_kit = |path: KitPath| {
                let set = SetId::of_kit(&path.object_name(), &namespace);
                let objects = inventory.owned_by(&set);
                let namespaces = objects.filter_map(|(key, _)| key.namespace.clone());
                let namespaces: BTreeSet<Arc<str>> = namespaces.collect();
                (!namespaces.is_empty()).then_some((path, namespaces))
            };
            paths.into_iter().filter_map(of_kit).collect()
        })
    }

    /// Of a kit of this Repository.
    pub(super) fn member(&self, path: &KitPath) -> Member {
        Member {
            namespace: self.namespace(),
            repository: self.name(),
            path: path.clone(),
        }
    }
}
