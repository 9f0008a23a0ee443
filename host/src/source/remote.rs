//! Talking to a Git server.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What of a remote is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Follow {
    Branch(String),
    Tag(String),
    /// The highest tag in a range (`>=1.2, <2`, `1.x`), by SemVer 2.0; a leading `v` is allowed.
    Semver(String),
    /// A full commit id.
    Commit(String),
}

/// What a server wants to see. Never printed: `Debug` says which kind it is, no more.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    pub username: Option<String>,
    /// A password or a token.
    pub password: Option<String>,
    /// An OpenSSH or PEM private key.
    pub ssh_key: Option<String>,
    pub ssh_passphrase: Option<String>,
    /// Lines as in OpenSSH's known_hosts (hashed names too).
    pub known_hosts: Option<String>,
    /// PEM certificates that a TLS server's may be signed by, instead of the system's.
    pub ca: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("password", &self.password.is_some())
            .field("ssh_key", &self.ssh_key.is_some())
            .field("known_hosts", &self.known_hosts.is_some())
            .field("ca", &self.ca.is_some())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteSpec {
    /// `https://`, `http://`, `ssh://`, `user@host:path` or `file://`.
    pub url: String,
    pub follow: Follow,
    pub auth: Auth,
    /// How long one exchange with the server may take in all.
    pub deadline: Duration,
}

/// How the network is reached: libgit2 cannot be interrupted while a server is silent,
/// so each exchange runs in a child process of this binary (`trimtab git-worker`) that can be killed.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The `trimtab` binary.
    pub program: PathBuf,
}

/// Why nothing new could be had from a remote. Each is a condition's reason (CamelCase name).
/// No message holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RemoteError {
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} did not answer within {seconds} s")]
    TimedOut { url: String, seconds: u64 },
    #[error("{url} refused the credentials: {reason}")]
    AuthenticationFailed { url: String, reason: String },
    #[error("the server of {url} is not who it should be: {reason}")]
    HostNotTrusted { url: String, reason: String },
    #[error("{url} has no {wanted}")]
    RefNotFound { url: String, wanted: String },
    #[error("{url} is empty: it has no commit yet")]
    Empty { url: String },
    #[error("{url} no longer has commit {commit}")]
    CommitGone { url: String, commit: String },
    #[error("{url} is not a URL that can be followed: {reason}")]
    InvalidUrl { url: String, reason: String },
    #[error("the server of {url} does not speak Git: {reason}")]
    Protocol { url: String, reason: String },
    #[error("the mirror of {url} cannot be written: {reason}")]
    Storage { url: String, reason: String },
}

impl RemoteError {
    /// The condition's reason, in CamelCase.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "Unreachable",
            Self::TimedOut { .. } => "TimedOut",
            Self::AuthenticationFailed { .. } => "AuthenticationFailed",
            Self::HostNotTrusted { .. } => "HostNotTrusted",
            Self::RefNotFound { .. } => "RefNotFound",
            Self::Empty { .. } => "EmptyRepository",
            Self::CommitGone { .. } => "CommitGone",
            Self::InvalidUrl { .. } => "InvalidUrl",
            Self::Protocol { .. } => "ProtocolError",
            Self::Storage { .. } => "StorageError",
        }
    }
}
