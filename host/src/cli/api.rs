//! How `trimtab run` is told to be asked, and where its Pod is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::Failure;
use crate::cluster::Endpoint;
use crate::web::{Https, Options, Place};

/// Where a Pod listens.
pub(super) const PORT: u16 = 9444;

/// What a Pod knows of itself, as the Deployment of `trimtab install` tells it.
#[derive(Args)]
pub(super) struct PodArgs {
    /// The address of this Pod, for the EndpointSlices of Services
    #[arg(long, value_name = "ADDRESS", env = "POD_IP", hide_env_values = true)]
    pub pod_ip: Option<IpAddr>,
    /// The namespace of this Pod, and of its Services [default: that of the lease]
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAMESPACE",
        hide_env_values = true
    )]
    pub pod_namespace: Option<String>,
    /// The name of this Pod: the API server's proxy leads to Pods alone
    #[arg(long, value_name = "NAME", env = "POD_NAME", hide_env_values = true)]
    pub pod_name: Option<String>,
}

#[derive(Args)]
pub(super) struct ApiArgs {
    /// Answer people's `trimtab history` and the like through the API server's proxy, in a Pod
    #[arg(long, conflicts_with = "once")]
    api: bool,
    /// Where to listen for it [default: port 9444 of all addresses]
    #[arg(long, value_name = "ADDRESS:PORT", requires = "api")]
    api_listen: Option<SocketAddr>,
    /// The socket by which this host is asked on its own machine [default: host.sock in the cache
    /// folder]
    #[arg(long, value_name = "PATH")]
    api_socket: Option<PathBuf>,
}

impl ApiArgs {
    /// `namespace` is that of the lease.
    pub(super) fn options(
        &self,
        pod: &PodArgs,
        namespace: &str,
        cache: &Path,
    ) -> Result<Options, Failure> {
        let socket = match &self.api_socket {
            Some(path) => Place::Given(path.clone()),
            None => Place::Usual(cache.join(crate::config::SOCKET)),
        };
        let https = match (self.api, pod.pod_ip, &pod.pod_name) {
            (false, ..) => None,
            (true, Some(ip), Some(name)) => {
                let listen = self.api_listen.unwrap_or(anywhere(ip));
                Some(Https {
                    listen,
                    namespace: pod.pod_namespace.as_deref().unwrap_or(namespace).to_owned(),
                    endpoint: Endpoint {
                        address: SocketAddr::new(ip, listen.port()),
                        pod: Some(name.clone()),
                    },
                })
            }
            (true, ..) => {
                return Err(Failure::Usage(anyhow!(
                    "--api needs to know the Pod that this host runs in, for the API server's proxy leads to Pods alone: give it $POD_IP and $POD_NAME, as `trimtab install` does; outside of a cluster it is asked by its socket, without --api"
                )));
            }
        };
        Ok(Options { socket, https })
    }
}

/// Of the family that the Pod has.
fn anywhere(ip: IpAddr) -> SocketAddr {
    let all = match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(all, PORT)
}
