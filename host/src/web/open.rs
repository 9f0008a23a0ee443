//! Both ways to the host, while it leads.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::cluster::{Cluster, Endpoint};
use crate::server::{Bounds, Listener, Shown, serve};

use super::Answers;
use super::announcement::Announcement;
use super::key::Key;
use super::service::{Limits, Service, TURNS};
use super::socket::{self, SocketError, SocketFile};

/// Of the API server's proxy all come from few addresses.
const HTTPS: Bounds = Bounds {
    connections: 256,
    of_one: 128,
    patience: Duration::from_secs(5),
    // Longer than Go's clients keep an idle connection: they end it, and no request meets its end.
    idle: Duration::from_secs(120),
    stalled: Duration::from_secs(60),
};
const SOCKET: Bounds = Bounds {
    connections: 64,
    of_one: 64,
    ..HTTPS
};

/// Where the socket on the host itself is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// There if it can be; the host goes on without.
    Usual(PathBuf),
    /// There, as somebody said.
    Given(PathBuf),
}

/// How the API server's proxy reaches the host.
#[derive(Clone, Debug)]
pub struct Https {
    pub listen: SocketAddr,
    /// Of the Service, its EndpointSlice, and the Secret.
    pub namespace: String,
    pub endpoint: Endpoint,
}

/// How a host can be asked.
#[derive(Clone, Debug)]
pub struct Options {
    pub socket: Place,
    pub https: Option<Https>,
}

/// Why the host cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error("the host's API cannot listen on {0}: {1}; give another --api-listen")]
    Listen(SocketAddr, std::io::Error),
    #[error("TLS of the host's API cannot start: {0}")]
    Tls(String),
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// The host's API; it ends with this value.
pub struct Web {
    _running: JoinSet<()>,
    _socket: Option<SocketFile>,
}

impl Web {
    /// Listens. What leads here from the cluster is written as soon as the API server takes it.
    pub async fn open(
        cluster: &Cluster,
        options: Options,
        answers: Arc<dyn Answers>,
    ) -> Result<Self, WebError> {
        let mut running = JoinSet::new();
        let here = Service {
            answers,
            key: None,
            turns: Arc::new(Semaphore::new(TURNS)),
            limits: Limits::default(),
        };
        if let Some(https) = &options.https {
            let listener = Listener::Tls(listen(https.listen).await?, tls()?);
            let key = Arc::new(Key::default());
            let service = Service {
                key: Some(key.clone()),
                ..here.clone()
            };
            running.spawn(serve("the host's API", listener, HTTPS, move |request| {
                service.clone().respond(request)
            }));
            running.spawn(Announcement::new(cluster.clone(), https, key).keep());
        }
        let socket = match &options.socket {
            Place::Given(path) => Some(socket::bind(path)?),
            Place::Usual(path) => match socket::bind(path) {
                Ok(bound) => Some(bound),
                Err(error) => {
                    tracing::warn!(%error, "the command line cannot ask this host by its socket");
                    None
                }
            },
        };
        let socket = socket.map(|(listener, file)| {
            let listener = Listener::Unix(listener);
            running.spawn(serve(
                "the host's socket",
                listener,
                SOCKET,
                move |request| here.clone().respond(request),
            ));
            file
        });
        Ok(Self {
            _running: running,
            _socket: socket,
        })
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, WebError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| WebError::Listen(address, error))
}

/// The API server's proxy does not look at certificates of what it leads to, as there is nobody
/// who could vouch for a Pod's address: this one keeps only listeners out.
fn tls() -> Result<TlsAcceptor, WebError> {
    let failed = |error: &dyn std::fmt::Display| WebError::Tls(error.to_string());
    let made = rcgen::generate_simple_self_signed([super::SERVICE.to_owned()]);
    let made = made.map_err(|error| failed(&error))?;
    let shown = Arc::new(Shown::default());
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    shown
        .show(&certificate, &key)
        .map_err(|error| failed(&error))?;
    let config = shown.config().map_err(|error| failed(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
