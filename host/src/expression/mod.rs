//! Expressions of the Common Expression Language (CEL, cel.dev) that kits bring: parsed where the
//! kit.yaml is read, evaluated on one object. They come from a repository, so both are bounded: by
//! the shape of the expression, the depth of its parser, and the size of what it is given. Pure.

mod shape;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::objects::{Key, Map};
use cel::parser::PrattParser;
use cel::{Context, Env, ExecutionError, Value as Cel};
use serde_json::Value;

/// Bytes of an expression's text.
const TEXT: usize = 1_000;
/// Levels of its tree.
const DEPTH: u16 = 24;
/// Bytes of each thing that an expression is given, as JSON.
const INPUT: usize = 64 * 1024;
/// What every expression is evaluated in.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
/// Characters of a text that an expression makes.
const ANSWER: usize = 500;

/// A parsed expression. Two are the same if their texts are.
#[derive(Clone)]
pub struct Expression(Arc<Parsed>);

struct Parsed {
    text: String,
    tree: IdedExpr,
}

impl Expression {
    /// Parses a text that may name these variables and no others.
    ///
    /// # Errors
    /// What is wrong with it, in words that can stand after its place.
    pub fn parse(text: &str, variables: &[&str]) -> Result<Self, String> {
        if text.len() > TEXT {
            let length = text.len();
            return Err(format!(
                "the expression has {length} bytes; it may have {TEXT}"
            ));
        }
        let parser = PrattParser::new()
            .max_recursion_depth(DEPTH)
            .error_recovery_limit(1)
            .error_reporting_limit(1);
        let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse(text)));
        let tree = match parsed {
            Ok(Ok(tree)) => tree,
            Ok(Err(errors)) => {
                let first = errors.errors.first();
                let words = first.map_or("it cannot be read".into(), |it| it.msg.clone());
                let at = first.map_or(0, |it| it.pos.1);
                return Err(format!(
                    "this is no CEL expression, at character {at}: {words}"
                ));
            }
            Err(_) => return Err("this is no CEL expression".into()),
        };
        shape::accept(&tree, variables)?;
        Ok(Self(Arc::new(Parsed {
            text: text.to_owned(),
            tree,
        })))
    }

    /// Whether it is true of these. A field that is not there makes it false.
    ///
    /// # Errors
    /// Why it cannot be told; no value of an object is in the words.
    pub fn holds(&self, variables: &[(&str, &Value)]) -> Result<bool, String> {
        match self.evaluate(variables)? {
            Some(Cel::Bool(holds)) => Ok(holds),
            None => Ok(false),
            Some(_) => Err(format!("`{self}` is neither true nor false")),
        }
    }

    /// The text that it makes of these; `None` where a field is not there.
    ///
    /// # Errors
    /// As for [`Self::holds`].
    pub fn text(&self, variables: &[(&str, &Value)]) -> Result<Option<String>, String> {
        match self.evaluate(variables)? {
            Some(Cel::String(text)) => Ok(Some(text.chars().take(ANSWER).collect())),
            None => Ok(None),
            Some(_) => Err(format!("`{self}` is no text")),
        }
    }

    fn evaluate(&self, variables: &[(&str, &Value)]) -> Result<Option<Cel>, String> {
        let largest = variables.iter().map(|(_, value)| size(value)).max();
        if let Some(size) = largest.filter(|size| *size > INPUT) {
            return Err(format!(
                "`{self}` cannot be asked: the object has {size} bytes, and an expression is given {INPUT} at most"
            ));
        }
        let mut context = Context::with_env(STANDARD.clone());
        for (name, value) in variables {
            context.add_variable_from_value(*name, cel_value(value));
        }
        match catch_unwind(AssertUnwindSafe(|| Cel::resolve(&self.0.tree, &context))) {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_))) => Ok(None),
            Ok(Err(error)) => Err(format!("`{self}` {}", words(&error))),
            Err(_) => Err(format!("`{self}` cannot be evaluated")),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Expression {}

/// Without the values that the library's own words have: they may be a Secret's.
fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(_) | ExecutionError::UndeclaredReference(_) => {
            format!("fails: {error}")
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "divides by zero".into()
        }
        ExecutionError::Overflow(..) => "goes over the largest number".into(),
        _ => "is asked of a value of another type than it expects".into(),
    }
}

/// Bytes of a value as JSON, near enough for a bound.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size(item) + 1).sum::<usize>() + 2,
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| name.len() + size(value) + 4);
            fields.sum::<usize>() + 2
        }
        _ => 8,
    }
}

/// Whole numbers are `int`, as they are in Kubernetes' own expressions; a field that is null is as
/// one that is not there.
fn cel_value(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Cel::Int(whole),
            (None, Some(whole)) => Cel::UInt(whole),
            (None, None) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(cel_value).collect())),
        Value::Object(map) => {
            let fields: HashMap<Key, Cel> = map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (Key::String(Arc::new(name.clone())), cel_value(value)))
                .collect();
            Cel::Map(Map {
                map: Arc::new(fields),
            })
        }
    }
}
