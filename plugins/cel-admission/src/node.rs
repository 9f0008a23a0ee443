//! A parsed expression.

use std::rc::Rc;

use crate::value::Value;

#[derive(Debug)]
pub enum Node {
    Literal(Value),
    Name(Rc<str>),
    /// `variables.X`.
    Variable(Rc<str>),
    Select(Box<Node>, Rc<str>),
    Has(Box<Node>, Rc<str>),
    Index(Box<Node>, Box<Node>),
    /// `a.?b` and `a[?b]`, which are one.
    OptionalIndex(Box<Node>, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Conditional(Box<[Node; 3]>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// A method's receiver is its first argument.
    Call(Rc<str>, Vec<Node>),
    /// Items; of an optional one, `[?a]`, only what it has.
    List(Vec<(Node, bool)>),
    Map(Vec<(Node, Node, bool)>),
    Structure(Rc<str>, Vec<(Rc<str>, Node, bool)>),
    Loop(Box<Loop>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// A macro with variables of its own.
#[derive(Debug)]
pub struct Loop {
    pub sort: Sort,
    pub range: Node,
    pub first: Rc<str>,
    pub second: Option<Rc<str>>,
    pub condition: Option<Node>,
    pub body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    All,
    Exists,
    ExistsOne,
    /// `filter` is a `map` with a condition.
    Map,
    TransformList,
    TransformMap,
    TransformMapEntry,
    AllOfTwo,
    ExistsOfTwo,
    ExistsOneOfTwo,
    ByKey,
    OptMap,
    OptFlatMap,
}

impl Sort {
    /// Of those that the parser leaves as calls.
    pub fn of_macro(name: &str, arguments: usize) -> Option<Self> {
        Some(match (name, arguments) {
            ("all", 3) => Self::AllOfTwo,
            ("exists", 3) => Self::ExistsOfTwo,
            ("exists_one" | "existsOne", 3) => Self::ExistsOneOfTwo,
            ("transformList", 3 | 4) => Self::TransformList,
            ("transformMap", 3 | 4) => Self::TransformMap,
            ("transformMapEntry", 3 | 4) => Self::TransformMapEntry,
            ("sortBy", 2) => Self::ByKey,
            ("optMap", 2) => Self::OptMap,
            ("optFlatMap", 2) => Self::OptFlatMap,
            _ => return None,
        })
    }

    pub fn has_two_variables(self) -> bool {
        use Sort::{
            AllOfTwo, ExistsOfTwo, ExistsOneOfTwo, TransformList, TransformMap, TransformMapEntry,
        };
        matches!(
            self,
            AllOfTwo
                | ExistsOfTwo
                | ExistsOneOfTwo
                | TransformList
                | TransformMap
                | TransformMapEntry
        )
    }
}
