//! CEL (cel.dev) as x-kubernetes-validations has it; the only place that names the cel crate's
//! evaluator. What this evaluator does not have is told apart from what is false.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::parser::PrattParser;
use cel::{Context, Env, ExecutionError, Value as Cel};

use crate::library;

/// Levels of an expression's tree: each takes some of the guest's stack.
const DEPTH: u16 = 64;

/// Why an expression gives no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The API server has the same trouble, and refuses the object.
    Fails(String),
    /// This evaluator does not have what the expression uses.
    NotEvaluated(String),
}

#[derive(Default)]
pub struct Evaluator {
    environment: OnceCell<Arc<Env>>,
    parsed: RefCell<HashMap<String, Rc<Result<IdedExpr, Trouble>>>>,
}

impl Evaluator {
    fn environment(&self) -> &Arc<Env> {
        self.environment
            .get_or_init(|| Arc::new(library::environment()))
    }

    fn parsed(&self, text: &str) -> Rc<Result<IdedExpr, Trouble>> {
        if let Some(parsed) = self.parsed.borrow().get(text) {
            return Rc::clone(parsed);
        }
        let parser = PrattParser::new()
            .max_recursion_depth(DEPTH)
            .error_recovery_limit(1)
            .error_reporting_limit(1)
            .enable_optional_syntax(true);
        let parsed = parser.parse(text).map_err(|errors| {
            let first = errors.errors.first().map(|it| it.msg.clone());
            Trouble::NotEvaluated(format!(
                "it cannot be read: {}",
                first.unwrap_or_else(|| "it is no CEL".into())
            ))
        });
        let parsed = Rc::new(parsed);
        let known = Rc::clone(&parsed);
        self.parsed.borrow_mut().insert(text.to_owned(), known);
        parsed
    }

    /// Whether a rule is about a change: it names what the object was before.
    pub fn names_old_self(&self, text: &str) -> bool {
        matches!(&*self.parsed(text), Ok(tree) if tree.references().has_variable("oldSelf"))
    }

    pub fn holds(&self, text: &str, this: &Cel) -> Result<bool, Trouble> {
        match self.evaluate(text, this)? {
            Cel::Bool(holds) => Ok(holds),
            _ => Err(Trouble::Fails("it is neither true nor false".into())),
        }
    }

    /// The text that a messageExpression makes.
    pub fn text(&self, text: &str, this: &Cel) -> Option<String> {
        match self.evaluate(text, this) {
            Ok(Cel::String(text)) if !text.trim().is_empty() && !text.contains('\n') => {
                Some(text.to_string())
            }
            _ => None,
        }
    }

    fn evaluate(&self, text: &str, this: &Cel) -> Result<Cel, Trouble> {
        let parsed = self.parsed(text);
        let tree = match &*parsed {
            Ok(tree) => tree,
            Err(trouble) => return Err(trouble.clone()),
        };
        let mut context = Context::with_env(Arc::clone(self.environment()));
        context.add_variable_from_value("self", this.clone());
        if tree.references().has_variable("oldSelf") {
            // Only rules that take an object without an older self come here.
            context.add_variable_from_value("oldSelf", self.none()?);
        }
        Cel::resolve(tree, &context).map_err(|error| trouble(&error))
    }

    /// `optional.none()`, which has no constructor of its own.
    fn none(&self) -> Result<Cel, Trouble> {
        let parsed = self.parsed("optional.none()");
        let tree = parsed.as_ref().as_ref().map_err(Clone::clone)?;
        let context = Context::with_env(Arc::clone(self.environment()));
        Cel::resolve(tree, &context).map_err(|error| trouble(&error))
    }
}

/// Without the values that the library's own words have.
fn trouble(error: &ExecutionError) -> Trouble {
    match error {
        ExecutionError::NoSuchKey(key) => Trouble::Fails(format!("there is no {key}")),
        ExecutionError::IndexOutOfBounds(_) => Trouble::Fails("an index is out of bounds".into()),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            Trouble::Fails("it divides by zero".into())
        }
        ExecutionError::Overflow(..) => Trouble::Fails("a number is too large".into()),
        ExecutionError::DuplicateKey(_) => Trouble::Fails("a key is there twice".into()),
        ExecutionError::FunctionError { function, message } => {
            Trouble::Fails(format!("{function}: {message}"))
        }
        ExecutionError::NoSuchOverload(error) => {
            Trouble::NotEvaluated(format!("its functions are not all known here: {error}"))
        }
        ExecutionError::UndeclaredReference(name) => {
            Trouble::NotEvaluated(format!("{name} is not known here"))
        }
        _ => Trouble::NotEvaluated("it uses a value in a way that is not known here".into()),
    }
}
