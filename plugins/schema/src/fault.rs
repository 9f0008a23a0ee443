//! What is wrong with an object, before it is a finding.

use trimtab_plugin::{Exemption, Object, Report, Severity};

pub const UNKNOWN_FIELD: &str = "unknown-field";
pub const WRONG_TYPE: &str = "wrong-type";
pub const MISSING_FIELD: &str = "missing-field";
pub const VALUE: &str = "value";
pub const DUPLICATE: &str = "duplicate";
pub const VALIDATION: &str = "validation";
pub const CEL_NOT_EVALUATED: &str = "cel-not-evaluated";

#[derive(Debug)]
pub struct Fault {
    pub rule: &'static str,
    pub severity: Severity,
    pub message: String,
    /// RFC 6901.
    pub pointer: String,
    pub proposed: Option<String>,
    pub tag: Option<(&'static str, String)>,
}

impl Fault {
    pub fn error(rule: &'static str, pointer: impl ToString, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            message: message.into(),
            pointer: pointer.to_string(),
            proposed: None,
            tag: None,
        }
    }

    pub fn warning(rule: &'static str, pointer: impl ToString, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(rule, pointer, message)
        }
    }

    pub fn proposing(self, proposed: Option<String>) -> Self {
        Self { proposed, ..self }
    }

    pub fn tagged(self, name: &'static str, value: impl ToString) -> Self {
        Self {
            tag: Some((name, value.to_string())),
            ..self
        }
    }

    pub fn tell(self, object: &Object, exempt: &[Exemption], report: &mut Report) {
        if Exemption::any(exempt, self.rule, object, None) {
            return;
        }
        let finding = match self.severity {
            Severity::Error => report.error(self.rule, self.message, object, &self.pointer),
            _ => report.warning(self.rule, self.message, object, &self.pointer),
        };
        let finding = match self.proposed {
            Some(proposed) => finding.propose(proposed),
            None => finding,
        };
        if let Some((name, value)) = self.tag {
            finding.tag(name, value);
        }
    }
}

/// RFC 6901, grown and shrunk on the way through an object.
#[derive(Clone, Debug, Default)]
pub struct Pointer {
    text: String,
}

impl Pointer {
    pub fn child(&self, name: &str) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self {
            text: format!("{}/{name}", self.text),
        }
    }

    pub fn item(&self, index: usize) -> Self {
        Self {
            text: format!("{}/{index}", self.text),
        }
    }

    pub fn is_within(&self, field: &str) -> bool {
        self.text
            .strip_prefix(field)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What a person calls it: `ports`, `item 2 of ports`, or `the object`.
    pub fn name(&self) -> String {
        let mut parts: Vec<&str> = self.text.rsplit('/').collect();
        parts.pop();
        let plain = |it: &str| it.replace("~1", "/").replace("~0", "~");
        match parts.as_slice() {
            [] => "the object".into(),
            [last, of, ..] if !last.is_empty() && last.bytes().all(|it| it.is_ascii_digit()) => {
                format!("item {last} of {}", plain(of))
            }
            [last, ..] => plain(last),
        }
    }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
