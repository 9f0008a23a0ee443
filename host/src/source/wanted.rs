//! What of another place is meant, and what exactly it is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::remote::masked;

/// Something of another place, by a name that may mean something else tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A branch, a tag, or `HEAD`.
    Git { url: String, name: String },
    /// One file, by HTTP.
    File { url: String },
    /// A chart of a repository with an `index.yaml`.
    Chart {
        repository: String,
        name: String,
        version: String,
    },
    /// A chart of a registry: `oci://registry/path/name`, and its tag.
    Artifact { url: String, version: String },
}

/// The same by its content: whoever has it has the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pinned {
    /// The files of a commit, by its full id.
    Commit { url: String, commit: String },
    /// `sha256`: 64 hexadecimal digits, of the file.
    File { url: String, sha256: String },
    /// `sha256`: of the packed chart.
    Chart {
        repository: String,
        name: String,
        version: String,
        sha256: String,
    },
    /// `sha256`: of the artifact's manifest.
    Artifact { url: String, sha256: String },
}

impl Reference {
    /// What `spec.sources` must have.
    pub fn url(&self) -> &str {
        match self {
            Self::Git { url, .. } | Self::File { url } | Self::Artifact { url, .. } => url,
            Self::Chart { repository, .. } => repository,
        }
    }
}

impl Pinned {
    /// What `spec.sources` must have.
    pub fn url(&self) -> &str {
        match self {
            Self::Commit { url, .. } | Self::File { url, .. } | Self::Artifact { url, .. } => url,
            Self::Chart { repository, .. } => repository,
        }
    }

    /// What tells its content: a commit's id, or a SHA-256.
    pub fn content(&self) -> &str {
        match self {
            Self::Commit { commit, .. } => commit,
            Self::File { sha256, .. }
            | Self::Chart { sha256, .. }
            | Self::Artifact { sha256, .. } => sha256,
        }
    }
}

/// `https://git.example.org/acme/base at v1`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git { url, name } => write!(f, "{} at {name}", masked(url)),
            Self::File { url } => f.write_str(&masked(url)),
            Self::Chart {
                repository,
                name,
                version,
            } => write!(f, "chart {name} {version} of {}", masked(repository)),
            Self::Artifact { url, version } => write!(f, "{} {version}", masked(url)),
        }
    }
}

/// `https://git.example.org/acme/base at 1f2e3d4`.
impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |it: &str| it.get(..7).unwrap_or(it).to_owned();
        match self {
            Self::Commit { url, commit } => write!(f, "{url} at {}", short(commit)),
            Self::File { url, .. } => f.write_str(url),
            Self::Chart {
                repository,
                name,
                version,
                ..
            } => write!(f, "chart {name} {version} of {repository}"),
            Self::Artifact { url, sha256 } => write!(f, "{url}@sha256:{}", short(sha256)),
        }
    }
}

/// Whether a Git ref is a commit's full id, which is all that pins it.
pub fn is_commit(name: &str) -> bool {
    name.len() == 40
        && name
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a text is a SHA-256 in lower case hexadecimal.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}
