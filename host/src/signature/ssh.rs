//! Keys and signatures of SSH: PROTOCOL.sshsig, and the allowed signers of ssh-keygen(1).

use std::str::FromStr as _;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey, SshSig};

use super::{Signed, Times};

/// What Git signs for.
const NAMESPACE: &str = "git";
/// Bits of an RSA modulus; the reader of the format takes no more.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// A public key, and when it is valid.
#[derive(Clone, Debug)]
pub(super) struct SshKey {
    key: PublicKey,
    /// Seconds since the epoch.
    after: Option<i64>,
    before: Option<i64>,
}

impl SshKey {
    /// Reads a key as a `.pub` file has it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let key = PublicKey::from_openssh(text.trim())
            .map_err(|error| format!("this is no public key of SSH: {error}"))?;
        strong(key.key_data())?;
        let key = PublicKey::from(key.key_data().clone());
        Ok(Self {
            key,
            after: None,
            before: None,
        })
    }

    /// Reads a line of allowed signers: `PRINCIPALS [OPTIONS] KEYTYPE BASE64 [COMMENT]`. Gives the
    /// principals; nothing for a comment.
    pub(super) fn read_allowed(line: &str) -> Result<Option<(Vec<String>, Self)>, String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let (principals, rest) = word(line);
        let names: Vec<String> = unquoted(principals)
            .split(',')
            .map(|it| it.trim().to_owned())
            .collect();
        for name in &names {
            if name.is_empty() || name.contains(['*', '?', '!']) {
                return Err(format!("{name:?} is a pattern; a signer has a name"));
            }
        }
        let (options, key) = match SshKey::read(rest) {
            Ok(key) => ("", key),
            Err(whole) => {
                let (options, rest) = word(rest);
                // What is wrong with a key that has no options must not be hidden by this.
                let looks = ["namespaces", "valid-", "cert-authority"];
                if !looks
                    .iter()
                    .any(|it| options.to_ascii_lowercase().contains(it))
                {
                    return Err(whole);
                }
                (options, SshKey::read(rest)?)
            }
        };
        key.with_options(options).map(|key| Some((names, key)))
    }

    fn with_options(mut self, options: &str) -> Result<Self, String> {
        for option in split_options(options) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = unquoted(value);
            match name.to_ascii_lowercase().as_str() {
                "" => {}
                "namespaces" if value.split(',').any(|it| it.trim() == NAMESPACE) => {}
                "namespaces" => return Err(format!("the key is not for {NAMESPACE:?}: {option}")),
                "valid-after" => self.after = Some(time(value)?),
                "valid-before" => self.before = Some(time(value)?),
                "cert-authority" => {
                    return Err("certificates of SSH are not supported; give the keys".into());
                }
                _ => return Err(format!("the option {name:?} is not known")),
            }
        }
        Ok(self)
    }

    /// Whether a signature says that it was made by this key; and what that is called.
    pub(super) fn is(&self, key: &KeyData) -> bool {
        self.key.key_data() == key
    }

    pub(super) fn fingerprint(&self) -> String {
        fingerprint(self.key.key_data())
    }

    /// Whether the signature holds.
    pub(super) fn check(
        &self,
        signature: &SshSig,
        signed: &Signed,
        times: Times,
    ) -> Result<(), String> {
        if signature.namespace() != NAMESPACE {
            return Err(format!(
                "its signature was made for {:?}, and not for {NAMESPACE:?}",
                super::one_line(signature.namespace(), 32)
            ));
        }
        self.key
            .verify(NAMESPACE, &signed.payload, signature)
            .map_err(|_| "its signature is not of these bytes".to_owned())?;
        for (what, at) in [("when it was made", times.made), ("now", times.now)] {
            if self.before.is_some_and(|before| at >= before) {
                return Err(format!("its key had expired {what}"));
            }
            if self.after.is_some_and(|after| at < after) {
                return Err(format!("its key was not valid yet {what}"));
            }
        }
        Ok(())
    }
}

/// # Errors
/// That it is none, or one of an algorithm that is not taken.
pub(super) fn read_signature(bytes: &[u8]) -> Result<SshSig, String> {
    let signature = SshSig::from_pem(bytes)
        .map_err(|error| format!("its signature is none of SSH: {error}"))?;
    strong(signature.public_key())?;
    Ok(signature)
}

pub(super) fn fingerprint(key: &KeyData) -> String {
    format!("SSH {}", key.fingerprint(HashAlg::Sha256))
}

/// Whether what such a key signs means something.
fn strong(key: &KeyData) -> Result<(), String> {
    match key {
        KeyData::Ed25519(_)
        | KeyData::SkEd25519(_)
        | KeyData::SkEcdsaSha2NistP256(_)
        | KeyData::Ecdsa(_) => Ok(()),
        KeyData::Rsa(key) => {
            let modulus = key.n.as_positive_bytes().unwrap_or_default();
            let zeros = modulus.first().map_or(0, |first| first.leading_zeros());
            let bits = (modulus.len() * 8).saturating_sub(zeros as usize);
            match RSA_BITS.contains(&bits) {
                true => Ok(()),
                false => Err(format!(
                    "its key is RSA of {bits} bits; from {} to {} are taken",
                    RSA_BITS.start(),
                    RSA_BITS.end()
                )),
            }
        }
        other => Err(format!(
            "keys of the kind {} are not taken",
            other.algorithm()
        )),
    }
}

/// The first word, in which blanks may be quoted, and what is after it.
fn word(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|it: char| {
        quoted ^= it == '"';
        it.is_whitespace() && !quoted
    });
    let (first, rest) = text.split_at(end.unwrap_or(text.len()));
    (first, rest.trim_start())
}

fn split_options(options: &str) -> Vec<&str> {
    let mut quoted = false;
    options
        .split(|it: char| {
            quoted ^= it == '"';
            it == ',' && !quoted
        })
        .collect()
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// `YYYYMMDD[Z]` or `YYYYMMDDHHMM[SS][Z]`. ssh-keygen takes a time without `Z` for one of its own
/// time zone; a host has none that people could mean, and takes UTC.
fn time(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no time; write YYYYMMDD or YYYYMMDDHHMMSS, in UTC");
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(wrong()),
    };
    let civil =
        DateTime::from_str(&format!("{}T{}", &full[..8], &full[8..])).map_err(|_| wrong())?;
    let zoned = civil.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    Ok(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBFm5S1BqOJL7AAbrvtTXEAMGQoRZKZXQBX7FaqYUWqV";

    fn allowed(line: &str) -> Result<Option<(Vec<String>, SshKey)>, String> {
        SshKey::read_allowed(line)
    }

    #[test]
    fn a_line_of_allowed_signers_gives_names_and_times() {
        let line = format!(
            "alice@example.org,alice namespaces=\"file,git\",valid-after=\"20260101\",valid-before=\"202602011200Z\" {KEY} laptop"
        );
        let (names, key) = allowed(&line).expect("right").expect("a key");
        assert_eq!(names, ["alice@example.org", "alice"]);
        assert_eq!(key.after, Some(1_767_225_600));
        assert_eq!(key.before, Some(1_769_947_200));
        assert!(allowed("# a comment").expect("right").is_none());
        assert!(allowed(&format!("alice {KEY}")).expect("right").is_some());
    }

    #[test]
    fn what_would_not_do_as_it_says_is_refused_in_words() {
        let wrong = [
            (format!("*@example.org {KEY}"), "is a pattern"),
            (format!("alice cert-authority {KEY}"), "certificates"),
            (format!("alice namespaces=\"file\" {KEY}"), "not for"),
            (
                format!("alice valid-before=\"tomorrow\" {KEY}"),
                "is no time",
            ),
            (
                format!("alice no-touch-required,valid-after=20260101 {KEY}"),
                "not known",
            ),
            ("alice ssh-ed25519 AAAA".into(), "no public key"),
            ("alice".into(), "no public key"),
        ];
        for (line, words) in wrong {
            let error = allowed(&line).expect_err(&line);
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
