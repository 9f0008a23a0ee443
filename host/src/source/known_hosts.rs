//! OpenSSH's known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

/// What known_hosts says of a server's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Known,
    /// The host is there with other keys.
    Different,
    /// The host is not there.
    Unknown,
    Revoked,
}

/// `key` is the server's public key as it is on the wire.
pub(super) fn check(known_hosts: &str, host: &str, port: u16, key: &[u8]) -> Verdict {
    let name = if port == 22 {
        host.to_owned()
    } else {
        format!("[{host}]:{port}")
    };
    let key = STANDARD.encode(key);
    let mut verdict = Verdict::Unknown;
    for line in known_hosts
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut fields = line.split_whitespace();
        let mut first = fields.next().unwrap_or_default();
        let marker = first.starts_with('@').then_some(first);
        if marker.is_some() {
            first = fields.next().unwrap_or_default();
        }
        let (_, Some(theirs)) = (fields.next(), fields.next()) else {
            continue;
        };
        if !matches(first, &name) {
            continue;
        }
        match marker {
            Some("@revoked") if theirs == key => return Verdict::Revoked,
            None if theirs == key => verdict = Verdict::Known,
            None if verdict == Verdict::Unknown => verdict = Verdict::Different,
            _ => {}
        }
    }
    verdict
}

fn matches(patterns: &str, name: &str) -> bool {
    if let Some(hashed) = patterns.strip_prefix("|1|") {
        return is_hash_of(hashed, name);
    }
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if fits(not.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= fits(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `SALT|HASH`: HMAC-SHA1 of the name.
fn is_hash_of(hashed: &str, name: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else {
        return false;
    };
    mac.update(name.as_bytes());
    mac.verify_slice(&hash).is_ok()
}

/// `*` and `?`, without regard to case.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some(b'*'), _) => {
            fits(&pattern[1..], name) || !name.is_empty() && fits(pattern, &name[1..])
        }
        (Some(b'?'), Some(_)) => fits(&pattern[1..], &name[1..]),
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b) && fits(&pattern[1..], &name[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key";

    fn line(host: &str, key: &[u8]) -> String {
        format!("{host} ssh-ed25519 {}\n", STANDARD.encode(key))
    }

    #[test]
    fn a_key_is_known_by_name_port_pattern_and_hash() {
        assert_eq!(
            check(&line("git.example.org", KEY), "git.example.org", 22, KEY),
            Verdict::Known
        );
        assert_eq!(
            check(
                &line("[git.example.org]:2222", KEY),
                "git.example.org",
                2222,
                KEY
            ),
            Verdict::Known
        );
        assert_eq!(
            check(
                &line("*.example.org,!bad.example.org", KEY),
                "git.example.org",
                22,
                KEY
            ),
            Verdict::Known
        );
        let mut mac = Hmac::<Sha1>::new_from_slice(b"salt").expect("any length");
        mac.update(b"git.example.org");
        let hashed = format!(
            "|1|{}|{}",
            STANDARD.encode(b"salt"),
            STANDARD.encode(mac.finalize().into_bytes())
        );
        assert_eq!(
            check(&line(&hashed, KEY), "git.example.org", 22, KEY),
            Verdict::Known
        );
    }

    #[test]
    fn another_key_or_host_or_a_revoked_key_is_not_known() {
        assert_eq!(
            check(&line("a.example.org", b"other"), "a.example.org", 22, KEY),
            Verdict::Different
        );
        assert_eq!(
            check(&line("b.example.org", KEY), "a.example.org", 22, KEY),
            Verdict::Unknown
        );
        assert_eq!(
            check(&line("a.example.org", KEY), "a.example.org", 2222, KEY),
            Verdict::Unknown
        );
        assert_eq!(
            check(&line("!bad.example.org,*", KEY), "bad.example.org", 22, KEY),
            Verdict::Unknown
        );
        let revoked = format!(
            "{}@revoked {}",
            line("a.example.org", KEY),
            line("a.example.org", KEY)
        );
        assert_eq!(check(&revoked, "a.example.org", 22, KEY), Verdict::Revoked);
    }
}
