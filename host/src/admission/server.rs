//! HTTPS for the API server: bounded in connections, bytes, time and judgements at once.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::manifest::ObjectKey;

use super::door::Laws;
use super::law::Law;
use super::review::{Request, Verdict};
use super::serving::Serving;
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
/// Between two tries where the system has no more connections to give.
const PAUSE: Duration = Duration::from_millis(100);

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

/// How many connections each address has.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

struct Guest(Guests, IpAddr);

impl Guests {
    fn enter(&self, from: IpAddr) -> Option<Guest> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(from).or_default();
        if *count == CONNECTIONS_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Guest(self.clone(), from))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

impl Server {
    pub(super) fn new(
        laws: Arc<Laws>,
        serving: &Arc<Serving>,
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

    fn of(laws: Arc<Laws>, serving: &Arc<Serving>, own: OwnWrites) -> Result<Self, rustls::Error> {
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
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        let guests = Guests::default();
        loop {
            while connections.try_join_next().is_some() {}
            // Never closed, so that this only waits.
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, from)) => {
                    let Some(guest) = guests.enter(from.ip()) else {
                        tracing::debug!(%from, "has too many connections to the admission webhook");
                        continue;
                    };
                    let server = self.clone();
                    connections.spawn(async move {
                        server.connection(stream).await;
                        drop((place, guest));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admission webhook cannot take a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream) {
        // The answer is one small packet; it is not to wait for another.
        let _ = stream.set_nodelay(true);
        let stream = match timeout(self.patience, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS with a client of the admission webhook");
                return;
            }
            Err(_) => return,
        };
        let asked = Arc::new(AtomicBool::new(false));
        let seen = asked.clone();
        let patience = self.patience;
        let service = service_fn(move |request| {
            seen.store(true, Ordering::Relaxed);
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.respond(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let first = tokio::time::sleep(patience);
        tokio::pin!(first);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = first => match asked.load(Ordering::Relaxed) {
                true => connection.await,
                // Whoever connects has something to ask.
                false => return,
            },
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a client of the admission webhook went away");
        }
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
