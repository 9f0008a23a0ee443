//! Go's regular expressions as Rust's. A pattern is read as Go reads it and written anew: what Go
//! refuses is told apart from what only the crate here refuses: the first is a fault that a program
//! in Go has as well, and the second must not be taken for one.

use regex::{Error, RegexBuilder};
pub use regex::{Regex, escape};

mod numbers;
mod reader;

/// Of a compiled pattern.
const BYTES: usize = 1 << 20;

/// Why a pattern is not compiled.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Go refuses it as well.
    Invalid,
    /// Why it cannot be read here.
    Lacks(&'static str),
}

/// # Errors
/// It is no pattern to Go, or none that can be read here.
pub fn compile(pattern: &str) -> Result<Regex, Refusal> {
    let written = reader::written(pattern)?;
    let mut builder = RegexBuilder::new(&written);
    builder
        .size_limit(BYTES)
        .build()
        .map_err(|error| match error {
            Error::CompiledTooBig(_) => Refusal::Lacks("it is too large"),
            _ => Refusal::Lacks("it is written in a way that is not understood"),
        })
}

#[cfg(test)]
mod tests;
