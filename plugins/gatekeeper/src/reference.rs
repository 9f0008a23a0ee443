//! What Rego refers to, read from its syntax before any of it is evaluated. The engine takes a
//! function that is not there, or a variable without a value, for something undefined when it
//! comes to it, so that a violation would go untold; OPA refuses the template.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{BUILTINS, Expr, Module, Query, Ref, Rule, RuleHead, Span};

use crate::builtins;
use crate::syntax::{
    Parts, Scope, children, depth, every, indices, path, query, static_path, told_by,
};

/// Functions whose answer is no function of the commit.
const OUTSIDE: [&str; 6] = [
    "external_data",
    "http.send",
    "net.lookup_ip_addr",
    "opa.runtime",
    "rand.intn",
    "time.now_ns",
];

#[derive(Default)]
pub struct References {
    pub has_violation: bool,
    pub inventory: bool,
    /// What OPA or Gatekeeper would refuse.
    pub faults: Vec<String>,
    /// What is not there to evaluate it with.
    pub lacks: BTreeSet<String>,
    /// The rules of each module's package that are no functions.
    pub rules: Vec<Vec<String>>,
}

/// How many arguments the functions of each package take; none for what is no function.
type Packages = BTreeMap<String, BTreeMap<String, Option<usize>>>;

impl References {
    /// Of an entry point and its libs, in this order.
    pub fn read(modules: &[Ref<Module>], v1: bool) -> Self {
        let mut packages = Packages::new();
        for module in modules {
            let names = packages.entry(package(module)).or_default();
            names.extend(module.policy.iter().map(|rule| defined(rule)));
        }
        let mut found = Self::default();
        if let Some(entry) = modules.first() {
            let mut rules = entry.policy.iter();
            found.has_violation = rules.any(|it| named(it) && defined(it).0 == "violation");
        }
        for module in modules {
            let own = package(module);
            let all = packages[&own].iter().filter(|it| it.1.is_none());
            found.rules.push(all.map(|it| it.0.clone()).collect());
            let mut aliases = BTreeMap::new();
            for import in &module.imports {
                let whole = static_path(&import.refr);
                let last = whole.last().cloned().unwrap_or_default();
                let alias = import.r#as.as_ref().map(|it| it.text().to_owned());
                match (&whole[..], v1) {
                    ([root, lib, _, ..], _) if root == "data" && lib == "lib" => {}
                    ([root, ..], _) if root == "future" => continue,
                    _ => {
                        let place = place(&import.span);
                        let whole = whole.join(".");
                        found.faults.push(format!(
                            "{place}: {whole} may not be imported; data.lib and future may"
                        ));
                    }
                }
                aliases.insert(alias.unwrap_or(last), whole);
            }
            let mut reader = Reader {
                packages: &packages,
                own: &own,
                aliases,
                v1,
                found: &mut found,
            };
            for rule in &module.policy {
                reader.rule(rule);
            }
        }
        found
    }
}

struct Reader<'r> {
    packages: &'r Packages,
    own: &'r str,
    /// Imports by what they are called.
    aliases: BTreeMap<String, Vec<String>>,
    v1: bool,
    found: &'r mut References,
}

impl Reader<'_> {
    fn rule(&mut self, rule: &Rule) {
        let Rule::Spec { head, bodies, .. } = rule else {
            return;
        };
        let mut arguments = Scope::new();
        let told = told_by(head);
        match head {
            RuleHead::Set { refr, key, .. } => {
                let mute = key.as_ref().is_some_and(without_message);
                if mute && refr.span().text() == "violation" {
                    let fault = format!("{}: a violation without msg", place(refr.span()));
                    self.found.faults.push(fault);
                }
            }
            RuleHead::Func { args, .. } => args.iter().for_each(|it| arguments.pattern(it)),
            RuleHead::Compr { .. } => {}
        }
        if bodies.is_empty() {
            told.iter().for_each(|it| self.expression(it, &arguments));
        }
        for body in bodies {
            let scope = self.query(&body.query, &arguments);
            if let Some(assign) = &body.assign {
                self.expression(&assign.value, &scope);
            }
            // What `else` gives is its own.
            if !body.is_else {
                told.iter().for_each(|it| self.expression(it, &scope));
            }
        }
    }

    /// Gives what has a value after it.
    fn query(&mut self, of: &Query, outer: &Scope) -> Scope {
        let Parts {
            scope,
            holding,
            negated,
        } = query(of, outer);
        for expression in holding {
            self.expression(expression, &scope);
        }
        let known = scope.without("_");
        for expression in negated {
            self.expression(expression, &known);
        }
        for (inside, names) in every(of) {
            let mut inner = scope.clone();
            names.into_iter().for_each(|it| inner.add(it));
            self.query(inside, &inner);
        }
        scope
    }

    fn expression(&mut self, expression: &Ref<Expr>, scope: &Scope) {
        match expression.as_ref() {
            Expr::Var { span, .. } => self.variable(span, scope),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                let scope = self.query(query, scope);
                self.expression(term, &scope);
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                let scope = self.query(query, scope);
                self.expression(key, &scope);
                self.expression(value, &scope);
            }
            Expr::Call {
                span, fcn, params, ..
            } => {
                self.call(span, fcn, params.len());
                params.iter().for_each(|it| self.expression(it, scope));
            }
            Expr::RefDot { span, .. } | Expr::RefBrack { span, .. } => {
                let (root, fields) = path(expression);
                match root.as_ref() {
                    Expr::Var { span: root, .. } if root.text() == "data" => {
                        self.data(span, &fields);
                    }
                    _ => self.expression(root, scope),
                }
                let indices = indices(expression).into_iter();
                indices.for_each(|it| self.expression(it, scope));
            }
            _ => children(expression)
                .into_iter()
                .for_each(|it| self.expression(it, scope)),
        }
    }

    fn variable(&mut self, span: &Span, scope: &Scope) {
        let name = span.text();
        let known = name == "input"
            || scope.has(name)
            || self.aliases.contains_key(name)
            || self.packages[self.own].contains_key(name);
        match name {
            "data" => self.data(span, &[]),
            _ if known => {}
            _ => {
                let fault = format!("{}: nothing gives {name} a value", place(span));
                self.found.faults.push(fault);
            }
        }
    }

    /// Gatekeeper lets a template read its libs and the inventory.
    fn data(&mut self, span: &Span, fields: &[String]) {
        let whole = format!("data.{}", fields.join("."));
        let below = |long: &str, short: &str| {
            long.strip_prefix(short)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let lib = || {
            let mut packages = self.packages.keys();
            packages.any(|it| below(it, &whole) || below(&whole, it))
        };
        match fields.first().map(String::as_str) {
            Some("inventory") => self.found.inventory = true,
            Some("lib") if lib() => {}
            Some("lib") => self.found.faults.push(format!(
                "{}: {whole} is in none of its libs; add the lib to the template",
                place(span)
            )),
            _ => self.found.faults.push(format!(
                "{}: {} may not be read; data.inventory and data.lib may",
                place(span),
                whole.trim_end_matches('.')
            )),
        }
    }

    fn call(&mut self, span: &Span, function: &Ref<Expr>, given: usize) {
        let called = static_path(function);
        let name = called.join(".");
        let resolved = match called.split_first() {
            Some((alias, rest)) if self.aliases.contains_key(alias) => {
                [self.aliases[alias].as_slice(), rest].concat()
            }
            Some((root, _)) if root == "data" => called.clone(),
            _ => Vec::new(),
        };
        let wanted = match resolved.split_last() {
            Some((last, package)) => {
                let package = self.packages.get(&package.join("."));
                package.and_then(|it| it.get(last).copied().flatten())
            }
            None => {
                let own = self.packages[self.own].get(&name).copied().flatten();
                own.or_else(|| builtin(&name, self.v1))
            }
        };
        let place = place(span);
        match wanted {
            // The result may be asked of it as one argument more.
            Some(wanted) if given == wanted || given == wanted + 1 => {}
            _ if name == "print" => {}
            Some(wanted) => self.found.faults.push(format!(
                "{place}: {name} takes {wanted} arguments and is given {given}"
            )),
            None if OUTSIDE.contains(&name.as_str()) => {
                let lacks = format!("{place}: {name} asks what is not in the commit");
                self.found.lacks.insert(lacks);
            }
            None => {
                let lacks = format!("{place}: there is no function {name} here");
                self.found.lacks.insert(lacks);
            }
        }
    }
}

fn builtin(name: &str, v1: bool) -> Option<usize> {
    if OUTSIDE.contains(&name) {
        return None;
    }
    let older = builtins::OLDER.iter().find(|it| it.0 == name && !v1);
    match (name, older) {
        ("set", _) => Some(0),
        (_, Some((_, arguments))) => Some(usize::from(*arguments)),
        _ => BUILTINS.get(name).map(|(_, given)| usize::from(*given)),
    }
}

/// The name that a rule defines, and how many arguments it takes if it is a function.
fn defined(rule: &Rule) -> (String, Option<usize>) {
    let (refr, arguments) = match rule {
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } => (refr, None),
            RuleHead::Func { refr, args, .. } => (refr, Some(args.len())),
        },
        Rule::Default { refr, args, .. } => (refr, (!args.is_empty()).then_some(args.len())),
    };
    let (root, _) = path(refr);
    (root.span().text().to_owned(), arguments)
}

/// Whether OPA gives it a name, which Gatekeeper looks for. `p[x] if …` and what is longer have
/// none.
fn named(rule: &Rule) -> bool {
    match rule {
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, assign, .. } => {
                depth(refr) == 0 || depth(refr) == 1 && assign.is_some()
            }
            RuleHead::Set { refr, .. } => depth(refr) == 0,
            RuleHead::Func { .. } => true,
        },
        Rule::Default { refr, .. } => depth(refr) <= 1,
    }
}

fn package(module: &Module) -> String {
    format!("data.{}", static_path(&module.package.refr).join("."))
}

/// Whether a violation can be seen to say nothing.
fn without_message(key: &Ref<Expr>) -> bool {
    match key.as_ref() {
        Expr::Object { fields, .. } => !fields.iter().any(|(_, name, _)| match name.as_ref() {
            Expr::String { value, .. } => *value == "msg".into(),
            _ => true,
        }),
        Expr::String { .. } | Expr::Number { .. } | Expr::Bool { .. } | Expr::Array { .. } => true,
        _ => false,
    }
}

fn place(span: &Span) -> String {
    format!("{}:{}:{}", span.source.file(), span.line, span.col)
}
