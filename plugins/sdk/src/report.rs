//! What a rule has to say.

use std::fmt::Display;

use crate::{Level, Object};

/// An error keeps the kit from the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
    Info,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: String,
    pub severity: Severity,
    pub message: String,
    pub object: Option<u32>,
    /// RFC 6901.
    pub field: Option<String>,
    /// What to write instead, in place of the value at `field`.
    pub proposed: Option<String>,
    pub tags: Vec<(String, String)>,
}

/// Collects findings.
#[derive(Default)]
pub struct Report {
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    /// An error about a field of an object; `field` is an RFC 6901 pointer, empty for the whole.
    pub fn error(
        &mut self,
        rule: &str,
        message: impl Display,
        object: &Object,
        field: &str,
    ) -> Finished<'_> {
        self.add(Severity::Error, rule, message, object, field)
    }

    pub fn warning(
        &mut self,
        rule: &str,
        message: impl Display,
        object: &Object,
        field: &str,
    ) -> Finished<'_> {
        self.add(Severity::Warning, rule, message, object, field)
    }

    /// What is worth knowing, and keeps nothing from the cluster.
    pub fn info(
        &mut self,
        rule: &str,
        message: impl Display,
        object: &Object,
        field: &str,
    ) -> Finished<'_> {
        self.add(Severity::Info, rule, message, object, field)
    }

    /// At the level that settings give the rule; none if it is `ignore`.
    pub fn tell(
        &mut self,
        level: Level,
        rule: &str,
        message: impl Display,
        object: &Object,
        field: &str,
    ) -> Option<Finished<'_>> {
        let severity = level.severity()?;
        Some(self.add(severity, rule, message, object, field))
    }

    fn add(
        &mut self,
        severity: Severity,
        rule: &str,
        message: impl Display,
        object: &Object,
        field: &str,
    ) -> Finished<'_> {
        self.findings.push(Finding {
            rule: rule.to_owned(),
            severity,
            message: message.to_string(),
            object: object.index,
            field: object.index.map(|_| field.to_owned()),
            proposed: None,
            tags: Vec::new(),
        });
        Finished {
            finding: self.findings.last_mut().expect("one was just pushed"),
        }
    }

    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// A finding that was reported, to which more can be said.
pub struct Finished<'r> {
    finding: &'r mut Finding,
}

impl Finished<'_> {
    /// What to write instead.
    pub fn propose(self, value: impl Display) -> Self {
        self.finding.proposed = Some(value.to_string());
        self
    }

    /// A name and a value for machines.
    pub fn tag(self, name: &str, value: impl Display) -> Self {
        self.finding.tags.push((name.to_owned(), value.to_string()));
        self
    }
}
