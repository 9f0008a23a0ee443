//! Which kits there are, and at which revision each is live: what change validators compare with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kit::{Kit, KitPath};
use crate::pipeline::Evaluation;
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

    /// Whether rules over changes found something against a revision that meanwhile is live no
    /// longer.
    pub(super) fn outdated(&self, evaluation: &Evaluation) -> bool {
        let mut told = evaluation
            .verdicts
            .iter()
            .filter(|it| !it.changes.is_empty())
            .peekable();
        if told.peek().is_none() {
            return false;
        }
        let live = self.live();
        told.any(|verdict| live.get(&verdict.kit.path) != verdict.changed_from.as_ref())
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
