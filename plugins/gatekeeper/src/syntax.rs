//! Walks over Rego's syntax: which variables have values where, and what an expression is made of.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, Query, Ref, RuleHead, Span};

/// Variables that have a value.
#[derive(Clone, Default)]
pub struct Scope(BTreeSet<String>);

impl Scope {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    pub fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.0.remove(name);
        other
    }

    pub fn add(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    /// What stands where values are taken apart gets one.
    pub fn pattern(&mut self, expression: &Ref<Expr>) {
        match expression.as_ref() {
            Expr::Var { span, .. } => self.add(span.text()),
            Expr::Array { items, .. } => items.iter().for_each(|it| self.pattern(it)),
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.gives(key);
                self.pattern(value);
            }),
            _ => self.gives(expression),
        }
    }

    /// What an expression that must hold gives values to.
    fn gives(&mut self, expression: &Ref<Expr>) {
        match expression.as_ref() {
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                self.pattern(lhs);
                match op {
                    AssignOp::Eq => self.pattern(rhs),
                    AssignOp::ColEq => self.gives(rhs),
                }
            }
            Expr::RefBrack { refr, index, .. } => {
                self.gives(refr);
                self.pattern(index);
            }
            Expr::Call { params, .. } => {
                params.iter().for_each(|it| self.gives(it));
                // An argument more than it takes is its result.
                if let Some(last) = params.last().filter(|_| params.len() > 1) {
                    self.pattern(last);
                }
            }
            // These have variables of their own.
            Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. } => {}
            _ => children(expression)
                .into_iter()
                .for_each(|it| self.gives(it)),
        }
    }
}

/// What a query consists of.
pub struct Parts<'q> {
    /// With `_`, which is any value wherever something may be given to it.
    pub scope: Scope,
    pub holding: Vec<&'q Ref<Expr>>,
    pub negated: Vec<&'q Ref<Expr>>,
}

pub fn query<'q>(query: &'q Query, outer: &Scope) -> Parts<'q> {
    let mut scope = outer.clone();
    scope.add("_");
    let mut parts = Vec::new();
    let mut negated = Vec::new();
    for statement in &query.stmts {
        match &statement.literal {
            Literal::Expr { expr, .. } => {
                scope.gives(expr);
                parts.push(expr);
            }
            Literal::NotExpr { expr, .. } => negated.push(expr),
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                key.iter().for_each(|it| scope.pattern(it));
                scope.pattern(value);
                scope.gives(collection);
                parts.extend(key.iter().chain([value, collection]));
            }
            Literal::Every { domain, .. } => {
                scope.gives(domain);
                parts.push(domain);
            }
            Literal::SomeVars { .. } => {}
        }
        parts.extend(statement.with_mods.iter().map(|it| &it.r#as));
    }
    Parts {
        scope,
        holding: parts,
        negated,
    }
}

/// The queries that every item must pass, with the variables that each adds.
pub fn every(query: &Query) -> impl Iterator<Item = (&Query, Vec<&str>)> {
    query
        .stmts
        .iter()
        .filter_map(|statement| match &statement.literal {
            Literal::Every {
                key, value, query, ..
            } => {
                let names = key.iter().chain([value]).map(Span::text).collect();
                Some((query.as_ref(), names))
            }
            _ => None,
        })
}

/// The parts of an expression that has no variables of its own.
pub fn children(expression: &Ref<Expr>) -> Vec<&Ref<Expr>> {
    match expression.as_ref() {
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().collect(),
        Expr::Object { fields, .. } => fields
            .iter()
            .flat_map(|(_, key, value)| [key, value])
            .collect(),
        Expr::Call { params, .. } => params.iter().collect(),
        Expr::UnaryExpr { expr, .. } => vec![expr],
        Expr::RefDot { refr, .. } => vec![refr],
        Expr::RefBrack { refr, index, .. } => vec![refr, index],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => key.iter().chain([value, collection]).collect(),
        _ => Vec::new(),
    }
}

/// Where a reference begins, and the fields that are named up to the first that is not.
pub fn path(reference: &Ref<Expr>) -> (&Ref<Expr>, Vec<String>) {
    match reference.as_ref() {
        Expr::RefDot { refr, field, .. } => {
            let (root, mut fields) = path(refr);
            if fields.len() == depth(refr) {
                fields.push(field.0.text().to_owned());
            }
            (root, fields)
        }
        Expr::RefBrack { refr, index, .. } => {
            let (root, mut fields) = path(refr);
            if let Expr::String { value, .. } = index.as_ref()
                && let Ok(name) = value.as_string()
                && fields.len() == depth(refr)
            {
                fields.push(name.to_string());
            }
            (root, fields)
        }
        _ => (reference, Vec::new()),
    }
}

/// How many fields it goes down.
pub fn depth(reference: &Ref<Expr>) -> usize {
    match reference.as_ref() {
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => depth(refr) + 1,
        _ => 0,
    }
}

/// With its root, of a reference without variables.
pub fn static_path(reference: &Ref<Expr>) -> Vec<String> {
    let (root, fields) = path(reference);
    [vec![root.span().text().to_owned()], fields].concat()
}

/// What stands in the brackets of a reference.
pub fn indices(reference: &Ref<Expr>) -> Vec<&Ref<Expr>> {
    let mut found = Vec::new();
    let mut at = reference;
    loop {
        match at.as_ref() {
            Expr::RefDot { refr, .. } => at = refr,
            Expr::RefBrack { refr, index, .. } => {
                found.push(index);
                at = refr;
            }
            _ => return found,
        }
    }
}

/// What a rule's head gives, and by which names.
pub fn told_by(head: &RuleHead) -> Vec<&Ref<Expr>> {
    match head {
        RuleHead::Compr { refr, assign, .. } => {
            let given = assign.iter().map(|it| &it.value);
            indices(refr).into_iter().chain(given).collect()
        }
        RuleHead::Set { refr, key, .. } => indices(refr).into_iter().chain(key).collect(),
        RuleHead::Func { assign, .. } => assign.iter().map(|it| &it.value).collect(),
    }
}
