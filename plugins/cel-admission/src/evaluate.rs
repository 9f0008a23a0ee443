//! The evaluator, with the API server's rules for what is missing, optional, or wrong.

use std::cell::Cell;
use std::rc::Rc;

use crate::equality;
use crate::functions;
use crate::library;
use crate::node::{Node, Operator};
use crate::operators;
use crate::value::{Fault, Fields, Key, Outcome, Structure, Value};

/// Steps of one expression: the API server's own bound on its cost.
pub const STEPS: u64 = 1_000_000;

/// Levels of expressions within expressions: a guest's stack is small.
const NESTING: u16 = 200;

/// What the names of an expression stand for.
pub trait Bindings {
    fn name(&self, name: &str) -> Outcome;
    /// `variables.NAME`.
    fn variable(&self, name: &str) -> Outcome;
    /// Levels of the expressions that are being evaluated, one for the sake of another.
    fn nesting(&self) -> &Cell<u16>;
}

pub struct Evaluation<'b> {
    bindings: &'b dyn Bindings,
    /// Variables of the loops around, the innermost last.
    pub(crate) around: Vec<(Rc<str>, Value)>,
    steps: u64,
}

/// What an expression comes to.
///
/// # Errors
/// As the API server's: the message of what went wrong.
pub fn evaluate(node: &Node, bindings: &dyn Bindings) -> Outcome {
    let mut evaluation = Evaluation {
        bindings,
        around: Vec::new(),
        steps: 0,
    };
    evaluation.node(node)
}

impl Evaluation<'_> {
    pub(crate) fn step(&mut self, cost: usize) -> Result<(), Fault> {
        self.steps += cost as u64;
        match self.steps > STEPS {
            // The API server counts otherwise: where it stops is not known exactly.
            true => Err(Fault::unknown(format!(
                "it takes more than {STEPS} steps, and the API server bounds the cost of an expression"
            ))),
            false => Ok(()),
        }
    }

    pub(crate) fn node(&mut self, node: &Node) -> Outcome {
        self.step(1)?;
        let nesting = self.bindings.nesting();
        let outside = nesting.get();
        if outside >= NESTING {
            return Err(Fault::unknown(format!(
                "its variables and expressions are nested more than {NESTING} levels deep"
            )));
        }
        nesting.set(outside + 1);
        let outcome = self.of_sort(node);
        nesting.set(outside);
        outcome
    }

    fn of_sort(&mut self, node: &Node) -> Outcome {
        match node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Name(name) => {
                let local = self.around.iter().rev().find(|(it, _)| it == name);
                match local {
                    Some((_, value)) => known(value.clone()),
                    None => known(self.bindings.name(name)?),
                }
            }
            Node::Variable(name) => known(self.bindings.variable(name)?),
            Node::Select(of, field) => {
                let of = self.node(of)?;
                select(&of, &Value::String(field.clone()))
            }
            Node::Has(of, field) => {
                let of = self.node(of)?;
                has(&of, field)
            }
            Node::Index(of, at) => {
                let (of, at) = (self.node(of)?, self.node(at)?);
                select(&of, &at)
            }
            Node::OptionalIndex(of, at) => {
                let (of, at) = (self.node(of)?, self.node(at)?);
                optional(&of, &at)
            }
            Node::And(parts) => self.logic(parts, false),
            Node::Or(parts) => self.logic(parts, true),
            Node::Not(of) => match self.node(of)? {
                Value::Bool(flag) => Ok(Value::Bool(!flag)),
                _ => Err(Fault::overload()),
            },
            Node::Negate(of) => operators::negate(&self.node(of)?),
            Node::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                match self.node(condition)? {
                    Value::Bool(true) => self.node(yes),
                    Value::Bool(false) => self.node(no),
                    _ => Err(Fault::overload()),
                }
            }
            Node::Binary(operator, one, other) => self.binary(*operator, one, other),
            Node::Call(name, arguments) => {
                let arguments = arguments.iter().map(|it| self.node(it));
                let arguments = arguments.collect::<Result<Vec<_>, _>>();
                self.call(name, &arguments?)
            }
            Node::List(items) => self.list(items),
            Node::Map(entries) => self.map(entries),
            Node::Structure(name, fields) => self.structure(name, fields),
            Node::Loop(it) => self.looped(it),
        }
    }

    /// `&&` and `||` do not care for the order: what settles the matter outweighs a fault.
    fn logic(&mut self, parts: &[Node], settles: bool) -> Outcome {
        let mut fault = None;
        for part in parts {
            let found = match self.node(part) {
                Ok(Value::Bool(flag)) if flag == settles => return Ok(Value::Bool(settles)),
                Ok(Value::Bool(_)) => continue,
                Ok(_) => Fault::overload(),
                Err(found) => found,
            };
            fault = worse(fault, found);
        }
        fault.map_or(Ok(Value::Bool(!settles)), Err)
    }

    fn binary(&mut self, operator: Operator, one: &Node, other: &Node) -> Outcome {
        let (one, other) = (self.node(one)?, self.node(other)?);
        self.step(cost(&one) + cost(&other))?;
        operators::binary(operator, &one, &other)
    }

    fn call(&mut self, name: &str, arguments: &[Value]) -> Outcome {
        self.step(arguments.iter().map(cost).sum())?;
        let unknown = || arguments.iter().find_map(equality::unknown);
        let result = match (name == "format").then(unknown).flatten() {
            Some(what) => Err(Fault::unknown(what)),
            None => functions::call(name, arguments).and_then(known),
        };
        let result = result.map_err(|fault| match unknown() {
            // It might not fail if all were known.
            Some(what) if !fault.unknown => Fault::unknown(what),
            _ => fault,
        })?;
        self.step(cost(&result))?;
        Ok(result)
    }

    fn list(&mut self, items: &[(Node, bool)]) -> Outcome {
        let mut list = Vec::with_capacity(items.len());
        for (item, is_optional) in items {
            match (self.node(item)?, is_optional) {
                (value, false) => list.push(value),
                (Value::Optional(value), true) => list.extend(value.map(|it| (*it).clone())),
                _ => return Err(Fault::overload()),
            }
        }
        Ok(Value::list(list))
    }

    fn map(&mut self, entries: &[(Node, Node, bool)]) -> Outcome {
        let mut fields = Fields::new();
        for (key, value, is_optional) in entries {
            let key = self.node(key)?;
            let key = Key::of(&key)
                .ok_or_else(|| Fault::new(format!("unsupported key type: {}", key.type_name())))?;
            let value = match (self.node(value)?, is_optional) {
                (value, false) => value,
                (Value::Optional(Some(value)), true) => (*value).clone(),
                (Value::Optional(None), true) => continue,
                _ => return Err(Fault::overload()),
            };
            if fields.insert(key.clone(), value).is_some() {
                let key = key.text();
                return Err(Fault::new(format!(
                    "insert failed: key {key} already exists"
                )));
            }
        }
        Ok(Value::Map(Rc::new(fields)))
    }

    fn structure(&mut self, name: &Rc<str>, fields: &[(Rc<str>, Node, bool)]) -> Outcome {
        let mut structure = Structure {
            name: name.clone(),
            fields: Default::default(),
        };
        for (field, value, is_optional) in fields {
            let value = match (self.node(value)?, is_optional) {
                (value, false) => value,
                (Value::Optional(Some(value)), true) => (*value).clone(),
                (Value::Optional(None), true) => continue,
                _ => return Err(Fault::overload()),
            };
            structure.fields.insert(field.clone(), value);
        }
        library::objects::accept(&structure)?;
        Ok(Value::Structure(Rc::new(structure)))
    }
}

/// The first fault is told, but one that only means "not known here" outweighs it: without it
/// the other might not matter.
pub(crate) fn worse(one: Option<Fault>, other: Fault) -> Option<Fault> {
    match one {
        Some(one) if one.unknown || !other.unknown => Some(one),
        _ => Some(other),
    }
}

pub(crate) fn known(value: Value) -> Outcome {
    match value {
        Value::Unknown(what) => Err(Fault::unknown(&*what)),
        value => Ok(value),
    }
}

/// Parts of a value that an operation goes through, roughly.
fn cost(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() / 10,
        Value::Bytes(bytes) => bytes.len() / 10,
        Value::List(items) => items.len(),
        Value::Map(fields) => fields.len(),
        _ => 0,
    }
}

/// What is at a key, or none. A presence test asks the same of what cannot have it.
fn find(of: &Value, at: &Value) -> Result<Option<Value>, Fault> {
    let found = match of {
        Value::Map(fields) => {
            let key = Key::of(at)
                .ok_or_else(|| Fault::new(format!("unsupported key type: {}", at.type_name())))?;
            fields.get(&key)
        }
        Value::Structure(structure) => match at {
            Value::String(name) => structure.fields.get(name),
            _ => return Err(Fault::overload()),
        },
        Value::List(items) => {
            let index = match at {
                Value::Int(index) => usize::try_from(*index).ok(),
                Value::Uint(index) => usize::try_from(*index).ok(),
                Value::Double(index) if index.fract() == 0.0 => {
                    (*index >= 0.0).then_some(*index as usize)
                }
                other => {
                    let kind = other.type_name();
                    return Err(Fault::new(format!(
                        "unsupported index type '{kind}' in list"
                    )));
                }
            };
            index.and_then(|index| items.get(index))
        }
        Value::Unknown(what) => return Err(Fault::unknown(&**what)),
        _ => None,
    };
    found.cloned().map(known).transpose()
}

fn select(of: &Value, at: &Value) -> Outcome {
    // Behind an optional, all is optional.
    if let Value::Optional(_) = of {
        return optional(of, at);
    }
    find(of, at)?.ok_or_else(|| {
        let at = functions::plain(at);
        Fault::new(match of {
            Value::List(_) => format!("index out of bounds: {at}"),
            _ => format!("no such key: {at}"),
        })
    })
}

fn optional(of: &Value, at: &Value) -> Outcome {
    match of {
        Value::Optional(None) => Ok(Value::NONE),
        Value::Optional(Some(value)) => optional(value, at),
        value => Ok(Value::Optional(find(value, at)?.map(Rc::new))),
    }
}

fn has(of: &Value, field: &Rc<str>) -> Outcome {
    match of {
        Value::Optional(None) => Ok(Value::Bool(false)),
        Value::Optional(Some(value)) => has(value, field),
        value => {
            let found = find(value, &Value::String(field.clone()))?;
            Ok(Value::Bool(found.is_some()))
        }
    }
}
