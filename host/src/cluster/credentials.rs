//! Credentials that expire, or are exchanged. kube reads certificates and tokens when a client is
//! made, and a token's file once a minute. Here they are read anew as soon as the API server does
//! not accept them, or is not trusted: the request is sent once more, and nobody notices.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use kube::{Client, Config};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::ClusterError;
use super::escaping::escaped;
use super::proxied::HOST_HEADER;
use crate::manifest::causes;

/// Between two looks at credentials that are not accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// Makes a client of a configuration.
type Make = dyn Fn(Config) -> Result<Client, ClusterError> + Send + Sync;
/// Reads the configuration.
type Read = dyn Fn() -> BoxFuture<'static, Result<Config, ClusterError>> + Send + Sync;

/// A service that is made anew when its credentials are not accepted. Cheap to clone.
#[derive(Clone)]
pub(super) struct Renewed(Arc<Inner>);

struct Inner {
    read: Arc<Read>,
    make: Arc<Make>,
    server: http::Uri,
    current: Mutex<Current>,
}

struct Current {
    client: Client,
    /// Counts clients.
    number: u64,
    tried: Option<Instant>,
}

impl Renewed {
    pub(super) fn new(
        config: Config,
        read: Arc<Read>,
        make: impl Fn(Config) -> Result<Client, ClusterError> + Send + Sync + 'static,
    ) -> Result<Self, ClusterError> {
        let server = config.cluster_url.clone();
        let current = Current {
            client: make(config)?,
            number: 0,
            tried: None,
        };
        Ok(Self(Arc::new(Inner {
            read,
            make: Arc::new(make),
            server,
            current: Mutex::new(current),
        })))
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        let (client, number) = {
            let current = self.0.current.lock().await;
            (current.client.clone(), current.number)
        };
        let again = copy(&request);
        let answer = client.send(request).await;
        if !is_refused(&answer) {
            return answer;
        }
        // Who is not known has changed nothing: it is safe to ask once more.
        match (self.0.renew(number).await, again) {
            (Some(client), Some(request)) => client.send(request).await,
            _ => answer,
        }
    }
}

impl Inner {
    /// A newer client than the one of this number, if there is one to be had.
    async fn renew(&self, number: u64) -> Option<Client> {
        let mut current = self.current.lock().await;
        if current.number != number {
            return Some(current.client.clone());
        }
        if current.tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return None;
        }
        current.tried = Some(Instant::now());
        match self.made().await {
            Ok(client) => {
                tracing::warn!(
                    "the host's credentials were not accepted, or the API server was not trusted; they are read anew"
                );
                current.client = client;
                current.number += 1;
                Some(current.client.clone())
            }
            Err(error) => {
                tracing::warn!(%error, "the host's credentials are not accepted, and cannot be read anew");
                None
            }
        }
    }

    async fn made(&self) -> Result<Client, ClusterError> {
        let config = (self.read)().await?;
        // Whoever turned to another cluster did not mean this host.
        if config.cluster_url != self.server {
            let (now, then) = (&config.cluster_url, &self.server);
            return Err(ClusterError::NoConfig(format!(
                "the configuration names {now}, and this host was started for {then}; start it anew if it is to go there"
            )));
        }
        let make = self.make.clone();
        // A program that gives credentials may take its time.
        let made = tokio::task::spawn_blocking(move || make(config)).await;
        made.unwrap_or_else(|error| Err(ClusterError::NoConfig(error.to_string())))
    }
}

impl Service<Request<Body>> for Renewed {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let request = escaped(request).await?;
            service.send(request).await.map_err(BoxError::from)
        })
    }
}

/// `None` for a body that comes in pieces, which the host never sends.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

fn is_refused(answer: &Result<Response<Body>, kube::Error>) -> bool {
    match answer {
        Ok(answer) => {
            let of_host = answer.headers().contains_key(HOST_HEADER);
            answer.status() == StatusCode::UNAUTHORIZED && !of_host
        }
        // rustls says "invalid peer certificate" of the server's, and "received fatal alert" of
        // what the server says of ours.
        Err(error) => {
            let words = causes(error);
            words.contains("certificate") || words.contains("fatal alert")
        }
    }
}
