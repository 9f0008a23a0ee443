//! What is wrong with a file.

use super::{ReadError, Span};

/// What is wrong, and where; the caller knows the path.
pub(super) struct Fault {
    pub line: u32,
    pub column: u32,
    pub message: String,
    pub hint: Option<&'static str>,
}

impl Fault {
    pub(super) fn at(span: &Span, message: impl Into<String>) -> Self {
        Self {
            line: span.line,
            column: span.column,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub(super) fn of(self, path: &str) -> ReadError {
        ReadError {
            path: path.to_owned(),
            line: self.line,
            column: self.column,
            message: self.message,
            hint: self.hint.map(str::to_owned),
        }
    }
}
