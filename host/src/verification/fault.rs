//! Why a revision is not taken up.

use std::fmt;

use crate::manifest::Finding;
use crate::signature::one_line;
use crate::source::{Commit, Revision};

/// Characters of a text of a stranger's.
const TEXT_LIMIT: usize = 80;

/// One thing that is wrong with a commit, or with the history as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub revision: Revision,
    /// `Name <email>` and the subject, as far as the fault is about one commit.
    by: Option<(String, String)>,
    /// Follows the commit's id: "is not signed".
    why: String,
    next: String,
}

impl Fault {
    pub(super) fn of(commit: &Commit, why: impl Into<String>, next: impl Into<String>) -> Self {
        let short = |text: &str| one_line(text, TEXT_LIMIT);
        Self {
            by: Some((short(&commit.author), short(&commit.subject))),
            ..Self::whole(&commit.revision, why, next)
        }
    }

    pub(super) fn whole(
        revision: &Revision,
        why: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            revision: revision.clone(),
            by: None,
            why: why.into(),
            next: next.into(),
        }
    }

    /// For a status. Bears no name: what is recorded of it stays when a name is to be forgotten.
    pub fn finding(&self) -> Finding {
        let message = format!("commit {} {}", self.revision.short(), self.why);
        let mut finding = Finding::host_error("unverified", message).hint(&*self.next);
        finding.tags = vec![("commit".into(), self.revision.to_string())];
        finding
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.revision.short())?;
        if let Some((author, subject)) = &self.by {
            write!(f, " by {author} ({subject})")?;
        }
        write!(f, " {}; {}", self.why, self.next)
    }
}
