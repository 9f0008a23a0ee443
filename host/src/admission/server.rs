//! HTTPS for the API server: bounded in connections, bytes, time and judgements at once.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::manifest::ObjectKey;
use crate::server::{Bounds, Listener, Shown, serve};

use super::door::Laws;
use super::law::Law;
use super::review::{Request, Verdict};
use super::webhooks::id_of_path;

/// Twice what the API server takes for an object, for a review has the old one as well.
const BODY: usize = 3 << 20;
const CONNECTIONS: usize = 512;
/// Of one address: nobody's connections are all that there are.
const CONNECTIONS_OF_ONE: usize = 256;
/// Longer than Go's clients keep an idle connection: they end it, and no request meets its end.
const IDLE: Duration = Duration::from_secs(120);
/// What TLS, the first request, and a body each may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a write is the host's own.
pub(super) type OwnWrites = Arc<dyn Fn(&Request, &ObjectKey) -> bool + Send + Sync>;

#[derive(Clone)]
pub(super) struct Server {
    laws: Arc<Laws>,
    tls: TlsAcceptor,
    own: OwnWrites,
    /// Judgements at once: the reconciler's guests are not to wait for those of the door.
    turns: Arc<Semaphore>,
    patience: Duration,
}

/// An answer in place of a verdict. To anything but 200 the API server does as the failure policy
/// says.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(StatusCode, String);

impl Server {
    pub(super) fn new(
        laws: Arc<Laws>,
        serving: &Arc<Shown>,
        own_user: String,
        cluster: Cluster,
    ) -> Result<Self, rustls::Error> {
        // A field manager alone can be claimed by anybody. Whoever has the host's account may do
        // anything; who acts as a kit's account is told by what the host is sending right now.
        let own = move |request: &Request, key: &ObjectKey| {
            request.field_manager().starts_with("trimtab")
                && (request.user_info.username == own_user
                    || cluster.is_writing(key, &request.user_info.username))
        };
        Self::of(laws, serving, Arc::new(own))
    }

    fn of(laws: Arc<Laws>, serving: &Arc<Shown>, own: OwnWrites) -> Result<Self, rustls::Error> {
        let turns = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            laws,
            tls: TlsAcceptor::from(Arc::new(serving.config()?)),
            own,
            turns: Arc::new(Semaphore::new(turns)),
            patience: PATIENCE,
        })
    }

    /// Never ends; its connections end with it.
    pub(super) async fn serve(self, listener: TcpListener) {
        let bounds = Bounds {
            connections: CONNECTIONS,
            of_one: CONNECTIONS_OF_ONE,
            patience: self.patience,
            idle: IDLE,
            stalled: IDLE,
        };
        let listener = Listener::Tls(listener, self.tls.clone());
        let respond = move |request| {
            let server = self.clone();
            async move { server.respond(request).await }
        };
        serve("the admission webhook", listener, bounds, respond).await;
    }

    async fn respond<B>(&self, request: http::Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.answer(request).await {
            Ok(body) => response(StatusCode::OK, "application/json", body),
            Err(Refusal(code, words)) => {
                tracing::debug!(%code, %words, "no verdict at the door");
                response(code, "text/plain; charset=utf-8", words)
            }
        }
    }

    async fn answer<B>(&self, request: http::Request<B>) -> Result<String, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let began = Instant::now();
        let Some(id) = id_of_path(request.uri().path()) else {
            let words = "there is only /admit/NAMESPACE/REPOSITORY";
            return Err(Refusal(StatusCode::NOT_FOUND, words.into()));
        };
        if request.method() != Method::POST {
            let words = "an AdmissionReview is sent by POST";
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, words.into()));
        }
        let body = body(request, self.patience).await?;
        let Some(law) = self.laws.get(&id) else {
            let words = format!(
                "no verdict: this host has not read the Repository {id} yet, or it has no spec.admission"
            );
            return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, words));
        };
        let deadline = began + law.policy.deadline();
        let late = || {
            let words = "no verdict within the time that spec.admission.timeoutSeconds leaves";
            Refusal(StatusCode::GATEWAY_TIMEOUT, words.into())
        };
        let turn = timeout_at(deadline, self.turns.clone().acquire_owned());
        let turn = turn.await.map_err(|_| late())?;
        let own = self.own.clone();
        // A guest that is late goes on until its fuel ends, and keeps its turn.
        let judging = tokio::task::spawn_blocking(move || {
            let judged = judged(&law, &own, &body);
            drop(turn);
            judged
        });
        match timeout_at(deadline, judging).await {
            Ok(Ok(judged)) => judged,
            Ok(Err(_)) => {
                let words = "no verdict: the judgement broke off; the host's log says more";
                Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, words.into()))
            }
            Err(_) => Err(late()),
        }
    }
}

async fn body<B>(request: http::Request<B>, patience: Duration) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limited = Limited::new(request.into_body(), BODY);
    match timeout(patience, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let words = format!("the body has more than {BODY} bytes");
            Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, words))
        }
        Ok(Err(_)) => {
            let words = "the body broke off";
            Err(Refusal(StatusCode::BAD_REQUEST, words.into()))
        }
        Err(_) => {
            let words = format!("the body did not come within {patience:?}");
            Err(Refusal(StatusCode::REQUEST_TIMEOUT, words))
        }
    }
}

/// Blocking and CPU-bound.
fn judged(law: &Law, own: &OwnWrites, body: &[u8]) -> Result<String, Refusal> {
    let began = std::time::Instant::now();
    let request =
        Request::read(body).map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
    let uid = request.uid.clone();
    let key = request.key();
    let judged = request.is_judged() && !request.is_leaving() && !own(&request, &key);
    let user = request.user_info.username.clone();
    let verdict = match judged {
        false => Verdict::default(),
        true => law.judge(request).map_err(|finding| {
            tracing::warn!(object = %key, reason = %finding, "no verdict at the door");
            let words = format!("no verdict: {finding}");
            Refusal(StatusCode::INTERNAL_SERVER_ERROR, words)
        })?,
    };
    if let Some(reason) = &verdict.denied {
        tracing::info!(object = %key, %user, %reason, "refused at the door");
    }
    let took = began.elapsed().as_micros() as u64;
    tracing::debug!(object = %key, judged, microseconds = took, "asked at the door");
    Ok(verdict.response(&uid).to_string())
}

fn response(code: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = code;
    let kind = http::HeaderValue::from_static(kind);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
