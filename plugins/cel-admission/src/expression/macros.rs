//! Macros with variables of their own.

use std::rc::Rc;

use cel::common::ast::operators as op;
use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue};

use super::{Read, Reader};
use crate::node::{Loop, Node, Sort};

impl Reader<'_> {
    /// A macro that the crate leaves as a call: `range.sort(first, second, [condition,] body)`.
    pub(super) fn looped(&mut self, sort: Sort, range: IdedExpr, arguments: Vec<IdedExpr>) -> Read {
        let mut arguments = arguments.into_iter();
        let mut next = || arguments.next().ok_or("an argument is missing".to_owned());
        let variable = |it: IdedExpr| match it.expr {
            Expr::Ident(name) => Ok(Rc::<str>::from(name)),
            _ => Err("a loop's variable is a simple name".to_owned()),
        };
        let range = self.node(range)?;
        let first = variable(next()?)?;
        let second = match sort.has_two_variables() {
            true => Some(variable(next()?)?),
            false => None,
        };
        let body = next()?;
        let (condition, body) = match arguments.next() {
            Some(last) => (Some(body), last),
            None => (None, body),
        };
        self.inside(sort, range, (first, second), condition, body)
    }

    /// A macro that the crate makes a comprehension, found again by its accumulator.
    pub(super) fn comprehension(&mut self, it: ComprehensionExpr) -> Read {
        let odd = || "a loop has a form that is not known".to_owned();
        let range = self.node(it.iter_range)?;
        let Expr::Call(step) = it.loop_step.expr else {
            return Err(odd());
        };
        let (condition, added) = match step.func_name == op::CONDITIONAL {
            false => (None, last(step.args)),
            true => {
                let mut parts = step.args.into_iter();
                let condition = parts.next();
                let added = match parts.next().map(|it| it.expr) {
                    Some(Expr::Call(call)) => last(call.args),
                    _ => None,
                };
                (condition, added)
            }
        };
        let (sort, condition, body) = match it.accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(start)) => {
                let sort = if *start { Sort::All } else { Sort::Exists };
                (sort, None, added.ok_or_else(odd)?)
            }
            Expr::Literal(_) => (Sort::ExistsOne, None, condition.ok_or_else(odd)?),
            Expr::List(_) => match added.map(|it| it.expr) {
                Some(Expr::List(list)) => {
                    let body = list.elements.into_iter().next().ok_or_else(odd)?;
                    (Sort::Map, condition, body)
                }
                _ => return Err(odd()),
            },
            _ => return Err(odd()),
        };
        self.inside(sort, range, (it.iter_var.into(), None), condition, body)
    }

    fn inside(
        &mut self,
        sort: Sort,
        range: Node,
        (first, second): (Rc<str>, Option<Rc<str>>),
        condition: Option<IdedExpr>,
        body: IdedExpr,
    ) -> Read {
        let outside = self.around.len();
        self.around.push(first.clone());
        self.around.extend(second.clone());
        let condition = condition.map(|it| self.node(it)).transpose();
        let body = self.node(body);
        self.around.truncate(outside);
        Ok(Node::Loop(Box::new(Loop {
            sort,
            range,
            first,
            second,
            condition: condition?,
            body: body?,
        })))
    }
}

fn last(parts: Vec<IdedExpr>) -> Option<IdedExpr> {
    parts.into_iter().next_back()
}
