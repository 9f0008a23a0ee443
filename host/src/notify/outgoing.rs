//! One request, and how it is sent: bounded in time and bytes, over verified TLS, and to no other
//! host than the one that was named.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::manifest::causes;

/// Bytes of an answer that are read.
const ANSWER: usize = 16 << 10;
/// Characters of an answer that are told.
const EXCERPT: usize = 200;

pub(super) struct Outgoing {
    pub method: Method,
    pub url: Uri,
    pub headers: HeaderMap,
    pub body: String,
    /// PEM certificates that the server's may be signed by, instead of the system's.
    pub ca: Option<String>,
    /// What is never to be told, whatever the server answers.
    pub secrets: Vec<String>,
}

/// The address may be a secret as a whole.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({}, {} bytes)", self.method, self.body.len())
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Response {
        status: StatusCode,
        headers: HeaderMap,
        /// Its beginning, fit to be told.
        excerpt: String,
    },
    /// The server did not answer, for this reason.
    None(String),
}

impl Outgoing {
    pub(super) fn new(method: Method, url: &str, body: String) -> Result<Self, String> {
        let url: Uri = url
            .parse()
            .map_err(|_| "the address is no URL".to_owned())?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.authority().is_none() {
            return Err("the address is no https:// or http:// URL".into());
        }
        let mut outgoing = Self {
            method,
            url,
            headers: HeaderMap::new(),
            body,
            ca: None,
            secrets: Vec::new(),
        };
        // GitHub refuses whoever does not say who it is.
        outgoing.header("user-agent", concat!("trimtab/", env!("CARGO_PKG_VERSION")))?;
        Ok(outgoing)
    }

    pub(super) fn header(&mut self, name: &str, value: &str) -> Result<(), String> {
        let fault = || format!("{name:?} is no header, or its value cannot be one's");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
        let value = HeaderValue::from_str(value).map_err(|_| fault())?;
        self.headers.insert(name, value);
        Ok(())
    }

    pub(super) fn secret_header(&mut self, name: &str, value: &str) -> Result<(), String> {
        self.header(name, value)?;
        if let Some(value) = self.headers.get_mut(name) {
            value.set_sensitive(true);
        }
        Ok(())
    }

    pub(super) async fn send(self, patience: Duration) -> Answer {
        let secrets = self.secrets.clone();
        let answer = match tokio::time::timeout(patience, self.exchange()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(reason)) => Answer::None(reason),
            Err(_) => Answer::None(format!("no answer within {} s", patience.as_secs_f32())),
        };
        answer.without(&secrets)
    }

    async fn exchange(self) -> Result<Answer, String> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(self.ca.as_deref(), self.url.scheme_str())?)
            .https_or_http()
            .enable_http1()
            .build();
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let mut request = Request::new(Full::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.url;
        *request.headers_mut() = self.headers;
        let response = client.request(request).await.map_err(|it| causes(&it))?;
        let (head, body) = response.into_parts();
        // What there is of it; the status alone says what became of the request.
        let read = Limited::new(body, ANSWER).collect().await;
        let bytes = read.map(|it| it.to_bytes()).unwrap_or_default();
        let location = head.headers.get(LOCATION).and_then(|it| it.to_str().ok());
        let excerpt = match location.filter(|_| head.status.is_redirection()) {
            Some(to) => redirected(to),
            None => String::from_utf8_lossy(&bytes).into_owned(),
        };
        Ok(Answer::Response {
            status: head.status,
            headers: head.headers,
            excerpt,
        })
    }
}

/// A redirect is not followed: it would take the credentials along.
fn redirected(to: &str) -> String {
    let host = to.parse::<Uri>().ok();
    let host = host.and_then(|it| it.host().map(str::to_owned));
    match host {
        Some(host) => format!("a redirect to {host}, which is not followed: name the new address"),
        None => "a redirect, which is not followed: name the new address".into(),
    }
}

impl Answer {
    fn without(self, secrets: &[String]) -> Self {
        let clean = |text: String| {
            let mut text = super::text::line(&text);
            for secret in secrets.iter().filter(|it| it.len() > 3) {
                text = text.replace(secret.as_str(), "***");
            }
            super::text::clipped(&text, EXCERPT)
        };
        match self {
            Self::None(reason) => Self::None(clean(reason)),
            Self::Response {
                status,
                headers,
                excerpt,
            } => Self::Response {
                status,
                headers,
                excerpt: clean(excerpt),
            },
        }
    }
}

fn tls(ca: Option<&str>, scheme: Option<&str>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    if let Some(ca) = ca {
        let fault = "the Secret's `ca.crt` is not PEM certificates";
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            let certificate = certificate.map_err(|_| fault.to_owned())?;
            roots.add(certificate).map_err(|_| fault.to_owned())?;
        }
        if roots.is_empty() {
            return Err("the Secret's `ca.crt` holds no certificate".into());
        }
    } else if scheme == Some("https") {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let words =
                "the system has no certificate authorities; name them in the Secret's `ca.crt`";
            return Err(words.into());
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
