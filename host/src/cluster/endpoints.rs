//! Leads a Service that has no selector to the host that acts.

use std::net::SocketAddr;

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{Cluster, ClusterError};

const MANAGER: &str = "trimtab-host";
/// API servers before this one lead by the older Endpoints. Those since 1.33 warn whoever writes
/// such, and so it is not written where it is of no use.
const SLICES_ARE_ENOUGH: u32 = 35;

/// Where the host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub address: SocketAddr,
    /// The Pod whose address that is: the API server's proxy leads to Pods alone.
    pub pod: Option<String>,
}

impl Cluster {
    /// Leads a Service that has no selector to this endpoint.
    pub async fn put_endpoint(
        &self,
        namespace: &str,
        service: &str,
        endpoint: &Endpoint,
    ) -> Result<(), ClusterError> {
        let params = PatchParams::apply(MANAGER).force();
        // Only the API server's proxy asks for the Pod.
        if endpoint.pod.is_some() && needs_endpoints(&self.version().await?) {
            let api: Api<Endpoints> = Api::namespaced(self.client.clone(), namespace);
            let body = endpoints(namespace, service, endpoint);
            api.patch(service, &params, &Patch::Apply(&body)).await?;
        }
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), namespace);
        let body = slice(namespace, service, endpoint);
        api.patch(service, &params, &Patch::Apply(&body)).await?;
        Ok(())
    }
}

/// Of a version as `v1.37.2`; one that cannot be read is taken for a new one.
fn needs_endpoints(version: &str) -> bool {
    let minor = version.strip_prefix("v1.").unwrap_or_default();
    let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse::<u32>()
        .is_ok_and(|minor| minor < SLICES_ARE_ENOUGH)
}

fn target(namespace: &str, endpoint: &Endpoint) -> Option<Value> {
    let pod = endpoint.pod.as_ref()?;
    Some(json!({"kind": "Pod", "namespace": namespace, "name": pod}))
}

fn slice(namespace: &str, service: &str, endpoint: &Endpoint) -> Value {
    let address = endpoint.address;
    let mut host = json!({"addresses": [address.ip().to_string()], "conditions": {"ready": true}});
    if let Some(target) = target(namespace, endpoint) {
        host["targetRef"] = target;
    }
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": service,
            "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": "trimtab",
            },
        },
        "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
        "ports": [{"name": "https", "protocol": "TCP", "port": address.port()}],
        "endpoints": [host],
    })
}

/// No slice is made of it: there is one.
fn endpoints(namespace: &str, service: &str, endpoint: &Endpoint) -> Value {
    let mut host = json!({"ip": endpoint.address.ip().to_string()});
    if let Some(target) = target(namespace, endpoint) {
        host["targetRef"] = target;
    }
    json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {
            "name": service,
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{
            "addresses": [host],
            "ports": [{"name": "https", "protocol": "TCP", "port": endpoint.address.port()}],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_written_where_slices_are_not_looked_at() {
        for (version, needs) in [
            ("v1.30.14", true),
            ("v1.34.1-eks-113cf36", true),
            ("v1.33+", true),
            ("v1.35.0", false),
            ("v1.37.2", false),
            ("v2.0.0", false),
            ("", false),
        ] {
            assert_eq!(needs_endpoints(version), needs, "{version}");
        }
    }

    #[test]
    fn both_name_the_pod_and_the_port_as_the_service_does() {
        let endpoint = Endpoint {
            address: "[fd00::7]:9444".parse().expect("an address"),
            pod: Some("trimtab-0".into()),
        };
        let slice = slice("system", "trimtab", &endpoint);
        assert_eq!(slice["addressType"], "IPv6");
        let host = &slice["endpoints"][0];
        let old = endpoints("system", "trimtab", &endpoint);
        let subset = &old["subsets"][0];
        let target = json!({"kind": "Pod", "namespace": "system", "name": "trimtab-0"});
        assert_eq!(host["targetRef"], target);
        assert_eq!(subset["addresses"][0]["targetRef"], target);
        assert_eq!(host["addresses"][0], subset["addresses"][0]["ip"]);
        assert_eq!(slice["ports"], subset["ports"]);
    }
}
