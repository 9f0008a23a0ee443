//! What a plan for one kit must know of the other kits of the revision.

use crate::kit::KitPath;
use crate::manifest::ObjectKey;

use super::SetId;

/// The other kits, as the newest revision has them.
pub trait Neighbours {
    /// The kit behind a set's id, for messages.
    fn kit_of(&self, set: &SetId) -> Option<KitPath>;

    /// Whether the kit that has a live object no longer has it in this revision, and so hands it
    /// over. A kit that is refused stays as it was, and hands nothing over.
    fn gives_up(&self, set: &SetId, key: &ObjectKey) -> bool;

    /// The other kit that has this object in this revision: it is handed over to it, not deleted.
    fn wanted_by(&self, key: &ObjectKey) -> Option<KitPath>;

    /// The field manager of the kit behind a set's id: what it set is taken over with its objects.
    fn field_manager(&self, set: &SetId) -> Option<String>;
}
