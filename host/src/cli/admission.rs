//! How `trimtab run` is told to serve the admission webhook.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::Failure;
use super::api::PodArgs;
use crate::admission::{Address, Options};

/// Of the Service, its EndpointSlice and the Secret, as `trimtab install --admission` prints them.
pub(super) const NAME: &str = "trimtab-admission";
pub(super) const PORT: u16 = 9443;

#[derive(Args)]
pub(super) struct AdmissionArgs {
    /// Judge direct changes to objects of kits' namespaces, where the Repository's spec.admission
    /// asks for it
    #[arg(long, conflicts_with = "once")]
    admission: bool,
    /// Where the API server finds this host, outside of a cluster: https://HOST:PORT
    #[arg(long, value_name = "URL", requires = "admission")]
    admission_url: Option<String>,
    /// Where to listen [default: the URL's address, or port 9443 of all]
    #[arg(long, value_name = "ADDRESS:PORT", requires = "admission")]
    admission_listen: Option<SocketAddr>,
}

impl AdmissionArgs {
    /// `namespace` is that of the lease.
    pub(super) fn options(
        &self,
        pod: &PodArgs,
        namespace: &str,
        only_namespace: Option<&str>,
    ) -> Result<Option<Options>, Failure> {
        if !self.admission {
            return Ok(None);
        }
        let anywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
        let (address, listen, endpoint) = match (&self.admission_url, pod.pod_ip) {
            (Some(url), _) => {
                let usual = usual_listen(url).map_err(Failure::Usage)?;
                let listen = self.admission_listen.unwrap_or(usual);
                (Address::Url(url.clone()), listen, None)
            }
            (None, Some(ip)) => {
                let listen = self.admission_listen.unwrap_or(anywhere);
                let own = pod.pod_namespace.as_deref();
                let address = Address::Service {
                    namespace: own.unwrap_or(namespace).to_owned(),
                    name: NAME.into(),
                };
                (address, listen, Some(SocketAddr::new(ip, listen.port())))
            }
            (None, None) => {
                return Err(Failure::Usage(anyhow!(
                    "--admission needs to know where the API server finds this host: in a Pod give it $POD_IP, as `trimtab install --admission` does; elsewhere --admission-url https://HOST:PORT"
                )));
            }
        };
        Ok(Some(Options {
            listen,
            address,
            endpoint,
            namespace: namespace.to_owned(),
            secret: NAME.into(),
            configuration: Options::configuration_of(only_namespace),
        }))
    }
}

/// The address of a URL, where it is one of this machine's; else all of them, at its port.
fn usual_listen(url: &str) -> anyhow::Result<SocketAddr> {
    let wrong = || format!("--admission-url {url:?} is not https://HOST:PORT");
    let parsed: http::Uri = url.parse().with_context(wrong)?;
    let plain = matches!(parsed.path(), "" | "/") && parsed.query().is_none();
    let host = parsed
        .host()
        .filter(|_| parsed.scheme_str() == Some("https") && plain);
    let host = host.with_context(wrong)?.trim_matches(['[', ']']);
    let port = parsed.port_u16().unwrap_or(443);
    let ip = host.parse::<IpAddr>().ok().filter(IpAddr::is_loopback);
    Ok(SocketAddr::new(
        ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        port,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_url_is_listened_to_on_the_loopback_only() {
        let listen = |url| usual_listen(url).map(|it| it.to_string()).ok();
        assert_eq!(
            listen("https://127.0.0.1:9000").as_deref(),
            Some("127.0.0.1:9000")
        );
        assert_eq!(listen("https://[::1]:9000/").as_deref(), Some("[::1]:9000"));
        assert_eq!(
            listen("https://hosts.example.org").as_deref(),
            Some("0.0.0.0:443")
        );
        for wrong in ["http://127.0.0.1:9000", "127.0.0.1:9000", "https://a/b", ""] {
            assert_eq!(listen(wrong), None, "{wrong}");
        }
    }
}
