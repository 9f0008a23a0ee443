//! Files and charts that are fetched by HTTP, in a worker.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::remote::masked;
use super::{Auth, Pinned, Reference, RemoteError};
use crate::download::{self, Access, Fault, Want};

/// What a worker is asked to fetch.
#[derive(Serialize, Deserialize)]
pub(super) struct Fetch {
    pub what: What,
    pub auth: Auth,
    pub deadline: Duration,
    /// Where its bytes go. Nobody reads them there before they have been checked.
    pub to: PathBuf,
}

/// Something by HTTP, pinned or not yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum What {
    File {
        url: String,
    },
    Chart {
        repository: String,
        name: String,
        version: String,
    },
    /// `tag`: `1.2.3`, or `sha256:…`.
    Artifact {
        url: String,
        tag: String,
    },
}

/// What was fetched.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fetched {
    /// Of the artifact's manifest, whose bytes these are.
    pub manifest: Option<String>,
}

impl What {
    pub(super) fn url(&self) -> &str {
        match self {
            Self::File { url } | Self::Artifact { url, .. } => url,
            Self::Chart { repository, .. } => repository,
        }
    }

    /// `None` for what Git fetches.
    pub(super) fn of(reference: &Reference) -> Option<Self> {
        Some(match reference.clone() {
            Reference::Git { .. } => return None,
            Reference::File { url } => Self::File { url },
            Reference::Chart {
                repository,
                name,
                version,
            } => Self::Chart {
                repository,
                name,
                version,
            },
            Reference::Artifact { url, version } => Self::Artifact { url, tag: version },
        })
    }

    pub(super) fn of_pinned(pinned: &Pinned) -> Option<Self> {
        Some(match pinned.clone() {
            Pinned::Commit { .. } => return None,
            Pinned::File { url, .. } => Self::File { url },
            Pinned::Chart {
                repository,
                name,
                version,
                ..
            } => Self::Chart {
                repository,
                name,
                version,
            },
            Pinned::Artifact { url, sha256 } => Self::Artifact {
                url,
                tag: format!("sha256:{sha256}"),
            },
        })
    }
}

/// The worker's side.
pub(super) fn download(fetch: &Fetch) -> Result<Fetched, RemoteError> {
    let url = masked(fetch.what.url());
    let access = Access {
        username: fetch.auth.username.clone(),
        password: fetch.auth.password.clone(),
        ca: fetch.auth.ca.clone(),
    };
    let want = match fetch.what.clone() {
        What::File { url } => Want::File { url },
        What::Chart {
            repository,
            name,
            version,
        } => Want::Chart {
            repository,
            name,
            version,
        },
        What::Artifact { url, tag } => Want::Artifact { url, tag },
    };
    let got = download::download(&want, &access).map_err(|fault| match fault {
        Fault::Unreachable(reason) => RemoteError::Unreachable {
            url: url.clone(),
            reason,
        },
        Fault::Refused(reason) => RemoteError::AuthenticationFailed {
            url: url.clone(),
            reason,
        },
        Fault::NotFound(wanted) => RemoteError::RefNotFound {
            url: url.clone(),
            wanted,
        },
        Fault::TooLarge(limit) => RemoteError::TooLarge {
            url: url.clone(),
            limit,
        },
        Fault::NotTrusted(reason) => RemoteError::HostNotTrusted {
            url: url.clone(),
            reason,
        },
        Fault::NoSense(reason) => RemoteError::Nonsense {
            url: url.clone(),
            reason,
        },
    })?;
    std::fs::write(&fetch.to, &got.bytes)
        .map_err(|error| RemoteError::storage(&url, &fetch.to, &error.to_string()))?;
    if let Some(manifest) = &got.manifest {
        let to = fetch.to.with_extension("manifest");
        std::fs::write(&to, manifest)
            .map_err(|error| RemoteError::storage(&url, &to, &error.to_string()))?;
    }
    Ok(Fetched {
        manifest: got.manifest.map(|it| super::store::sha256(&it)),
    })
}
