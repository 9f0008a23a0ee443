//! Functions of Rego that the engine lacks, or answers otherwise than OPA.

use regorus::{Engine, Value};

use crate::program::told;
use crate::regexes::{self, Faults};
use crate::sprintf;

/// Of Rego v0 alone, with how many arguments they take.
pub const OLDER: [(&str, u8); 3] = [("all", 1), ("any", 1), (regexes::OLDER, 2)];

/// What they cannot do is undefined, as in OPA.
pub fn add(engine: &mut Engine, v1: bool, faults: &Faults) -> Result<(), String> {
    // The engine's own fails where Go's only says that a verb does not fit, and what fails is
    // undefined: a violation that is told with it would be lost.
    let sprintf = |arguments: Vec<Value>| match &arguments[..] {
        [Value::String(format), Value::Array(values)] => {
            Ok(Value::from(sprintf::sprintf(format, values.iter())))
        }
        _ => Ok(Value::Undefined),
    };
    engine
        .add_extension("sprintf".to_owned(), 2, Box::new(sprintf))
        .map_err(|error| told(&error))?;
    regexes::add(engine, v1, faults)?;
    if v1 {
        return Ok(());
    }
    for (name, asks) in [
        ("any", (|held, _| held > 0) as fn(usize, usize) -> bool),
        ("all", |held, all| held == all),
    ] {
        let count = move |arguments: Vec<Value>| Ok(count(&arguments, asks));
        engine
            .add_extension(name.to_owned(), 1, Box::new(count))
            .map_err(|error| told(&error))?;
    }
    Ok(())
}

/// Asks about how many members are true, and how many there are.
fn count(arguments: &[Value], asks: fn(usize, usize) -> bool) -> Value {
    let truth = Value::Bool(true);
    match arguments {
        [Value::Array(items)] => {
            let held = items.iter().filter(|it| **it == truth).count();
            Value::Bool(asks(held, items.len()))
        }
        [Value::Set(items)] => {
            let held = usize::from(items.contains(&truth));
            Value::Bool(asks(held, items.len()))
        }
        _ => Value::Undefined,
    }
}
