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
    pub want: Want,
    pub auth: Auth,
    pub deadline: Duration,
    /// Where its bytes go. Nobody reads them there before they have been checked.
    pub to: PathBuf,
}

/// What was fetched.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fetched {
    /// Of the artifact's manifest, whose bytes these are.
    pub manifest: Option<String>,
}

/// `None` for what Git fetches.
pub(super) fn want_of(reference: &Reference) -> Option<Want> {
    Some(match reference.clone() {
        Reference::Git { .. } => return None,
        Reference::File { url } => Want::File { url },
        Reference::Chart {
            repository,
            name,
            version,
        } => Want::Chart {
            repository,
            name,
            version,
        },
        Reference::Artifact { url, version } => Want::Artifact { url, tag: version },
    })
}

/// The same.
pub(super) fn want_of_pinned(pinned: &Pinned) -> Option<Want> {
    Some(match pinned.clone() {
        Pinned::Commit { .. } => return None,
        Pinned::File { url, .. } => Want::File { url },
        Pinned::Chart {
            repository,
            name,
            version,
            ..
        } => Want::Chart {
            repository,
            name,
            version,
        },
        Pinned::Artifact { url, sha256 } => Want::Artifact {
            url,
            tag: format!("sha256:{sha256}"),
        },
    })
}

/// The worker's side.
pub(super) fn download(fetch: &Fetch) -> Result<Fetched, RemoteError> {
    let url = masked(fetch.want.url());
    let access = Access {
        username: fetch.auth.username.clone(),
        password: fetch.auth.password.clone(),
        ca: fetch.auth.ca.clone(),
    };
    let fault = |fault| {
        let url = url.clone();
        match fault {
            Fault::Unreachable(reason) => RemoteError::Unreachable { url, reason },
            Fault::Refused(reason) => RemoteError::AuthenticationFailed { url, reason },
            Fault::NotFound(wanted) => RemoteError::RefNotFound { url, wanted },
            Fault::TooLarge(limit) => RemoteError::TooLarge { url, limit },
            Fault::NotTrusted(reason) => RemoteError::HostNotTrusted { url, reason },
            Fault::NoSense(reason) => RemoteError::Nonsense { url, reason },
        }
    };
    let got = download::download(&fetch.want, &access).map_err(fault)?;
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
