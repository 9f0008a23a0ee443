//! Where something of another place is: a URL, taken apart so that it is compared and not guessed at.

use std::fmt;

/// Characters of a URL.
const LENGTH: usize = 2048;

/// A URL's parts, in one form: names of hosts are in lower case, and ports are always said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: u16,
    /// Decoded segments.
    path: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Https,
    Http,
    Ssh,
    File,
    Oci,
}

impl Scheme {
    const ALL: [(&'static str, Self, u16); 5] = [
        ("https", Self::Https, 443),
        ("http", Self::Http, 80),
        ("ssh", Self::Ssh, 22),
        ("file", Self::File, 0),
        ("oci", Self::Oci, 443),
    ];
}

/// As it is written for a person who compares it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Scheme::ALL.iter().find(|it| it.1 == self.scheme);
        let (name, port) = known.map_or(("", 0), |it| (it.0, it.2));
        write!(f, "{name}://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        if self.port != port {
            write!(f, ":{}", self.port)?;
        }
        let mut path = self.path.iter();
        path.try_for_each(|it| write!(f, "/{}", it.replace(' ', "%20")))
    }
}

impl Place {
    /// `scheme://[user@]host[:port]/path`, or `[user@]host:path` as SSH is written. The query says
    /// what of a place is meant, not where it is.
    ///
    /// # Errors
    /// What of it would make two readers take it for two different places.
    pub fn parse(url: &str) -> Result<Self, String> {
        let fault = |reason: &str| Err(reason.to_owned());
        if url.len() > LENGTH {
            return fault("it is too long for a URL");
        }
        if url.contains('\\') || url.contains(|it: char| it.is_control() || it.is_whitespace()) {
            return fault("a URL has neither white space nor backslashes");
        }
        if url.contains('#') {
            return fault("a fragment (#) says nothing to a server; leave it out");
        }
        let url = url.split('?').next().unwrap_or_default();
        let (scheme, port, authority, path) = match url.split_once("://") {
            Some((scheme, rest)) => {
                let found = Scheme::ALL.iter();
                let mut found = found.filter(|it| it.0.eq_ignore_ascii_case(scheme));
                let Some((_, scheme, port)) = found.next() else {
                    return fault(
                        "it begins with none of https://, http://, ssh://, file://, oci://",
                    );
                };
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                (*scheme, *port, authority, path)
            }
            None => match url.split_once(':') {
                Some((authority, path)) if !authority.contains('/') => {
                    (Scheme::Ssh, 22, authority, path.trim_start_matches('/'))
                }
                _ => return fault("it is no URL"),
            },
        };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let is_word = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        match (scheme, user) {
            (_, None) => {}
            (Scheme::Ssh, Some(user)) if !user.is_empty() && user.chars().all(is_word) => {}
            (Scheme::Ssh, Some(_)) => return fault("a password does not belong into a URL"),
            (_, Some(_)) => {
                return fault("a user or a password does not belong into a URL; it has a Secret");
            }
        }
        let (host, port) = host_and_port(place, port)?;
        if (scheme == Scheme::File) != host.is_empty() {
            return fault("it names no host");
        }
        Ok(Self {
            scheme,
            user: user.map(str::to_owned),
            host,
            port,
            path: segments(path)?,
        })
    }

    /// Whether another place is this one or below it, by whole segments. `.git` at the end of a
    /// repository's name may be left out.
    pub fn covers(&self, other: &Self) -> bool {
        let same = self.scheme == other.scheme
            && self.user == other.user
            && self.host == other.host
            && self.port == other.port;
        let Some((last, above)) = self.path.split_last() else {
            return same;
        };
        let bare = |name: &String| name.strip_suffix(".git").unwrap_or(name).to_owned();
        same && other.path.starts_with(above)
            && other
                .path
                .get(above.len())
                .is_some_and(|it| bare(it) == bare(last))
    }

    /// How many segments its path has: of two that cover a place, the longer one means it.
    pub(super) fn depth(&self) -> usize {
        self.path.len()
    }

    /// Whether it is a registry's.
    pub fn is_registry(&self) -> bool {
        self.scheme == Scheme::Oci
    }

    /// Whether files can be had of it by HTTP.
    pub fn is_web(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Http)
    }
}

fn host_and_port(place: &str, usual: u16) -> Result<(String, u16), String> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or("it names no host")?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("it names no host".into());
            }
            (format!("[{address}]"), rest.strip_prefix(':'))
        }
        None => {
            let (host, port) = match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            };
            let fits = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
            if !host.chars().all(fits) {
                return Err("its host is no name of a host".into());
            }
            (host.trim_end_matches('.').to_owned(), port)
        }
    };
    let port = match port {
        None => usual,
        Some(port) => port.parse().map_err(|_| "its port is no number")?,
    };
    Ok((host.to_ascii_lowercase(), port))
}

fn segments(path: &str) -> Result<Vec<String>, String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/').map(segment).collect()
}

fn segment(text: &str) -> Result<String, String> {
    let decoded = decoded(text).ok_or("its path has a % that is no encoding")?;
    let leads_elsewhere = matches!(decoded.as_str(), "" | "." | "..");
    let is_odd = |it: char| it.is_control() || matches!(it, '/' | '\\' | '%');
    if leads_elsewhere || decoded.contains(is_odd) {
        return Err("its path has `.`, `..`, `//` or an encoded separator in it".into());
    }
    Ok(decoded)
}

/// Percent-encoding (RFC 3986, 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |it: Option<u8>| (it? as char).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        Place::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn a_prefix_covers_what_is_below_it_by_whole_segments() {
        for (prefix, url) in [
            (
                "https://git.example.org/acme/",
                "https://git.example.org/acme/base",
            ),
            (
                "https://git.example.org/acme",
                "https://git.example.org/acme",
            ),
            (
                "https://git.example.org/acme/base",
                "https://git.example.org/acme/base.git",
            ),
            (
                "https://git.example.org/acme/base.git",
                "https://git.example.org/acme/base",
            ),
            (
                "https://git.example.org",
                "https://GIT.example.org:443/any/thing?ref=v1",
            ),
            ("HTTPS://git.example.org./a", "https://git.example.org/a/b"),
            (
                "ssh://git@git.example.org/acme",
                "git@git.example.org:acme/base",
            ),
            (
                "git@git.example.org:acme",
                "ssh://git@git.example.org:22/acme/base.git",
            ),
            (
                "oci://registry.example.org/charts",
                "oci://registry.example.org/charts/web",
            ),
            ("file:///srv/git", "file:///srv/git/base.git"),
            (
                "https://git.example.org/a%20b",
                "https://git.example.org/a%20b/c",
            ),
        ] {
            assert!(place(prefix).covers(&place(url)), "{prefix} {url}");
        }
    }

    #[test]
    fn a_prefix_does_not_cover_what_only_looks_like_it() {
        for (prefix, url) in [
            (
                "https://git.example.org/acme",
                "https://git.example.org/acme-evil/base",
            ),
            (
                "https://git.example.org/acme/base",
                "https://git.example.org/acme/base.git.evil",
            ),
            (
                "https://git.example.org/acme/base",
                "https://git.example.org/acme",
            ),
            (
                "https://git.example.org/",
                "https://git.example.org.evil.org/acme",
            ),
            ("https://git.example.org/", "http://git.example.org/acme"),
            (
                "https://git.example.org/",
                "https://git.example.org:8443/acme",
            ),
            (
                "https://git.example.org/acme",
                "https://git.example.org/ACME/base",
            ),
            (
                "ssh://git@git.example.org/acme",
                "ssh://root@git.example.org/acme/base",
            ),
            (
                "https://git.example.org/acme",
                "ssh://git.example.org/acme/base",
            ),
        ] {
            assert!(!place(prefix).covers(&place(url)), "{prefix} {url}");
        }
    }

    #[test]
    fn what_two_readers_may_take_for_two_places_is_refused() {
        for url in [
            "https://git.example.org@evil.org/acme",
            "https://git.example.org:443@evil.org/acme",
            "https://user:word@git.example.org/acme",
            "ssh://git:word@git.example.org/acme",
            "https://git.example.org/acme/../evil",
            "https://git.example.org/acme/%2e%2e/evil",
            "https://git.example.org/acme/%2E./evil",
            "https://git.example.org/acme%2f..%2fevil",
            "https://git.example.org/acme/%252e%252e/evil",
            "https://git.example.org\\@evil.org/acme",
            "https://git.example.org/acme\\..\\evil",
            "https://git.example.org/acme#/evil",
            "https://git.example.org//acme",
            "https://git.example.org/a%zz",
            "https://git.ex\tample.org/acme",
            "https:///acme",
            "https://git.example.org:port/acme",
            "https://[::1/acme",
            "https://gıt.example.org/acme",
            "ftp://git.example.org/acme",
            "file://host/srv/git",
            "git.example.org/acme",
            "../base",
        ] {
            assert!(Place::parse(url).is_err(), "{url}: {:?}", Place::parse(url));
        }
    }
}
