//! Kubernetes' admission policies, ValidatingAdmissionPolicy and MutatingAdmissionPolicy, judged
//! before there is a request: CEL as the API server evaluates it, and what of a policy and its
//! bindings says which objects it is for. The plugins `cel-validate` and `cel-mutate` are made of
//! it. What only the API server can know is said to be unknown, and never guessed.

mod equality;
mod evaluate;
mod expression;
mod functions;
mod library;
mod loops;
mod node;
mod operators;
pub mod patch;
pub mod policy;
mod time;
mod value;

pub use evaluate::{Bindings, evaluate};
pub use expression::{Scope, parse};
pub use node::Node;
pub use value::{Fault, Outcome, Value};

#[cfg(test)]
mod tests;
