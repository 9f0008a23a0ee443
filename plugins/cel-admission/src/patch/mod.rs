//! What a mutation makes of an object: JSON patches, apply configurations, and the way back to the
//! manifest, which has not what the API server fills in.

mod apply;
mod carry;
mod json_patch;
mod schema;

pub use apply::apply;
pub use carry::carry;
pub use json_patch::patched;
pub use schema::Schema;
