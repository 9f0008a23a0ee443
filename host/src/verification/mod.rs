//! Whether a revision may be taken up, by the signatures of its commits and by who may change what.
//! A mirror's history, a Repository's demands, keys and the time in; a verdict out. Fails closed:
//! what cannot be judged is not taken. Applies nothing and reads no cluster.

mod fault;
mod judge;
mod policy;

pub use fault::Fault;
pub use judge::{Question, Verdict, verify};
pub use policy::Policy;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
