//! Talking to a Git server.

use std::path::{Path, PathBuf};
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
    /// A full commit id, of which the files alone are wanted: no history is fetched where the
    /// server gives it without.
    Files(String),
    /// What Git makes of a name: `HEAD`, a tag, or a branch. The files alone are wanted.
    Named(String),
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
    /// Bytes that one fetch may bring.
    pub limit: usize,
}

/// More than this in one fetch is an accident or an attack: it would fill the disk.
pub const FETCH_LIMIT: usize = 4 << 30;

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
    #[error("{url} sends more than {limit} bytes in one fetch")]
    TooLarge { url: String, limit: usize },
    #[error("what {url} sends makes no sense: {reason}")]
    Nonsense { url: String, reason: String },
    /// It is kept out: what is pinned is the only thing that may be used.
    #[error("{what} is not what was pinned: it has the digest {found}, and {wanted} is wanted")]
    OtherContent {
        what: String,
        wanted: String,
        found: String,
    },
    #[error("the mirror of {url} is damaged: {reason}")]
    Damaged { url: String, reason: String },
    #[error("the mirror of {url} cannot be written: {reason}")]
    Storage { url: String, reason: String },
    #[error(
        "there is no room for {url} in {folder} ({reason}); make room there, and it goes on by itself"
    )]
    NoRoom {
        url: String,
        folder: String,
        reason: String,
    },
}

/// What the system says where nothing more can be written. libgit2 repeats its words.
const NO_ROOM: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

impl RemoteError {
    /// If that is why `folder` could not be written. The rest of what was said names a file that
    /// is called otherwise at each try, and would be news at each poll.
    pub(super) fn no_room(url: &str, folder: &Path, said: &str) -> Option<Self> {
        let reason = NO_ROOM.iter().find(|words| said.contains(**words))?;
        Some(Self::NoRoom {
            url: url.to_owned(),
            folder: folder.display().to_string(),
            reason: (*reason).to_owned(),
        })
    }

    /// Why `folder` could not be written.
    pub(super) fn storage(url: &str, folder: &Path, said: &str) -> Self {
        Self::no_room(url, folder, said).unwrap_or_else(|| Self::Storage {
            url: url.to_owned(),
            reason: said.to_owned(),
        })
    }

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
            Self::TooLarge { .. } => "FetchTooLarge",
            Self::Nonsense { .. } => "ProtocolError",
            Self::OtherContent { .. } => "DigestDiffers",
            Self::Damaged { .. } => "MirrorDamaged",
            Self::Storage { .. } => "StorageError",
            Self::NoRoom { .. } => "DiskFull",
        }
    }
}

/// The port of an SSH URL; 22 where it says none.
pub(super) fn ssh_port(url: &str) -> u16 {
    let Some(rest) = url.strip_prefix("ssh://") else {
        return 22;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .unwrap_or(22)
}

/// A URL without the password that may stand in it.
pub fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest
        .split_once('/')
        .map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            format!("{}:***@{host}", user.split(':').next().unwrap_or_default())
        }
        _ => authority.to_owned(),
    };
    match path {
        Some(path) => format!("{scheme}://{authority}/{path}"),
        None => format!("{scheme}://{authority}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_masked() {
        assert_eq!(
            masked("https://me:secret@git.example.org/a/b.git"),
            "https://me:***@git.example.org/a/b.git"
        );
        assert_eq!(
            masked("git@git.example.org:a/b.git"),
            "git@git.example.org:a/b.git"
        );
        assert_eq!(
            masked("ssh://git@git.example.org:2222/a"),
            "ssh://git@git.example.org:2222/a"
        );
    }

    #[test]
    fn credentials_are_not_in_debug_output() {
        let auth = Auth {
            password: Some("hunter2".into()),
            ssh_key: Some("KEY".into()),
            ..Auth::default()
        };
        let text = format!("{auth:?}");
        assert!(!text.contains("hunter2") && !text.contains("KEY"), "{text}");
    }

    #[test]
    fn an_ssh_url_has_a_port() {
        assert_eq!(ssh_port("ssh://git@git.example.org:2222/a"), 2222);
        assert_eq!(ssh_port("ssh://git.example.org/a"), 22);
        assert_eq!(ssh_port("git@git.example.org:a"), 22);
    }
}
