//! How verbs ask the host that acts: by a socket on its own machine, else through the API server's
//! proxy with nothing but a kubeconfig.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::run::LEASE_NAMESPACE;
use super::{ClusterArgs, Failure};
use crate::cluster::Cluster;
use crate::config;
use crate::web::{AskError, Client};

/// Where the host is asked.
#[derive(Args, Clone, Debug)]
pub struct HostArgs {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// The namespace that the host runs in [default: trimtab-system]
    #[arg(long, value_name = "NAME")]
    host_namespace: Option<String>,
    /// The socket of a host on this machine, in place of a kubeconfig
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["kubeconfig", "context", "host_namespace"]
    )]
    socket: Option<PathBuf>,
}

impl HostArgs {
    /// Asks the host for one JSON value, from where nothing else is waited for.
    pub(super) fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        super::block_on(async { HostApi::connect(self).await?.ask(path, query).await })
    }
}

/// A way to the host that acts.
pub struct HostApi(Client);

/// With the exit code that says which of the two it was.
fn failure(error: AskError) -> Failure {
    match error.is_usage() {
        true => Failure::Usage(error.into()),
        false => Failure::CannotTell(error.into()),
    }
}

impl HostApi {
    /// What is said decides; where nothing is said, a host that answers on this machine is asked,
    /// else the one of the cluster.
    pub async fn connect(args: &HostArgs) -> Result<Self, Failure> {
        if let Some(path) = &args.socket {
            return Ok(Self(Client::of_socket(path)));
        }
        let ClusterArgs {
            kubeconfig,
            context,
        } = &args.cluster;
        if kubeconfig.is_none() && context.is_none() && args.host_namespace.is_none() {
            let usual = config::host_socket();
            if Client::answers_at(&usual).await {
                eprintln!("asking the host on this machine ({})", usual.display());
                return Ok(Self(Client::of_socket(&usual)));
            }
        }
        let cluster = Cluster::connect(&args.cluster.options()).await?;
        let namespace = args.host_namespace.as_deref().unwrap_or(LEASE_NAMESPACE);
        let client = Client::through(&cluster, namespace).map_err(failure)?;
        Ok(Self(client))
    }

    /// Asks for one JSON value.
    pub async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        self.0.ask(path, query).await.map_err(failure)
    }
}
