//! Where a webhook is, and how it is asked to listen: from the spec and its Secret.

use std::collections::BTreeMap;

use base64::Engine as _;
use hmac::{Hmac, Mac as _};
use http::Method;
use jiff::Timestamp;
use sha2::Sha256;

use crate::kit::{Webhook, WebhookKind};

use super::message::{About, Message};
use super::outgoing::Outgoing;
use super::{generic, slack, teams};

/// Headers that a Secret may add.
const HEADERS: usize = 20;

/// An entry of a Secret as text. An error names the entry, never its value.
pub(super) fn entry(
    secret: &BTreeMap<String, Vec<u8>>,
    name: &str,
) -> Result<Option<String>, String> {
    let Some(bytes) = secret.get(name) else {
        return Ok(None);
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(_) => Err(format!("the Secret's entry `{name}` is not UTF-8 text")),
    }
}

pub(super) fn outgoing(
    webhook: &Webhook,
    about: &About,
    message: &Message,
    secret: &BTreeMap<String, Vec<u8>>,
    now: Timestamp,
) -> Result<Outgoing, String> {
    let url = match &webhook.url {
        Some(url) => url.clone(),
        None => entry(secret, "url")?.ok_or("the Secret has no entry `url`")?,
    };
    let (body, kind) = match webhook.kind {
        WebhookKind::Slack => json(&slack::body(message, about)),
        WebhookKind::Teams => json(&teams::body(message, about)),
        WebhookKind::Generic => {
            let kind = webhook.content_type.as_deref();
            generic::body(&message.json(about), webhook.template.as_deref(), kind)?
        }
    };
    let mut outgoing = Outgoing::new(Method::POST, &url, body)?;
    outgoing.header("content-type", &kind)?;
    outgoing.ca = entry(secret, "ca.crt")?;
    if webhook.url.is_none() {
        // Servers answer with parts of it.
        if let Some((_, path)) = url.split_once("://").and_then(|(_, it)| it.split_once('/')) {
            let parts = path.split(['/', '?', '&', '=', '#']);
            let long = parts.filter(|it| it.len() >= 8).map(str::to_owned);
            outgoing.secrets.extend(long.chain([format!("/{path}")]));
        }
        outgoing.secrets.push(url);
    }
    if webhook.kind == WebhookKind::Generic {
        with_credentials(&mut outgoing, &message.id(about), secret, now)?;
    }
    Ok(outgoing)
}

fn json(body: &serde_json::Value) -> (String, String) {
    (body.to_string(), "application/json".into())
}

/// The identity of the message and its signature, as the Standard Webhooks specification has them
/// (https://www.standardwebhooks.com): receivers verify them with any library for it.
fn with_credentials(
    outgoing: &mut Outgoing,
    id: &str,
    secret: &BTreeMap<String, Vec<u8>>,
    now: Timestamp,
) -> Result<(), String> {
    let seconds = now.as_second().to_string();
    outgoing.header("webhook-id", id)?;
    outgoing.header("webhook-timestamp", &seconds)?;
    if let Some(key) = entry(secret, "hmacKey")? {
        let signature = signature(&key, id, &seconds, &outgoing.body)?;
        outgoing.header("webhook-signature", &signature)?;
        outgoing.secrets.push(key);
    }
    if let Some(token) = entry(secret, "token")? {
        outgoing.secret_header("authorization", &format!("Bearer {token}"))?;
        outgoing.secrets.push(token);
    }
    let headers = entry(secret, "headers")?.unwrap_or_default();
    let lines = headers.lines().filter(|it| !it.trim().is_empty());
    for line in lines.take(HEADERS) {
        let fault = "the Secret's entry `headers` has a line that is not `Name: value`";
        let (name, value) = line.split_once(':').ok_or(fault)?;
        outgoing
            .secret_header(name.trim(), value.trim())
            .map_err(|_| fault)?;
        outgoing.secrets.push(value.trim().to_owned());
    }
    Ok(())
}

/// A key that begins with `whsec_` is base64; any other is taken as it is.
pub(super) fn signature(key: &str, id: &str, seconds: &str, body: &str) -> Result<String, String> {
    let engine = base64::engine::general_purpose::STANDARD;
    let bytes = match key.strip_prefix("whsec_") {
        None => key.as_bytes().to_vec(),
        Some(encoded) => engine
            .decode(encoded)
            .map_err(|_| "the Secret's entry `hmacKey` is not base64 after `whsec_`")?,
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&bytes)
        .map_err(|_| "the Secret's entry `hmacKey` cannot be used")?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Ok(format!("v1,{}", engine.encode(mac.finalize().into_bytes())))
}
