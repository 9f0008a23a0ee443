//! The other kits, as a plan for one kit must know them.

use kube::ResourceExt as _;

use crate::kit::KitPath;
use crate::manifest::ObjectKey;
use crate::plan::{Neighbours, SetId, field_manager};

use super::kit::Task;

/// The other kits of the revision.
pub(super) struct Others<'t> {
    pub task: &'t Task,
}

impl Neighbours for Others<'_> {
    fn kit_of(&self, set: &SetId) -> Option<KitPath> {
        Some(self.task.shared.sets.get(set)?.path)
    }

    fn gives_up(&self, set: &SetId, key: &ObjectKey) -> bool {
        let Some(member) = self.task.shared.sets.get(set) else {
            return false;
        };
        let same = member.namespace == self.task.namespace()
            && member.repository == self.task.repository.name_any();
        let suspended = || {
            let kit = self
                .task
                .shared
                .kits
                .get(&member.namespace, &member.path.object_name());
            kit.is_some_and(|kit| kit.spec.suspend)
        };
        // Whose a Kit object is decides, where two Repositories of a namespace have one path.
        let theirs = self
            .task
            .shared
            .kits
            .get(&member.namespace, &member.path.object_name())
            .is_some_and(|kit| kit.repository() != self.task.repository.metadata.name.as_deref());
        same && !theirs
            && !suspended()
            && match self.task.evaluation.verdict(&member.path) {
                None => true,
                Some(verdict) => !verdict.has_errors() && !verdict.has(key),
            }
    }

    fn wanted_by(&self, key: &ObjectKey) -> Option<KitPath> {
        let others = self.task.evaluation.verdicts.iter();
        others
            .filter(|verdict| verdict.kit.path != self.task.verdict.kit.path)
            .find(|verdict| verdict.has(key))
            .map(|verdict| verdict.kit.path.clone())
    }

    fn field_manager(&self, set: &SetId) -> Option<String> {
        let member = self.task.shared.sets.get(set)?;
        Some(field_manager(&member.path.object_name(), &member.namespace))
    }
}
