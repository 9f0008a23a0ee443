//! The Rego of one template, compiled once and asked many times.

use std::collections::BTreeSet;

use regorus::{Engine, Value};

use crate::reference::References;
use crate::regexes::Faults;
use crate::{builtins, negation};

/// Rego as a template brings it.
pub struct Source {
    pub rego: String,
    pub libs: Vec<String>,
    pub v1: bool,
}

/// Why Rego gives no program.
#[derive(Debug)]
pub enum Fault {
    /// Gatekeeper would refuse it as well.
    Invalid(String),
    /// Gatekeeper takes it; what it lacks here.
    Lacks(String),
}

/// How deep a `not` may be in another's.
const DEPTH: usize = 8;

pub struct Program {
    engine: Engine,
    faults: Faults,
    rule: String,
    /// Whether it reads the other objects.
    pub referential: bool,
}

#[derive(Debug)]
pub struct Violation {
    pub message: String,
    pub details: serde_json::Value,
}

impl Program {
    pub fn compile(source: &Source) -> Result<Self, Fault> {
        let beside = Faults::default();
        let mut texts = [vec![source.rego.clone()], source.libs.clone()].concat();
        let (mut engine, package) = load(&texts, source.v1, &beside)?;
        let References {
            has_violation,
            inventory,
            faults,
            lacks,
            rules,
        } = References::read(engine.get_modules(), source.v1);
        if !has_violation {
            return Err(Fault::Invalid(
                "its Rego has no rule violation, as `violation contains …`".into(),
            ));
        }
        if !faults.is_empty() {
            return Err(Fault::Invalid(faults.join("; ")));
        }
        if !lacks.is_empty() {
            return Err(Fault::Lacks(Vec::from_iter(lacks).join("; ")));
        }
        // Once more for what is within.
        for round in 0.. {
            let modules = engine.get_modules().iter().zip(&rules);
            let before: Result<Vec<Option<String>>, String> = modules
                .map(|(module, rules)| negation::looked_up_before(module, rules, round))
                .collect();
            let before = before.map_err(Fault::Lacks)?;
            if before.iter().all(Option::is_none) {
                break;
            }
            if round == DEPTH {
                return Err(Fault::Lacks(format!(
                    "it has a `not` in a `not` more than {DEPTH} times"
                )));
            }
            let given = texts.into_iter().zip(before);
            texts = given.map(|(text, other)| other.unwrap_or(text)).collect();
            (engine, _) = load(&texts, source.v1, &beside)?;
        }
        let rule = format!("{package}.violation");
        // Its order is found here, so that a variable without a value is told before it is asked.
        engine
            .compile_with_entrypoint(&rule.as_str().into())
            .map_err(|error| Fault::Invalid(told(&error)))?;
        Ok(Self {
            engine,
            faults: beside,
            rule,
            referential: inventory,
        })
    }

    pub fn set_inventory(&mut self, inventory: Value) -> Result<(), String> {
        let mut data = Value::new_object();
        let fields = data.as_object_mut().map_err(|error| told(&error))?;
        fields.insert("inventory".into(), inventory);
        self.engine.add_data(data).map_err(|error| told(&error))
    }

    /// In the order of their values: the same on every run.
    pub fn violations(&mut self, input: Value) -> Result<Vec<Violation>, String> {
        self.engine.set_input(input);
        // Of another object.
        self.faults.take();
        let result = self.engine.eval_rule(self.rule.clone());
        if let Some(fault) = self.faults.take() {
            return Err(fault);
        }
        let result = result.map_err(|error| told(&error))?;
        // Gatekeeper asks for `violation[r]`: the members of a set, but the keys of an object.
        let members: Vec<Value> = match &result {
            Value::Undefined => Vec::new(),
            Value::Set(members) => members.iter().cloned().collect(),
            Value::Object(fields) => fields.keys().cloned().collect(),
            // As a default, where there is none.
            Value::Bool(false) => Vec::new(),
            // Gatekeeper refuses a template where it sees that it is none of these, and is silent
            // where it does not.
            other => return Err(format!("violation is neither a set nor an object: {other}")),
        };
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for member in &members {
            let message = &member["msg"];
            if *message == Value::Undefined {
                continue;
            }
            let Value::String(message) = message else {
                return Err(format!("msg is no string: {message}"));
            };
            let details = match &member["details"] {
                Value::Undefined => serde_json::json!({}),
                details => serde_json::to_value(details)
                    .map_err(|error| format!("details cannot be told: {error}"))?,
            };
            if seen.insert((message.clone(), details.to_string())) {
                found.push(Violation {
                    message: message.to_string(),
                    details,
                });
            }
        }
        Ok(found)
    }
}

/// An engine with an entry point and its libs, and the entry point's package.
fn load(texts: &[String], v1: bool, faults: &Faults) -> Result<(Engine, String), Fault> {
    let mut engine = Engine::new();
    engine.set_rego_v0(!v1);
    // As in OPA: what a builtin cannot do is undefined, not the end.
    engine.set_strict_builtin_errors(false);
    builtins::add(&mut engine, v1, faults).map_err(Fault::Lacks)?;
    let mut packages = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let path = match index.checked_sub(1) {
            None => "rego".to_owned(),
            Some(lib) => format!("libs[{lib}]"),
        };
        let added = engine.add_policy(path.clone(), text.clone());
        let package = added.map_err(|error| Fault::Invalid(told(&error)))?;
        if index > 0 && !package.starts_with("data.lib.") {
            return Err(Fault::Invalid(format!(
                "{path} is package {package}; that of a lib begins with lib."
            )));
        }
        packages.push(package);
    }
    Ok((engine, packages.swap_remove(0)))
}

/// `rego:3:5: words`, of several lines with the source among them.
pub fn told(error: &impl ToString) -> String {
    let text = error.to_string();
    let place = text.lines().find_map(|it| it.trim().strip_prefix("--> "));
    let words = text
        .lines()
        .rev()
        .find_map(|it| it.trim().strip_prefix("error: "));
    match (place, words) {
        (Some(place), Some(words)) => format!("{place}: {words}"),
        _ => text.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH, Fault, Program, Source};

    /// A `not` in a `not`, so many times, of which the innermost is given something missing.
    fn nested(depth: usize) -> Result<Program, Fault> {
        let inner = "input.review.object.missing".to_owned();
        let given = (1..depth).fold(inner, |it, _| format!("count([1 | not f({it})])"));
        Program::compile(&Source {
            rego: format!(
                "package t\nf(x) {{ x == 1 }}\nviolation[{{\"msg\": \"x\"}}] {{ not f({given}) }}"
            ),
            libs: Vec::new(),
            v1: false,
        })
    }

    #[test]
    fn a_not_that_is_too_deep_is_said_to_be_lacking() {
        assert!(nested(DEPTH).is_ok());
        assert!(matches!(nested(DEPTH + 1), Err(Fault::Lacks(_))));
    }
}
