//! One file, one chart of a chart repository, or one chart of a registry, by HTTP: bounded in bytes
//! and redirects, over verified TLS. What came is handed over with nothing believed of it: whoever
//! asked compares the digest. Knows neither Git nor kits, and runs in a worker process, which is
//! killed at its deadline.

mod chart;
mod client;
mod registry;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use client::Client;
pub use registry::CHART_LAYER;

/// What is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Want {
    File {
        url: String,
    },
    /// Of a repository with an `index.yaml`.
    Chart {
        repository: String,
        name: String,
        version: String,
    },
    /// Of a registry: `oci://registry/path/name`, and a tag or a digest.
    Artifact {
        url: String,
        tag: String,
    },
}

impl Want {
    /// Of the server that is asked first.
    pub fn url(&self) -> &str {
        match self {
            Self::File { url } | Self::Artifact { url, .. } => url,
            Self::Chart { repository, .. } => repository,
        }
    }
}

/// What the server that is asked wants to see. It is shown to no other.
#[derive(Clone, Default)]
pub struct Access {
    pub username: Option<String>,
    pub password: Option<String>,
    /// PEM certificates that the server's may be signed by, instead of the system's.
    pub ca: Option<String>,
}

/// What came.
pub struct Got {
    pub bytes: Vec<u8>,
    /// An artifact's manifest, as it was sent.
    pub manifest: Option<Vec<u8>>,
}

/// Why nothing came. No reason holds a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Unreachable(String),
    /// The credentials.
    Refused(String),
    NotFound(String),
    /// More than so many bytes.
    TooLarge(usize),
    NotTrusted(String),
    /// What the server says.
    NoSense(String),
}

/// Bytes of a file.
const FILE: usize = 16 << 20;
/// Bytes of a packed chart.
const CHART: usize = 32 << 20;

/// Blocking; nothing but a kill ends it while a server is silent.
///
/// # Errors
/// Why it is not to be had.
pub fn download(want: &Want, access: &Access) -> Result<Got, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::Unreachable(error.to_string()))?;
    runtime.block_on(async {
        match want {
            Want::File { url } => {
                let client = Client::new(url, access)?;
                let bytes = client.get(url, "*/*", FILE).await?;
                Ok(Got {
                    bytes,
                    manifest: None,
                })
            }
            Want::Chart {
                repository,
                name,
                version,
            } => chart::chart(repository, name, version, access).await,
            Want::Artifact { url, tag } => registry::artifact(url, tag, access).await,
        }
    })
}
