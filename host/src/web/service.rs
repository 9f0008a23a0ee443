//! HTTP made into questions, and answers made into HTTP.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::cluster::HOST_HEADER;

use super::ask::RefusalBody;
use super::body::Held;
use super::key::{HEADER, Key};
use super::{Answers, Ask, Refusal};

/// A path with its query.
const TARGET: usize = 8 << 10;
const PARAMETERS: usize = 64;

/// What questions may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of one JSON answer.
    pub bytes: usize,
    /// Until it is a question's turn.
    pub turn: Duration,
    /// Until there is an answer.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            turn: Duration::from_secs(10),
            answer: Duration::from_secs(60),
        }
    }
}

/// Questions that are answered at once, whichever way they come.
pub(super) const TURNS: usize = 16;

#[derive(Clone)]
pub(super) struct Service {
    pub answers: Arc<dyn Answers>,
    /// `None` where whoever can connect may ask.
    pub key: Option<Arc<Key>>,
    /// Of all ways together.
    pub turns: Arc<Semaphore>,
    pub limits: Limits,
}

impl Service {
    pub(super) async fn respond<B>(self, request: Request<B>) -> Response<Held> {
        match self.answer(&request).await {
            Ok(body) => response(StatusCode::OK, body),
            Err(refusal) => {
                tracing::debug!(status = %refusal.status, reason = %refusal.message, "a question was refused");
                refused(refusal)
            }
        }
    }

    async fn answer<B>(&self, request: &Request<B>) -> Result<Held, Refusal> {
        let shown = request.headers().get(HEADER);
        let shown = shown.map(HeaderValue::as_bytes).unwrap_or_default();
        if self.key.as_ref().is_some_and(|key| !key.is(shown)) {
            return Err(Refusal::locked());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refusal {
                status: StatusCode::METHOD_NOT_ALLOWED,
                message: "the host is only asked, by GET; nothing is changed this way".into(),
                hint: None,
            });
        }
        let ask = question(request.uri())?;
        let turn = timeout(self.limits.turn, self.turns.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let answer = timeout(self.limits.answer, self.answers.answer(ask));
        let value = answer.await.map_err(|_| self.late())??;
        let mut bytes = value.to_string().into_bytes();
        bytes.push(b'\n');
        if bytes.len() > self.limits.bytes {
            let words = format!("the answer has more than {} bytes", self.limits.bytes);
            return Err(Refusal {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                message: words,
                hint: Some("ask for less at once".into()),
            });
        }
        Ok(Held::new(bytes.into(), Some(turn)))
    }

    fn late(&self) -> Refusal {
        let words = format!("there was no answer within {:?}", self.limits.answer);
        Refusal {
            status: StatusCode::GATEWAY_TIMEOUT,
            message: words,
            hint: Some("ask for less at once, or look at the host's log".into()),
        }
    }
}

impl Refusal {
    /// 401: without the key nothing is told, not even whether a path exists.
    fn locked() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            message:
                "this port answers to who shows the key that is in the host's Secret trimtab-api"
                    .into(),
            hint: Some(
                "the command line `trimtab` reads it; it asks for `get` on that Secret".into(),
            ),
        }
    }
}

fn busy() -> Refusal {
    Refusal::unavailable("the host is answering as many questions as it can")
        .hint("try again in a moment")
}

/// Paths are plain: nothing in them is decoded, so that nothing is decoded twice.
fn question(uri: &http::Uri) -> Result<Ask, Refusal> {
    let path = uri.path();
    let query = uri.query().unwrap_or_default();
    if path.len() + query.len() > TARGET {
        return Err(Refusal {
            status: StatusCode::URI_TOO_LONG,
            message: format!("a question has at most {TARGET} bytes"),
            hint: None,
        });
    }
    let plain = |part: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain)
    };
    if !path
        .strip_prefix('/')
        .is_some_and(|it| it.split('/').all(plain))
    {
        return Err(Refusal::missing("no question has such a path"));
    }
    let parameters = form_urlencoded::parse(query.as_bytes());
    let query: Vec<(String, String)> = parameters
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .take(PARAMETERS + 1)
        .collect();
    if query.len() > PARAMETERS {
        let words = format!("a question has at most {PARAMETERS} parameters");
        return Err(Refusal::unclear(words));
    }
    Ok(Ask {
        path: path.to_owned(),
        query,
    })
}

fn response(status: StatusCode, body: Held) -> Response<Held> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // So that nobody takes the API server's own words for the host's.
    headers.insert(
        HeaderName::from_static(HOST_HEADER),
        HeaderValue::from_static(env!("CARGO_PKG_VERSION")),
    );
    response
}

fn refused(refusal: Refusal) -> Response<Held> {
    // Whatever says that it refuses does not say that all is fine.
    let status = match refusal.status {
        status if status.is_client_error() || status.is_server_error() => status,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = RefusalBody {
        error: refusal.message,
        hint: refusal.hint,
    };
    let bytes = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = response(status, Held::new(bytes.into(), None));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if status == StatusCode::UNAUTHORIZED {
        // Who has no key does not hold a connection either.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
