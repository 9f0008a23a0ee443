//! The other kits, as a plan for one kit must know them.

use kube::ResourceExt as _;

use crate::kit::{Kit, KitPath};
use crate::manifest::ObjectKey;
use crate::pipeline::Verdict;
use crate::plan::{Neighbours, SetId, field_manager};
use crate::source::Revision;

use super::kit::Task;

/// The other kits of the revision.
pub(super) struct Others<'t> {
    pub task: &'t Task,
    /// Whether kits that are late count: not for what a person deletes.
    pub late: bool,
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
        let kits = &self.task.shared.kits;
        let kit = kits.get(&member.namespace, &member.path.object_name());
        let kit = kit.as_deref();
        let suspended = kit.is_some_and(|kit| kit.spec.suspend);
        // Whose a Kit object is decides, where two Repositories of a namespace have one path.
        let repository = self.task.repository.metadata.name.as_deref();
        let theirs = kit.is_some_and(|kit| kit.repository() != repository);
        same && !theirs
            && !suspended
            && match self.task.evaluation.verdict(&member.path) {
                // What is late, and was not there before, gives nothing up.
                None => !self.task.evaluation.is_late(&member.path),
                Some(verdict) => goes_live(verdict, kit) && !verdict.has(key),
            }
    }

    fn wanted_by(&self, key: &ObjectKey) -> Option<KitPath> {
        let own = &self.task.verdict.kit.path;
        let verdicts = self.task.evaluation.verdicts.iter();
        let mut others = verdicts.filter(|verdict| verdict.kit.path != *own);
        let found = others.find(|verdict| verdict.has(key)).map(|it| &it.kit);
        // What is not rendered yet may have it, and be this kit: then it must not be deleted.
        let late = self.task.evaluation.late.iter().filter(|_| self.late);
        let mut late = late.map(|it| &it.kit);
        let found = found.or_else(|| late.find(|kit| kit.grants.allow(key)));
        found.map(|kit| kit.path.clone())
    }

    fn field_manager(&self, set: &SetId) -> Option<String> {
        let member = self.task.shared.sets.get(set)?;
        Some(field_manager(&member.path.object_name(), &member.namespace))
    }
}

/// Whether a kit of the newest revision goes live, by what is known before it is tried: it has no
/// errors but those over changes that somebody said are meant.
pub(super) fn goes_live(verdict: &Verdict, kit: Option<&Kit>) -> bool {
    let attempted = kit.and_then(|kit| kit.status.as_ref()?.attempted.as_ref());
    let revision = attempted.map(|attempted| Revision::new(attempted.revision.as_str()));
    let allowed = revision.is_some_and(|revision| allows_changes(kit, &revision));
    let mut errors = verdict.findings().filter(|it| it.is_error());
    errors.all(|error| allowed && verdict.changes.contains(error))
}

/// Whether somebody said that what a revision changes is meant.
pub(super) fn allows_changes(kit: Option<&Kit>, revision: &Revision) -> bool {
    let allowed = kit.and_then(|kit| kit.spec.allow_changes.as_deref());
    allowed.is_some_and(|allowed| revision.is_named_by(allowed))
}
