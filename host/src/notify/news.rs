//! One thing that happened, as an outbox is told it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kit::{EventKind, Provider, RevisionStatus, guess};
use crate::manifest::Finding;
use crate::source::project_of;

use super::text::{clipped, line, name};

/// Characters of a text in a message.
const TEXT: usize = 600;
/// Findings of a kit that a message tells.
const FINDINGS: usize = 3;

#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// When it happened; also its place in what a target has been told.
    pub at: Timestamp,
    pub event: EventKind,
    /// The kit's directory; none if it is about the repository.
    pub kit: Option<String>,
    pub revision: Option<RevisionStatus>,
    pub message: String,
    /// Errors, the first ones.
    pub findings: Vec<Finding>,
    /// Of a revision that is live: what it changed.
    pub kits: Vec<String>,
}

impl News {
    /// Newer ones of the same subject take the place of one that is not sent yet.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.event == other.event && self.kit == other.kit
    }

    pub(super) fn revision_id(&self) -> &str {
        self.revision.as_ref().map_or("", |it| &it.revision)
    }

    /// For people, in one line.
    pub(super) fn words(&self) -> String {
        clipped(&line(&self.message), TEXT)
    }

    /// The lines of its findings.
    pub(super) fn finding_lines(&self) -> impl Iterator<Item = String> {
        let told = self.findings.iter().take(FINDINGS);
        told.map(|it| clipped(&line(&it.to_string()), TEXT))
    }

    pub(super) fn json(&self) -> Value {
        let text = |it: &Option<String>| it.as_deref().map(|it| clipped(&line(it), TEXT));
        let findings: Vec<Value> = self
            .findings
            .iter()
            .take(FINDINGS)
            .map(|it| {
                json!({
                    "rule": it.rule, "severity": it.severity, "message": clipped(&line(&it.message), TEXT),
                    "path": it.origin.as_ref().map(|at| line(&at.path)),
                    "line": it.origin.as_ref().map(|at| at.line),
                    "object": it.object.as_ref().map(ToString::to_string),
                    "field": text(&it.field), "proposed": text(&it.proposed), "hint": text(&it.hint),
                })
            })
            .collect();
        json!({
            "kit": self.kit, "at": self.at.to_string(), "message": self.words(),
            "findings": findings, "kits": self.kits,
        })
    }
}

/// A revision as messages show it: the author's address is nobody's business there.
pub(super) fn revision_json(revision: &RevisionStatus, page: Option<&str>) -> Value {
    json!({
        "id": revision.revision, "short": revision.short, "author": name(&revision.author),
        "subject": clipped(&line(&revision.subject), 200), "committedAt": revision.committed_at,
        "url": page,
    })
}

/// Where a person reads a commit, if the host is of a known kind.
pub fn commit_page(url: &str, provider: Option<Provider>, revision: &str) -> Option<String> {
    let project = project_of(url)?;
    let provider = provider.or_else(|| guess(&project.host))?;
    let between = match provider {
        Provider::GitLab => "/-/commit/",
        Provider::GitHub | Provider::Gitea => "/commit/",
    };
    let (web, path) = (&project.web, &project.project);
    let plain = |text: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:[]".contains(&b);
        text.bytes().all(fits)
    };
    (plain(web) && plain(path) && plain(revision))
        .then(|| format!("{web}/{path}{between}{revision}"))
}
