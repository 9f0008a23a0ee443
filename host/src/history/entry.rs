//! One thing that happened, as it is recorded.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::append::Anchor;
use super::chain::Hash;
use super::outline::{FindingsNote, PlanNote, is_zero};

/// A text that can be erased later without the chain breaking: names, addresses, and what people
/// write. The chain holds a commitment to it, `SHA-256(salt ‖ text)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Told {
    Text(String),
    Erased {
        /// Always true.
        erased: bool,
    },
}

impl Told {
    pub const ERASED: Self = Self::Erased { erased: true };

    pub fn new(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// `None` where it was erased.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Erased { .. } => None,
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().unwrap_or("(erased)"))
    }
}

/// Why something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// A new revision.
    #[default]
    Commit,
    /// The Repository or the Kit was changed in the cluster.
    Spec,
    /// The platform team's values were changed in the cluster.
    Values,
    /// An operator went back.
    Rollback,
    /// The kit's own policy went back.
    AutomaticRollback,
    Resume,
    Suspend,
    /// `trimtab reconcile`.
    Request,
    /// Somebody else changed a live object.
    Drift,
    /// What failed before is tried again.
    Retry,
    /// What it waited for has come about: another kit, an object, a kind.
    Awaited,
    /// A live object's health changed.
    Health,
    /// A host began.
    Start,
    /// Names were erased on request.
    Erasure,
    /// Old records were let go.
    Retention,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// All of it is live; whether it is healthy is not known yet.
    Applied,
    /// Live, and healthy.
    Healthy,
    /// Live, and on its way.
    Progressing,
    /// Live, and failed or overdue.
    Unhealthy,
    /// Findings of error severity, or a signature that is not accepted: nothing was sent.
    Refused,
    /// The API server did not take all of it.
    Failed,
    /// Something that others do must happen first.
    Waiting,
    Suspended,
    Resumed,
    /// Taken back to an earlier revision.
    RolledBack,
    /// Nothing of it is left.
    Gone,
    /// A newer revision, or the host's end, broke it off when a part was sent.
    BrokenOff,
    /// An act that has no outcome of its own.
    #[default]
    Noted,
}

impl Outcome {
    /// Whether the revision is live by it.
    pub fn is_live(self) -> bool {
        matches!(
            self,
            Self::Applied | Self::Healthy | Self::Progressing | Self::Unhealthy | Self::RolledBack
        )
    }
}

/// Written and read as in JSON: `healthy`, `rolledBack`.
macro_rules! written_as_serialised {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.serialize(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = serde::de::value::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                use serde::de::IntoDeserializer as _;
                Self::deserialize(text.into_deserializer())
            }
        }
    )*};
}
written_as_serialised!(Cause, Outcome);

/// A commit, and who answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionNote {
    /// The full commit id.
    pub id: String,
    /// `Alice <alice@example.org>`.
    pub author: Told,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committer: Option<Told>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
    pub subject: Told,
    /// What is known of its signature, and whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Told>,
}

/// A rule that was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginUse {
    /// From the repository's root.
    pub path: String,
    /// `sha256:…`.
    pub digest: String,
}

/// Values from the cluster, by the name that the Repository gives them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesNote {
    pub name: String,
    /// `sha256:…`, salted where they are a Secret's; `none` where there are none.
    pub digest: String,
}

/// An object that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthNote {
    /// `Deployment.apps acme/shop`.
    pub object: String,
    /// `progressing`, `failed` or `terminating`.
    pub health: String,
    pub message: String,
}

/// Milliseconds that the parts of an attempt took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// Reading, rendering, and hearing the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated_ms: Option<u64>,
    /// Until the API server had taken it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_ms: Option<u64>,
    /// From then until all of it was healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_ms: Option<u64>,
}

impl Durations {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a run of retention let go: everything up to a record, and that record's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    pub through: u64,
    pub hash: Hash,
}

/// How many of each list are not in a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub plugins: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub values: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub health: u32,
}

impl LeftOut {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One attempt on a kit, one act of an operator, or one thing of a Repository. Texts and lists are
/// cut to their bounds when it is appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// RFC 3339; kept to the millisecond.
    pub at: Timestamp,
    /// The namespace of the Repository; empty for acts on the record itself.
    pub namespace: String,
    pub repository: String,
    /// The kit's directory from the root, `.` for the root; `None`: the Repository itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kit: Option<String>,
    pub cause: Cause,
    /// Who asked for it, as the cluster knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Told>,
    /// What the operator gave as the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Told>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionNote>,
    /// The revision in whose place this one is: of pins and rollbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginUse>,
    /// The platform team's values that it was rendered with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValuesNote>,
    /// The digest of the kit's inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// The digest of what was rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default, skip_serializing_if = "FindingsNote::is_none")]
    pub findings: FindingsNote,
    #[serde(default, skip_serializing_if = "PlanNote::is_none")]
    pub plan: PlanNote,
    pub outcome: Outcome,
    /// One line; names no person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Failed ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthNote>,
    #[serde(default, skip_serializing_if = "Durations::is_none")]
    pub durations: Durations,
    /// The record that this one repeats, because that is too old to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<u64>,
    /// How many texts were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<u64>,
    /// Which, by their commitments: what is missing and stands in none of these was taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased_texts: Vec<Hash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub let_go: Option<LetGo>,
    /// Where the record had got to before, which this one does not continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Anchor>,
    /// What there was no room for, beside what the lists say themselves.
    #[serde(default, skip_serializing_if = "LeftOut::is_none")]
    pub left_out: LeftOut,
}

impl Entry {
    /// Of a Repository, or with a kit's path of a kit; nothing else is said yet.
    pub fn new(
        at: Timestamp,
        namespace: impl Into<String>,
        repository: impl Into<String>,
        kit: Option<String>,
        cause: Cause,
        outcome: Outcome,
    ) -> Self {
        Self {
            at,
            namespace: namespace.into(),
            repository: repository.into(),
            kit,
            cause,
            operator: None,
            reason: None,
            revision: None,
            instead_of: None,
            plugins: Vec::new(),
            values: Vec::new(),
            inputs: None,
            digest: None,
            findings: FindingsNote::default(),
            plan: PlanNote::default(),
            outcome,
            message: String::new(),
            health: Vec::new(),
            durations: Durations::default(),
            carried_from: None,
            erased: None,
            erased_texts: Vec::new(),
            let_go: None,
            lost: None,
            left_out: LeftOut::default(),
        }
    }

    /// What can be erased of it.
    pub(super) fn told_mut(&mut self) -> impl Iterator<Item = &mut Told> {
        let revision = self.revision.iter_mut().flat_map(|it| {
            [
                Some(&mut it.author),
                it.committer.as_mut(),
                Some(&mut it.subject),
                it.signature.as_mut(),
            ]
        });
        [self.operator.as_mut(), self.reason.as_mut()]
            .into_iter()
            .chain(revision)
            .flatten()
    }
}
