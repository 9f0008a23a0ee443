//! Texts with the values of variables in the place of their names.

use super::operation::applied;
use super::template::{Expression, Node, parse};

/// Bytes of one text.
pub(super) const TEXT: usize = 1 << 20;
/// Bytes of all texts of one kit that have a variable in them.
const ALL: usize = 32 << 20;
/// Steps of patterns, for all texts of one kit: less than a second.
const STEPS: usize = 50_000_000;

/// A variable's value.
#[derive(Clone, Copy, Debug)]
pub struct Variable<'v> {
    pub text: &'v str,
    /// It is a Secret's.
    pub secret: bool,
}

/// A text that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    pub text: String,
    /// What expressions with Secrets' variables in them came to: not to be told.
    pub secrets: Vec<String>,
}

/// Why a text could not be made. Tells names, and never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Syntax(String),
    #[error("the variable {0} is not set")]
    Unset(String),
    #[error("the text would be over 1 MiB long, or all texts of the kit over 32 MiB")]
    TooLong,
    #[error("a pattern takes too many steps")]
    TooMuch,
    #[error("two fields of one mapping would have the same name")]
    Twice,
    #[error(
        "a variable that comes from a Secret is in the name of an object or of a field, which is shown everywhere"
    )]
    SecretInName,
    #[error("an operation cuts a character in two: positions are counted in bytes")]
    Cut,
}

impl Fault {
    pub(super) fn syntax(what: &str) -> Self {
        Self::Syntax(what.to_owned())
    }
}

/// What one kit may take.
#[derive(Clone, Debug)]
pub struct Work {
    steps: usize,
    bytes: usize,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            steps: STEPS,
            bytes: ALL,
        }
    }
}

impl Work {
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        self.steps = self.steps.checked_sub(steps).ok_or(Fault::TooMuch)?;
        Ok(())
    }

    fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Fault::TooLong)?;
        Ok(())
    }
}

/// Puts values in the place of `${name}` and of operations on it; `$${name}` stays, with one `$`.
/// `strict`: a variable that is not set is a fault where the expression has no default.
pub fn expand<'v>(
    text: &str,
    variable: &dyn Fn(&str) -> Option<Variable<'v>>,
    strict: bool,
    work: &mut Work,
) -> Result<Expanded, Fault> {
    let mut expansion = Expansion {
        variable,
        strict,
        work,
        secret: false,
    };
    let mut made = Expanded::default();
    for node in parse(text)? {
        expansion.secret = false;
        let part = expansion.node(&node)?;
        if made.text.len() + part.len() > TEXT {
            return Err(Fault::TooLong);
        }
        made.text.push_str(&part);
        if expansion.secret && !part.is_empty() {
            made.secrets.push(part);
        }
    }
    Ok(made)
}

struct Expansion<'e, 'v> {
    variable: &'e dyn Fn(&str) -> Option<Variable<'v>>,
    strict: bool,
    work: &'e mut Work,
    /// A Secret's variable was used.
    secret: bool,
}

impl Expansion<'_, '_> {
    fn node(&mut self, node: &Node) -> Result<String, Fault> {
        let made = match node {
            Node::Text(text) => text.clone(),
            Node::Expression(expression) => self.expression(expression)?,
        };
        self.work.make(made.len())?;
        Ok(made)
    }

    fn expression(&mut self, expression: &Expression) -> Result<String, Fault> {
        let arguments = expression.arguments.iter();
        let arguments: Vec<String> = arguments
            .map(|it| self.node(it))
            .collect::<Result<_, _>>()?;
        let found = (self.variable)(&expression.name);
        let defaults = ["=", ":=", ":-", ":+", ":?"].contains(&expression.operation.as_str());
        if found.is_none() && self.strict && !defaults {
            return Err(Fault::Unset(expression.name.clone()));
        }
        self.secret |= found.is_some_and(|it| it.secret);
        let value = found.map_or("", |it| it.text);
        let made = applied(expression, value, &arguments, self.work)?;
        match made.len() <= TEXT {
            true => Ok(made),
            false => Err(Fault::TooLong),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
