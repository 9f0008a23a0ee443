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
pub fn looked_up_before(module: &Module, rules: &[String], round: usize) -> Option<String> {
    let source = module.package.span.source.contents();
    let mut rewriter = Rewriter {
        source,
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
                rewriter.query(&body.query);
            }
        }
    }
    let mut edits = rewriter.edits;
    if edits.is_empty() {
        return None;
    }
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
    source: &'s str,
    /// What is no variable.
    rules: &'s [String],
    round: usize,
    edits: Vec<Edit>,
}

impl Rewriter<'_> {
    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::NotExpr { expr, .. } if self.negation(statement, expr) => {}
                Literal::NotExpr { expr, .. } | Literal::Expr { expr, .. } => self.inside(expr),
                Literal::SomeIn { collection, .. } => self.inside(collection),
                Literal::Every { domain, query, .. } => {
                    self.inside(domain);
                    self.query(query);
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
                self.query(query);
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                self.inside(key);
                self.inside(value);
                self.query(query);
            }
            _ => children(expression)
                .into_iter()
                .for_each(|it| self.inside(it)),
        }
    }

    /// Whether something is looked up before it.
    fn negation(&mut self, statement: &LiteralStmt, expression: &Ref<Expr>) -> bool {
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
        let alone = self.source[..start].trim_end().ends_with("if");
        let mut before = String::from(if alone { "{ " } else { "" });
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
        if alone {
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
