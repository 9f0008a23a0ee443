//! What OPA's compiler does to a `not`: what a function or a comparison in it is given is looked up
//! before it. So where that is missing, the `not` does not hold, while the engine would take it
//! for something that is not so.

use regorus::unstable::{BoolOp, Expr, Literal, LiteralStmt, Module, Query, Ref, Rule};

use crate::syntax::{children, indices, path, told_by};

/// A text in place of what is between two places.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// The module's text with what is looked up before; none if nothing is.
pub fn looked_up_before(
    module: &Module,
    rules: &[String],
    round: usize,
) -> Result<Option<String>, String> {
    let source = module.package.span.source.contents();
    let mut rewriter = Rewriter {
        rules,
        round,
        edits: Vec::new(),
    };
    for rule in &module.policy {
        if let Rule::Spec { head, bodies, .. } = rule.as_ref() {
            told_by(head).into_iter().for_each(|it| rewriter.inside(it));
            for body in bodies {
                let given = body.assign.iter().map(|it| &it.value);
                given.for_each(|it| rewriter.inside(it));
                // `if not …`: the body has no braces, and one statement.
                let first = body.query.stmts.first();
                let bare = first.is_some_and(|it| it.span.start == body.query.span.start);
                rewriter.query(&body.query, bare);
            }
        }
    }
    if rewriter.edits.is_empty() {
        return Ok(None);
    }
    match edited(source, rewriter.edits) {
        Some(text) => Ok(Some(text)),
        None => Err(format!(
            "{}: what is in its `not`s cannot be told apart",
            module.package.span.source.file()
        )),
    }
}

/// None if two of them are about the same place.
fn edited(source: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|it| it.start);
    let mut text = String::with_capacity(source.len());
    let mut at = 0;
    for edit in &edits {
        text.push_str(source.get(at..edit.start)?);
        text.push_str(&edit.text);
        at = edit.end;
    }
    text.push_str(source.get(at..)?);
    Some(text)
}

struct Rewriter<'s> {
    /// What is no variable.
    rules: &'s [String],
    round: usize,
    edits: Vec<Edit>,
}

impl Rewriter<'_> {
    /// `bare`: there are no braces around it.
    fn query(&mut self, query: &Query, bare: bool) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::NotExpr { expr, .. } if self.negation(statement, expr, bare) => {}
                Literal::NotExpr { expr, .. } | Literal::Expr { expr, .. } => self.inside(expr),
                Literal::SomeIn { collection, .. } => self.inside(collection),
                Literal::Every { domain, query, .. } => {
                    self.inside(domain);
                    self.query(query, false);
                }
                Literal::SomeVars { .. } => {}
            }
        }
    }

    /// Queries of comprehensions.
    fn inside(&mut self, expression: &Ref<Expr>) {
        match expression.as_ref() {
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.inside(term);
                self.query(query, false);
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                self.inside(key);
                self.inside(value);
                self.query(query, false);
            }
            _ => children(expression)
                .into_iter()
                .for_each(|it| self.inside(it)),
        }
    }

    /// Whether something is looked up before it.
    fn negation(&mut self, statement: &LiteralStmt, expression: &Ref<Expr>, bare: bool) -> bool {
        let mut operands = Vec::new();
        match expression.as_ref() {
            Expr::AssignExpr { lhs, rhs, .. }
            | Expr::BoolExpr {
                op: BoolOp::Eq,
                lhs,
                rhs,
                ..
            } => {
                self.in_term(lhs, &mut operands);
                self.in_term(rhs, &mut operands);
            }
            Expr::RefDot { .. } | Expr::RefBrack { .. } => self.in_term(expression, &mut operands),
            _ => children(expression)
                .into_iter()
                .for_each(|it| self.one(it, &mut operands)),
        }
        if operands.is_empty() || !statement.with_mods.is_empty() {
            return false;
        }
        let (start, end) = (statement.span.start as usize, statement.span.end as usize);
        let mut before = String::from(if bare { "{ " } else { "" });
        for operand in operands {
            let span = operand.span();
            let name = format!("__before_{}_{}", self.round, span.start);
            before.push_str(&format!("{name} := {}; ", span.text()));
            self.edits.push(Edit {
                start: span.start as usize,
                end: span.end as usize,
                text: name,
            });
        }
        let edit = |at, text: &str| Edit {
            start: at,
            end: at,
            text: text.to_owned(),
        };
        self.edits.push(edit(start, &before));
        if bare {
            self.edits.push(edit(end, " }"));
        }
        true
    }

    /// What stands on its own may be missing; what it is found by may not.
    fn in_term<'e>(&self, expression: &'e Ref<Expr>, operands: &mut Vec<&'e Ref<Expr>>) {
        match expression.as_ref() {
            Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                let (root, _) = path(expression);
                if !matches!(root.as_ref(), Expr::Var { .. }) {
                    operands.push(root);
                }
                for index in indices(expression) {
                    self.one(index, operands);
                }
            }
            Expr::Var { .. } => {}
            _ => self.one(expression, operands),
        }
    }

    fn one<'e>(&self, expression: &'e Ref<Expr>, operands: &mut Vec<&'e Ref<Expr>>) {
        match expression.as_ref() {
            Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => {
                for item in children(expression) {
                    self.one(item, operands);
                }
            }
            Expr::Var { span, .. } if !self.rules.iter().any(|it| it == span.text()) => {}
            Expr::Var { .. }
            | Expr::RefDot { .. }
            | Expr::RefBrack { .. }
            | Expr::Call { .. }
            | Expr::BinExpr { .. }
            | Expr::BoolExpr { .. }
            | Expr::ArithExpr { .. }
            | Expr::Membership { .. } => operands.push(expression),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Edit, edited};

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit {
            start,
            end,
            text: text.to_owned(),
        }
    }

    #[test]
    fn edits_are_carried_out_together_or_not_at_all() {
        let apart = vec![edit(4, 5, "E"), edit(0, 0, "<"), edit(1, 3, "-")];
        assert_eq!(edited("abcdef", apart).as_deref(), Some("<a-dEf"));
        let overlapping = vec![edit(0, 3, "x"), edit(2, 4, "y")];
        assert_eq!(edited("abcdef", overlapping), None);
    }
}
