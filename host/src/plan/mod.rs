//! What will be done to the cluster, as a value, and why: desired objects and inventory in, `Plan` out.
//! Pure: no clock, no client, no tokio. Nothing is sent to the cluster that is not in a plan.

mod applyset;
mod inventory;
mod planner;

pub use applyset::{
    DIGEST_ANNOTATION, ORIGIN_ANNOTATION, PART_OF_LABEL, REVISION_ANNOTATION, SetId, field_manager,
    group_kinds_of, parent_metadata,
};
pub use inventory::{Inventory, LiveObject};
pub use planner::{Action, Desired, Plan, Prune, Reason, Stage, Step, plan};
