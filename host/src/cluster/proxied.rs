//! A question to a Service, through the API server's proxy: who may ask is RBAC's to say.

use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use kube::client::Body;

use super::{Cluster, ClusterError};

/// Borne by every answer of a host's, so that none is taken for the API server's own.
pub const HOST_HEADER: &str = "trimtab-host";

/// An answer, as it comes.
pub struct Proxied {
    pub status: StatusCode,
    /// Whether a host answered, and not the API server.
    pub of_host: bool,
    pub body: BoxStream<'static, Result<Bytes, ClusterError>>,
}

impl Cluster {
    /// `service` is named as the API server's proxy does: `https:NAME:PORT`. `target` is a path
    /// with its query. An answer of any status is an answer.
    pub async fn proxy_get(
        &self,
        namespace: &str,
        service: &str,
        target: &str,
        header: (HeaderName, HeaderValue),
    ) -> Result<Proxied, ClusterError> {
        let uri = format!("/api/v1/namespaces/{namespace}/services/{service}/proxy{target}");
        let request = http::Request::get(uri)
            .header(header.0, header.1)
            .body(Body::empty())
            .map_err(|error| ClusterError::Unreachable(error.to_string()))?;
        let response = self.client.send(request).await?;
        let (head, body) = response.into_parts();
        Ok(Proxied {
            status: head.status,
            of_host: head.headers.contains_key(HOST_HEADER),
            body: body
                .into_data_stream()
                .map(|piece| piece.map_err(ClusterError::from))
                .boxed(),
        })
    }
}
