//! Which expressions are taken. The library evaluates without a bound on the cost, so the shape has
//! to give one: loops go over a field, a loop in a loop over a part of what the outer one is at, so
//! that all rounds together are no more than the object has parts; nothing grows from round to
//! round; and there are only functions whose cost follows the size of what they are given.

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue};

const OPERATORS: [&str; 17] = [
    op::CONDITIONAL,
    op::LOGICAL_AND,
    op::LOGICAL_OR,
    op::LOGICAL_NOT,
    op::SUBSTRACT,
    op::ADD,
    op::MULTIPLY,
    op::DIVIDE,
    op::MODULO,
    op::EQUALS,
    op::NOT_EQUALS,
    op::GREATER_EQUALS,
    op::LESS_EQUALS,
    op::GREATER,
    op::LESS,
    op::NEGATE,
    op::INDEX,
];
const FUNCTIONS: [&str; 7] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "double",
];
/// Loops in one expression.
const LOOPS: usize = 4;
/// Nodes of a tree, without what macros add.
const NODES: usize = 100;

pub(super) fn accept(tree: &IdedExpr, variables: &[&str]) -> Result<(), String> {
    let mut walk = Walk {
        variables,
        around: Vec::new(),
        loops: 0,
        nodes: 0,
    };
    walk.expression(tree)
}

struct Walk<'a> {
    variables: &'a [&'a str],
    /// Variables of the loops around, the innermost last.
    around: Vec<&'a str>,
    loops: usize,
    nodes: usize,
}

impl<'a> Walk<'a> {
    fn expression(&mut self, tree: &'a IdedExpr) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(format!("the expression has more than {NODES} parts"));
        }
        match &tree.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) if self.knows(name) => Ok(()),
            Expr::Ident(name) => Err(format!(
                "{name:?} is no variable; there are {}",
                self.variables.join(", ")
            )),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::List(list) => list.elements.iter().try_for_each(|it| self.expression(it)),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("an expression makes no maps".into())
            }
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.variables.contains(&name) || self.around.contains(&name)
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<(), String> {
        let name = call.func_name.as_str();
        if name == op::ADD && !self.around.is_empty() {
            return Err("`+` is not taken in a loop".into());
        }
        let known = name == op::IN || OPERATORS.contains(&name) || FUNCTIONS.contains(&name);
        if !known {
            let there = FUNCTIONS.join(", ");
            return Err(format!(
                "{name:?} is not taken; there are {there}, has, all, exists, exists_one and filter"
            ));
        }
        let parts = call.target.iter().map(|it| &**it).chain(&call.args);
        parts.into_iter().try_for_each(|it| self.expression(it))
    }

    fn comprehension(&mut self, it: &'a ComprehensionExpr) -> Result<(), String> {
        self.loops += 1;
        if self.loops > LOOPS || self.around.len() > 1 {
            return Err(format!(
                "there are {LOOPS} loops at most in an expression, and two in one another"
            ));
        }
        let root = root(&it.iter_range);
        let fits = match (self.around.last(), root) {
            (None, Some(_)) => true,
            (Some(around), Some(root)) => *around == root,
            (_, None) => false,
        };
        if !fits {
            return Err("a loop goes over a field, and one that is in a loop over a field of the outer one's variable: object.status.nodes.all(n, n.conditions.all(c, …))".into());
        }
        self.expression(&it.iter_range)?;
        let body =
            body(it).ok_or("map is not taken; there are all, exists, exists_one and filter")?;
        self.around.push(&it.iter_var);
        let accepted = self.expression(body);
        self.around.pop();
        accepted
    }
}

/// The variable that a field is a field of, through filters.
fn root(tree: &IdedExpr) -> Option<&str> {
    match &tree.expr {
        Expr::Ident(name) => Some(name),
        Expr::Select(select) if !select.test => root(&select.operand),
        Expr::Call(call) if call.func_name == op::INDEX => match call.args.as_slice() {
            [field, at] if matches!(at.expr, Expr::Literal(_)) => root(field),
            _ => None,
        },
        Expr::Comprehension(it) if matches!(it.accu_init.expr, Expr::List(_)) => {
            root(&it.iter_range)
        }
        _ => None,
    }
}

/// The condition of a loop: of `all`, `exists`, `exists_one` and `filter`, as the macros write them.
fn body(it: &ComprehensionExpr) -> Option<&IdedExpr> {
    let Expr::Call(step) = &it.loop_step.expr else {
        return None;
    };
    let accumulator =
        |tree: &IdedExpr| matches!(&tree.expr, Expr::Ident(name) if *name == it.accu_var);
    match (step.func_name.as_str(), step.args.as_slice()) {
        (op::LOGICAL_AND | op::LOGICAL_OR, [before, condition]) if accumulator(before) => {
            Some(condition)
        }
        (op::CONDITIONAL, [condition, more, same]) if accumulator(same) => {
            let Expr::Call(more) = &more.expr else {
                return None;
            };
            let [before, item] = more.args.as_slice() else {
                return None;
            };
            let taken = match &item.expr {
                Expr::Literal(LiteralValue::Int(_)) => true,
                Expr::List(list) => matches!(list.elements.as_slice(), [one]
                    if matches!(&one.expr, Expr::Ident(name) if *name == it.iter_var)),
                _ => false,
            };
            (more.func_name == op::ADD && accumulator(before) && taken).then_some(condition)
        }
        _ => None,
    }
}
