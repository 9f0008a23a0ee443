//! URLs, as Go's net/url takes them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::value::{Fault, Key, Outcome, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    scheme: String,
    user: String,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    use Value::{String as Text, Url as Of};
    Some(match (name, arguments) {
        ("url", [Text(text)]) => Url::parse(text).map(|it| Of(Rc::new(it))).map_err(|words| {
            Fault::new(format!(
                "URL parse error during conversion from string: parse {text:?}: {words}"
            ))
        }),
        ("isURL", [Text(text)]) => Ok(Value::Bool(Url::of_request(text).is_ok())),
        ("getScheme", [Of(url)]) => Ok(Value::text(&url.scheme)),
        ("getHost", [Of(url)]) => Ok(Value::text(&url.host)),
        ("getHostname", [Of(url)]) => Ok(Value::text(url.host_and_port().0)),
        ("getPort", [Of(url)]) => Ok(Value::text(url.host_and_port().1)),
        ("getEscapedPath", [Of(url)]) => Ok(Value::text(&url.path)),
        ("getQuery", [Of(url)]) => Ok(url.values()),
        _ => return None,
    })
}

impl Url {
    /// As a request's first line has it: absolute, or a path; `#` is nothing special.
    pub fn of_request(text: &str) -> Result<Self, String> {
        Self::read(text, String::new())
    }

    fn parse(text: &str) -> Result<Self, String> {
        Self::of_request(text)?;
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        Self::read(rest, fragment.to_owned())
    }

    fn read(text: &str, fragment: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty url".into());
        }
        if text.bytes().any(|it| it < b' ' || it == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !rest.starts_with('/') {
            // Of the form `mailto:someone`, which has neither host nor path.
            return match scheme.is_empty() {
                true => Err("invalid URI for request".into()),
                false => Ok(Self {
                    scheme,
                    user: String::new(),
                    host: String::new(),
                    path: String::new(),
                    query: query.into(),
                    fragment,
                }),
            };
        }
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) if !scheme.is_empty() || !rest.starts_with('/') => {
                rest.split_at(rest.find('/').unwrap_or(rest.len()))
            }
            _ => ("", rest),
        };
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        check_user(user)?;
        let host = check_host(host)?;
        Ok(Self {
            scheme,
            user: user.into(),
            host,
            path: escaped_path(path)?,
            query: query.into(),
            fragment,
        })
    }

    fn host_and_port(&self) -> (&str, &str) {
        let host = self.host.as_str();
        if let Some(rest) = host.strip_prefix('[') {
            let (name, after) = rest.split_once(']').unwrap_or((rest, ""));
            return (name, after.strip_prefix(':').unwrap_or(""));
        }
        host.rsplit_once(':').unwrap_or((host, ""))
    }

    fn values(&self) -> Value {
        let mut values: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
        for pair in self.query.split('&') {
            // Go leaves out what has a semicolon or cannot be unescaped.
            if pair.is_empty() || pair.contains(';') {
                continue;
            }
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(key), Some(value)) = (unescaped(key, true), unescaped(value, true)) {
                let key = Key::String(key.into());
                values.entry(key).or_default().push(Value::text(value));
            }
        }
        let fields = values.into_iter().map(|(key, it)| (key, Value::list(it)));
        Value::Map(Rc::new(fields.collect()))
    }
}

fn scheme(text: &str) -> Result<(String, &str), String> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((text[..index].to_ascii_lowercase(), &text[index + 1..])),
            _ => break,
        }
    }
    Ok((String::new(), text))
}

fn check_user(user: &str) -> Result<(), String> {
    let fine = |it: char| it.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(it);
    match user.chars().all(fine) && unescaped(user, false).is_some() {
        true => Ok(()),
        false => Err("net/url: invalid userinfo".into()),
    }
}

fn check_host(host: &str) -> Result<String, String> {
    let after = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("missing ']' in host")?;
            let address = address.split("%25").next().unwrap_or(address);
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("invalid host".into());
            }
            after
        }
        None => {
            if host.matches(':').count() > 1 {
                return Err("invalid port after host".into());
            }
            host.find(':').map_or("", |at| &host[at..])
        }
    };
    let port = after.strip_prefix(':');
    if !after.is_empty() && !port.is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit())) {
        return Err(format!("invalid port {after:?} after host"));
    }
    let strange = |it: char| {
        it.is_ascii() && !it.is_ascii_alphanumeric() && !"-_.~!$&'()*+,;=:[]<>\"%".contains(it)
    };
    if let Some(found) = host.chars().find(|it| strange(*it)) {
        return Err(format!("invalid character {found:?} in host name"));
    }
    // In a host, only what is no ASCII may be escaped.
    let whole = unescaped(host, false).ok_or("invalid URL escape")?;
    Ok(whole)
}

/// Escapes stay as they were written, if a path may have them so; else they are made anew.
fn escaped_path(path: &str) -> Result<String, String> {
    let plain = unescaped(path, false).ok_or("invalid URL escape")?;
    let valid = |it: u8| it.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]/%".contains(&it);
    if path.bytes().all(valid) {
        return Ok(path.to_owned());
    }
    let kept = |it: u8| it.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&it);
    let mut made = String::new();
    for byte in plain.bytes() {
        match kept(byte) {
            true => made.push(char::from(byte)),
            false => made.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(made)
}

fn unescaped(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                bytes.push((high * 16 + low) as u8);
            }
            b'+' if plus => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
