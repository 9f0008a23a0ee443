//! Connections, and what each of them may cost.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::guests::Guests;
use super::stalled::Unstalled;

/// Of a request's head.
const HEAD: usize = 64 << 10;
/// Between two tries where the system has no more connections to give.
const PAUSE: Duration = Duration::from_millis(100);

/// What a listener's clients may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Of one address: nobody's connections are all that there are.
    pub of_one: usize,
    /// What TLS, and the first request's head, each may take.
    pub patience: Duration,
    /// How long a connection may be without a request.
    pub idle: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub stalled: Duration,
}

/// Where clients come from.
pub enum Listener {
    Tls(TcpListener, TlsAcceptor),
    Unix(UnixListener),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Option<IpAddr>)> {
        match self {
            Self::Tls(listener, _) => {
                let (stream, from) = listener.accept().await?;
                // An answer is one small packet; it is not to wait for another.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Some(from.ip())))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), None))
            }
        }
    }

    fn tls(&self) -> Option<TlsAcceptor> {
        match self {
            Self::Tls(_, tls) => Some(tls.clone()),
            Self::Unix(_) => None,
        }
    }
}

/// Answers each request by `respond`. Never ends; its connections end with it. `what` says in the
/// log what is served.
pub async fn serve<R, F, B>(what: &'static str, listener: Listener, bounds: Bounds, respond: R)
where
    R: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(bounds.connections));
    let mut connections = JoinSet::new();
    let guests = Guests::default();
    let tls = listener.tls();
    loop {
        while connections.try_join_next().is_some() {}
        // Never closed, so that this only waits.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, from)) => {
                let guest = from.map(|from| guests.enter(from, bounds.of_one));
                if let (Some(None), Some(from)) = (&guest, from) {
                    tracing::debug!(%from, what, "has too many connections");
                    continue;
                }
                let (tls, respond) = (tls.clone(), respond.clone());
                connections.spawn(async move {
                    let stream = Unstalled::new(stream, bounds.stalled);
                    match tls {
                        None => talk(what, stream, bounds, respond).await,
                        Some(tls) => match timeout(bounds.patience, tls.accept(stream)).await {
                            Ok(Ok(stream)) => talk(what, stream, bounds, respond).await,
                            Ok(Err(error)) => tracing::debug!(%error, what, "no TLS with a client"),
                            Err(_) => {}
                        },
                    }
                    drop((place, guest));
                });
            }
            Err(error) => {
                tracing::warn!(%error, what, "a connection cannot be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn talk<R, F, B>(
    what: &'static str,
    stream: impl Stream + 'static,
    bounds: Bounds,
    respond: R,
) where
    R: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    let service = service_fn(move |request| {
        seen.store(true, Ordering::Relaxed);
        let response = respond(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let first = tokio::time::sleep(bounds.patience);
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
        tracing::debug!(%error, what, "a client went away");
    }
}
