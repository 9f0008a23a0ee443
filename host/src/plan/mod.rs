//! What will be done to the cluster, as a value, and why: desired objects and inventory in, `Plan` out.
//! Pure: no clock, no client, no tokio. Nothing is sent to the cluster that is not in a plan.

mod applyset;
mod autoscalers;
mod drift;
mod fields;
mod hooks;
mod inventory;
mod neighbours;
mod ownership;
mod planner;
mod prune;
mod stage;

pub use applyset::{
    DIGEST_ANNOTATION, MADE_FOR_ANNOTATION, ORIGIN_ANNOTATION, PART_OF_LABEL, PRUNE_ANNOTATION,
    REVISION_ANNOTATION, SetId, field_manager, group_kinds_of, is_kept, parent_metadata,
};
pub use autoscalers::{autoscaler_kind, scaled_by};
pub use drift::Drift;
pub use fields::{missing, names_item};
pub use hooks::{Held, Hold, Hooks};
pub use inventory::{Inventory, LiveNamespace, LiveObject, Writer};
pub use neighbours::Neighbours;
pub use ownership::{Owner, counterpart, leaves, owners, owns};
pub use planner::{Action, Desired, Plan, Reason, Step, manifest_digest, plan};
pub use prune::{DeletionStage, Prune, Pruning};
pub use stage::{Stage, Turn};
