//! A question, and what it comes to.

use futures::future::BoxFuture;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked. It never changes anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// `/v1/history`.
    pub path: String,
    /// In the order of the URL, decoded; a name may be there more than once.
    pub query: Vec<(String, String)>,
}

impl Ask {
    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of this name as what it should be.
    ///
    /// # Errors
    /// A 400 that names it, if it is there and cannot be read.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T::Err: std::fmt::Display,
    {
        let parse = |text: &str| {
            text.parse()
                .map_err(|error| Refusal::unclear(format!("{name}={text}: {error}")))
        };
        self.get(name).map(parse).transpose()
    }

    /// The value of this name.
    ///
    /// # Errors
    /// A 400 that names it, if it is missing.
    pub fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name)
            .ok_or_else(|| Refusal::unclear(format!("{} needs {name}=…", self.path)))
    }
}

/// Why there is no answer; the command line shows it as an error of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// 4xx: what was asked makes no sense; 5xx: it cannot be told.
    pub status: StatusCode,
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            hint: None,
        }
    }

    /// 400: the question cannot be understood.
    pub fn unclear(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 404: there is no such thing.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 500: it cannot be told.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// 503: it cannot be told now; later it may.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// As JSON on the wire; the status is HTTP's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RefusalBody {
    pub error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whoever knows the answers, each one JSON value.
pub trait Answers: Send + Sync {
    fn answer(&self, ask: Ask) -> BoxFuture<'_, Result<Value, Refusal>>;
}
