//! Policies and bindings, as they stand in the repository.

mod bindings;
mod defaults;
mod field;
mod kinds;
mod matching;
mod names;
mod params;
mod read;
mod run;
mod shape;
mod telling;

pub use bindings::{Request, User};
use defaults::as_admitted;
pub use defaults::{Admission, fill};
pub use field::field;
pub use kinds::{Kinds, Resource, is_built_in};
pub use read::{Reading, policies};
pub use run::{Found, What, World, conditions, in_expression};
pub use telling::{RULES, Settings, Telling, Weight, tagged, worded};

use matching::Constraints;

use crate::node::Node;

/// A text and what was read of it.
#[derive(Debug)]
pub struct Expression {
    pub text: String,
    pub node: Node,
}

#[derive(Debug)]
pub struct Validation {
    pub expression: Expression,
    pub message: Option<String>,
    pub message_expression: Option<Expression>,
    pub reason: String,
}

#[derive(Debug)]
pub enum Mutation {
    Apply(Expression),
    Patch(Expression),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamKind {
    pub api_version: String,
    pub kind: String,
}

/// A ValidatingAdmissionPolicy or a MutatingAdmissionPolicy, with what binds it.
#[derive(Debug)]
pub struct Policy {
    pub kind: &'static str,
    pub name: String,
    /// `path:line`.
    pub origin: String,
    /// Where it is one of the kit's own objects.
    pub index: Option<usize>,
    constraints: Constraints,
    /// Each with its name.
    pub conditions: Vec<(String, Expression)>,
    pub variables: Vec<(String, Expression)>,
    pub validations: Vec<Validation>,
    /// Keys of audit annotations, each with its expression.
    pub annotations: Vec<(String, Expression)>,
    pub mutations: Vec<Mutation>,
    pub param_kind: Option<ParamKind>,
    /// `failurePolicy: Ignore`: what goes wrong lets the object through.
    pub lenient: bool,
    /// `reinvocationPolicy: IfNeeded`.
    pub again: bool,
    pub bindings: Vec<Binding>,
}

impl Policy {
    /// As it is called where it is at fault.
    fn title(&self) -> String {
        format!("{} {} ({})", self.kind, self.name, self.origin)
    }

    /// Whether it is for changes and deletions alone, which are never judged here.
    pub fn never_for_creation(&self) -> bool {
        self.constraints.never_for_creation()
    }
}

#[derive(Debug)]
pub struct Binding {
    pub name: String,
    constraints: Option<Constraints>,
    pub param: Option<ParamRef>,
    /// `Deny`, `Warn`, `Audit`.
    pub actions: Vec<String>,
}

#[derive(Debug)]
pub struct ParamRef {
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub selector: Option<trimtab_plugin::LabelSelector>,
    /// `parameterNotFoundAction: Deny`.
    pub needed: bool,
}
