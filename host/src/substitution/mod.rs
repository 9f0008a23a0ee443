//! `${var}` in texts, as Flux's envsubst has it: what it parses, what its operations give, and where
//! it fails; and in whole objects. Bounded in work and length. Knows neither kits, nor Git, nor
//! where values come from.

mod expand;
mod glob;
mod operation;
mod template;
mod tree;

pub use expand::{Expanded, Fault, Variable, Work, expand};
pub use template::is_name;
pub use tree::{Outcome, Substitution};
