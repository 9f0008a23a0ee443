//! What is known of a revision's signature.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known of a revision's signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureState {
    /// Nobody looked.
    #[default]
    NotLookedAt,
    Unsigned,
    /// Signed, and the Repository has no keys to judge it by.
    NotJudged,
    Good {
        /// The key's name, as the platform team gave it.
        signer: String,
        /// `SSH SHA256:…` or `OpenPGP …`.
        key: String,
    },
    /// Not judged, because the platform team took the commit by name.
    Accepted {
        reason: String,
    },
    Bad {
        why: String,
    },
    /// As a status from before tells it.
    Recorded(String),
}

impl SignatureState {
    /// For a status; nothing if nobody looked.
    pub fn told(&self) -> Option<String> {
        (*self != Self::NotLookedAt).then(|| self.to_string())
    }

    pub fn recorded(text: Option<String>) -> Self {
        text.map_or(Self::NotLookedAt, Self::Recorded)
    }
}

impl fmt::Display for SignatureState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLookedAt => f.write_str("not looked at"),
            Self::Unsigned => f.write_str("unsigned"),
            Self::NotJudged => f.write_str("signed, not judged"),
            Self::Good { signer, key } => write!(f, "good: {signer}, {key}"),
            Self::Accepted { reason } => write!(f, "accepted: {reason}"),
            Self::Bad { why } => write!(f, "bad: {why}"),
            Self::Recorded(text) => f.write_str(text),
        }
    }
}

/// A text of a stranger's in one line of at most so many characters, without what a terminal
/// would take for a command.
pub fn one_line(text: &str, limit: usize) -> String {
    let shown = text
        .chars()
        .map(|it| if it.is_control() { '\u{fffd}' } else { it });
    let mut line: String = shown.take(limit).collect();
    if text.chars().nth(limit).is_some() {
        line.push('…');
    }
    line
}
