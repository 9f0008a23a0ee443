//! The asking side: the same questions by a socket, or through the API server's proxy.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt as _};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::cluster::{Cluster, ClusterError, HOST_HEADER};

use super::ask::RefusalBody;
use super::key::{ENTRY, HEADER};
use super::{PROXIED, Refusal, SECRET, SERVICE};

/// Longer than the host takes for anything: its own words come first.
const PATIENCE: Duration = Duration::from_secs(90);
/// More than the host sends at once.
const WHOLE: usize = 64 << 20;

/// Why there is no answer, in words for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The host's own words.
    #[error("{message}{hint}", message = .0.message, hint = hint(.0))]
    Refused(Refusal),
    #[error("no host answers at the socket {0:?}: {1}; is `trimtab run` running here, and acting?")]
    NoSocket(PathBuf, io::Error),
    #[error(
        "{what}; the platform team can bind the ClusterRole trimtab-reader, which `trimtab install` prints: {words}"
    )]
    NotAllowed { what: &'static str, words: String },
    #[error(
        "no host can be asked in the namespace {0}: there is no {1} there; a host answers where it runs with `--api`, as `trimtab install` has it; if it runs elsewhere, say --host-namespace"
    )]
    NotThere(String, String),
    #[error(
        "no host can be reached through the Service trimtab in the namespace {namespace}: {words}; if none of its Pods is ready, look at them, and otherwise at whether the API server may connect to their port 9444"
    )]
    NotReached { namespace: String, words: String },
    #[error("the host's answer broke off: {0}; it is not whole, and the host's log may say why")]
    BrokeOff(String),
    #[error("the host did not answer within {0:?}")]
    Late(Duration),
    #[error("the host's answer cannot be read: {0}")]
    Unreadable(String),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

fn hint(refusal: &Refusal) -> String {
    let hint = refusal.hint.as_ref();
    hint.map_or_else(String::new, |hint| format!("; {hint}"))
}

impl AskError {
    /// Whether it was asked wrongly, and the same question will always fail.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status.is_client_error()
            && refusal.status != StatusCode::UNAUTHORIZED)
    }
}

enum Way {
    Socket(PathBuf),
    Proxy {
        cluster: Box<Cluster>,
        namespace: String,
    },
}

/// Asks one host.
pub struct Client(Way);

/// An answer of the host's, of any status.
struct Answered {
    status: StatusCode,
    body: BoxStream<'static, Result<Bytes, AskError>>,
}

impl Client {
    /// By its socket on this machine.
    pub fn of_socket(path: &Path) -> Self {
        Self(Way::Socket(path.to_owned()))
    }

    /// Through the API server, with what the kubeconfig's user may do.
    pub fn through(cluster: &Cluster, namespace: &str) -> Result<Self, AskError> {
        Ok(Self(Way::Proxy {
            cluster: Box::new(cluster.impatient()?),
            namespace: namespace.to_owned(),
        }))
    }

    /// Whether a host answers at this socket.
    pub async fn answers_at(path: &Path) -> bool {
        UnixStream::connect(path).await.is_ok()
    }

    /// One JSON value.
    pub async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, AskError> {
        let asking = async {
            let answered = self.accepted(path, query).await?;
            let bytes = whole(answered.body).await?;
            serde_json::from_slice(&bytes).map_err(|error| AskError::Unreadable(error.to_string()))
        };
        timeout(PATIENCE, asking)
            .await
            .unwrap_or(Err(AskError::Late(PATIENCE)))
    }

    async fn accepted(&self, path: &str, query: &[(&str, &str)]) -> Result<Answered, AskError> {
        let target = target(path, query);
        let mut answered = self.send(&target).await?;
        let proxied = matches!(self.0, Way::Proxy { .. });
        if proxied && answered.status == StatusCode::UNAUTHORIZED {
            // Another host has come to lead since the key was read, and has a key of its own.
            answered = self.send(&target).await?;
        }
        if answered.status.is_success() {
            return Ok(answered);
        }
        let bytes = whole(answered.body).await?;
        let body: RefusalBody = serde_json::from_slice(&bytes).unwrap_or_else(|_| RefusalBody {
            error: format!("the host answered {}", answered.status),
            hint: None,
        });
        Err(AskError::Refused(Refusal {
            status: answered.status,
            message: body.error,
            hint: body.hint,
        }))
    }

    async fn send(&self, target: &str) -> Result<Answered, AskError> {
        match &self.0 {
            Way::Socket(path) => by_socket(path, target).await,
            Way::Proxy { cluster, namespace } => through_proxy(cluster, namespace, target).await,
        }
    }
}

fn target(path: &str, query: &[(&str, &str)]) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    let encoded = encoded.extend_pairs(query).finish();
    format!("{path}?{encoded}")
}

async fn by_socket(path: &Path, target: &str) -> Result<Answered, AskError> {
    let gone = |error: io::Error| AskError::NoSocket(path.to_owned(), error);
    let broken = |error: hyper::Error| AskError::BrokeOff(error.to_string());
    let stream = UnixStream::connect(path).await.map_err(gone)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // It ends with the answer, or when nobody wants that any more.
    let connection = AbortOnDrop(tokio::spawn(connection));
    let request = Request::get(target)
        .header(http::header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| AskError::Unreadable(error.to_string()))?;
    let (head, body) = sender
        .send_request(request)
        .await
        .map_err(broken)?
        .into_parts();
    if !head.headers.contains_key(HOST_HEADER) {
        return Err(AskError::Unreadable("it is no host's".into()));
    }
    let body = body.into_data_stream().map(move |piece| {
        let _open = (&connection, &sender);
        piece.map_err(broken)
    });
    Ok(Answered {
        status: head.status,
        body: body.boxed(),
    })
}

struct AbortOnDrop(tokio::task::JoinHandle<Result<(), hyper::Error>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn through_proxy(
    cluster: &Cluster,
    namespace: &str,
    target: &str,
) -> Result<Answered, AskError> {
    let key = cluster.entry(namespace, SECRET, ENTRY).await;
    let key = key.map_err(|error| refused(error, namespace, "you may not read the host's key"))?;
    let key = HeaderValue::from_bytes(&key).map_err(|_| {
        let words = format!("the Secret {SECRET} holds no key; delete it, and the host makes one");
        AskError::Unreadable(words)
    })?;
    let header = (HeaderName::from_static(HEADER), key);
    let proxied = cluster
        .proxy_get(namespace, PROXIED, target, header)
        .await?;
    let body = proxied
        .body
        .map(|piece| piece.map_err(|error| AskError::BrokeOff(error.to_string())));
    if proxied.of_host {
        return Ok(Answered {
            status: proxied.status,
            body: body.boxed(),
        });
    }
    let bytes = whole(body.boxed()).await?;
    Err(of_api_server(proxied.status, &bytes, namespace))
}

/// What the API server says in place of a host.
fn of_api_server(status: StatusCode, bytes: &[u8], namespace: &str) -> AskError {
    let said: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let words = match said["message"].as_str() {
        Some(words) => words.to_owned(),
        None => {
            let text = String::from_utf8_lossy(bytes);
            let text: String = text.trim().chars().take(500).collect();
            format!("the API server answered {status} {text}")
        }
    };
    let error = ClusterError::Refused {
        code: status.as_u16(),
        reason: said["reason"].as_str().unwrap_or_default().to_owned(),
        message: words.clone(),
        causes: Vec::new(),
    };
    match status {
        // As it says where no endpoint is a Pod's, and where none can be connected to.
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            AskError::NotReached {
                namespace: namespace.to_owned(),
                words,
            }
        }
        StatusCode::UNAUTHORIZED => ClusterError::NotAccepted.into(),
        _ => refused(error, namespace, "you may not ask the host"),
    }
}

fn refused(error: ClusterError, namespace: &str, what: &'static str) -> AskError {
    match error {
        ClusterError::Refused {
            code: 403, message, ..
        } => AskError::NotAllowed {
            what,
            words: message,
        },
        error if error.is_not_found() => {
            let missing = match what.contains("key") {
                true => format!("Secret {SECRET}"),
                false => format!("Service {SERVICE}"),
            };
            AskError::NotThere(namespace.to_owned(), missing)
        }
        error => error.into(),
    }
}

async fn whole(mut body: BoxStream<'static, Result<Bytes, AskError>>) -> Result<Vec<u8>, AskError> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend(piece?);
        if bytes.len() > WHOLE {
            return Err(AskError::Unreadable(format!(
                "it has more than {WHOLE} bytes"
            )));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
