//! What a rule, or the host itself, has to say about a kit.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ObjectKey, Origin, Span, clean};

/// How much a finding weighs. An error keeps the whole kit from the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        })
    }
}

/// A second place that a finding is about: the other object with the same nodePort, say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// One thing that is wrong, or worth knowing, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `plugin/rule` (`port-policy/service-port`); the host's own begin with `trimtab/`.
    pub rule: String,
    pub severity: Severity,
    /// One sentence. Never holds a Secret's value.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectKey>,
    /// RFC 6901 pointer into the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The exact text that the finding is about, in `origin.path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// What to write instead, in place of the value at `field`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<String>,
    /// What a person can do next, where there is no value to propose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Why it is let be: the reason of the Repository's exemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Names and values that a rule adds for machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
}

impl Finding {
    /// An error of the host's own; `rule` is without the `trimtab/`.
    pub fn host_error(rule: &str, message: impl Into<String>) -> Self {
        Self {
            rule: format!("trimtab/{rule}"),
            severity: Severity::Error,
            // It may name files, and those are the repository's.
            message: clean(&message.into(), usize::MAX),
            object: None,
            field: None,
            origin: None,
            span: None,
            proposed: None,
            hint: None,
            exempt: None,
            notes: Vec::new(),
            tags: Vec::new(),
        }
    }

    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    pub fn spanning(mut self, path: &str, span: Span) -> Self {
        self.origin = Some(Origin::new(path, span.line));
        self.span = Some(span);
        self
    }

    pub fn about(mut self, object: ObjectKey) -> Self {
        self.object = Some(object);
        self
    }

    pub fn field(mut self, pointer: impl Into<String>) -> Self {
        self.field = Some(pointer.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn note(mut self, message: impl Into<String>, origin: Option<Origin>) -> Self {
        self.notes.push(Note {
            message: message.into(),
            origin,
        });
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `kits/a/service.yaml:14: error: message [port-policy/service-port]`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        write!(f, "{}: {}", self.severity, self.message)?;
        if let Some(object) = &self.object {
            write!(f, " ({object}")?;
            if let Some(field) = self.field.as_deref().filter(|it| !it.is_empty()) {
                write!(f, " {field}")?;
            }
            f.write_str(")")?;
        }
        write!(f, " [{}]", self.rule)?;
        if let Some(proposed) = &self.proposed {
            write!(f, "; write {proposed} instead")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        if let Some(reason) = &self.exempt {
            write!(f, "; exempt: {reason}")?;
        }
        Ok(())
    }
}
