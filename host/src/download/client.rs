//! The client of HTTP.

use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION, LOCATION, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Plain;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::{Access, Fault};
use crate::manifest::causes;

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Shows its credentials to one server alone.
pub(super) struct Client {
    plain: Plain<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    /// Scheme, host and port of who may see them.
    owner: (String, String, u16),
    authorization: Option<HeaderValue>,
}

/// What a server said.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Client {
    /// `url`: of the server that the credentials are for.
    pub(super) fn new(url: &str, access: &Access) -> Result<Self, Fault> {
        let url: Uri = parsed(url)?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(access.ca.as_deref())?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            plain: Plain::builder(TokioExecutor::new()).build(connector),
            owner: origin(&url),
            authorization: basic(access)?,
        })
    }

    /// Shows this instead.
    pub(super) fn with_token(mut self, token: &str) -> Result<Self, Fault> {
        self.authorization = Some(sensitive(&format!("Bearer {token}"))?);
        Ok(self)
    }

    /// What is there, in at most so many bytes.
    pub(super) async fn get(
        &self,
        url: &str,
        accept: &str,
        limit: usize,
    ) -> Result<Vec<u8>, Fault> {
        let answer = self.ask(url, accept, limit).await?;
        answer.fine(url).map(|it| it.bytes)
    }

    /// Follows redirects: never from https to http, and without credentials to another server.
    pub(super) async fn ask(&self, url: &str, accept: &str, limit: usize) -> Result<Answer, Fault> {
        let mut url = parsed(url)?;
        for _ in 0..=REDIRECTS {
            let answer = self.once(&url, accept, limit).await?;
            let to = answer.headers.get(LOCATION).and_then(|it| it.to_str().ok());
            let Some(to) = to.filter(|_| answer.status.is_redirection()) else {
                return Ok(answer);
            };
            url = redirected(&url, to)?;
        }
        let reason = format!("it redirects more than {REDIRECTS} times");
        Err(Fault::NoSense(reason))
    }

    async fn once(&self, url: &Uri, accept: &str, limit: usize) -> Result<Answer, Fault> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = url.clone();
        let headers = request.headers_mut();
        let agent = concat!("trimtab/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let accept = HeaderValue::from_str(accept);
        headers.insert(ACCEPT, accept.unwrap_or(HeaderValue::from_static("*/*")));
        if let Some(authorization) = &self.authorization
            && origin(url) == self.owner
        {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let response = self.plain.request(request).await;
        let response = response.map_err(|error| unreachable(&error))?;
        let (head, body) = response.into_parts();
        let read = Limited::new(body, limit).collect().await;
        let bytes = read.map_err(|error| match error.is::<LengthLimitError>() {
            true => Fault::TooLarge(limit),
            false => Fault::Unreachable(error.to_string()),
        })?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            bytes: bytes.to_bytes().to_vec(),
        })
    }
}

impl Answer {
    /// What a server that has it says.
    pub(super) fn fine(self, url: &str) -> Result<Self, Fault> {
        let status = self.status;
        match status {
            _ if status.is_success() => Ok(self),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Fault::Refused(format!("it answers {status}")))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Fault::NotFound(url.to_owned())),
            _ => Err(Fault::Unreachable(format!("it answers {status}"))),
        }
    }

    /// How a server wants to be asked.
    pub(super) fn challenge(&self) -> Option<&str> {
        self.headers.get(WWW_AUTHENTICATE)?.to_str().ok()
    }
}

fn parsed(url: &str) -> Result<Uri, Fault> {
    let parsed: Result<Uri, _> = url.parse();
    match parsed {
        Ok(it) if matches!(it.scheme_str(), Some("http" | "https")) && it.host().is_some() => {
            Ok(it)
        }
        _ => Err(Fault::NoSense(
            "the address is no https:// or http:// URL".into(),
        )),
    }
}

fn origin(url: &Uri) -> (String, String, u16) {
    let scheme = url.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let usual = if scheme == "https" { 443 } else { 80 };
    let host = url.host().unwrap_or_default().to_ascii_lowercase();
    (scheme, host, url.port_u16().unwrap_or(usual))
}

/// Where a redirect leads.
fn redirected(from: &Uri, to: &str) -> Result<Uri, Fault> {
    let to = absolute(from, to)?;
    if from.scheme_str() == Some("https") && to.scheme_str() != Some("https") {
        let host = to.host().unwrap_or_default();
        let reason = format!("it redirects to {host} without TLS, which is not followed");
        return Err(Fault::NotTrusted(reason));
    }
    Ok(to)
}

/// A URL as it is written at another one. Paths that climb are left to the server.
pub(super) fn absolute(base: &Uri, url: &str) -> Result<Uri, Fault> {
    if url.contains("://") {
        return parsed(url);
    }
    let (scheme, authority) = match (base.scheme_str(), base.authority()) {
        (Some(scheme), Some(authority)) => (scheme, authority),
        _ => return Err(Fault::NoSense("the address is no URL".into())),
    };
    match url.strip_prefix("//") {
        Some(rest) => parsed(&format!("{scheme}://{rest}")),
        None if url.starts_with('/') => parsed(&format!("{scheme}://{authority}{url}")),
        None => {
            let folder = base
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            parsed(&format!("{scheme}://{authority}{folder}/{url}"))
        }
    }
}

fn basic(access: &Access) -> Result<Option<HeaderValue>, Fault> {
    use base64::Engine as _;
    let Some(password) = access.password.as_deref().filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    // As for Git: a token without a name stands in a password's place.
    let name = access.username.as_deref().unwrap_or("git");
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    sensitive(&format!("Basic {pair}")).map(Some)
}

fn sensitive(value: &str) -> Result<HeaderValue, Fault> {
    let value = HeaderValue::from_str(value);
    let mut value = value.map_err(|_| Fault::Refused("they cannot be a header's".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn tls(ca: Option<&str>) -> Result<ClientConfig, Fault> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::NotTrusted(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    match ca {
        Some(ca) => {
            let fault =
                || Fault::NotTrusted("the Secret's `ca.crt` is not PEM certificates".into());
            for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
                let certificate = certificate.map_err(|_| fault())?;
                roots.add(certificate).map_err(|_| fault())?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    // None at all is found out when a server shows its certificate.
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn unreachable(error: &dyn std::error::Error) -> Fault {
    let text = causes(error);
    match text.contains("certificate") {
        true => Fault::NotTrusted(text),
        false => Fault::Unreachable(text),
    }
}
