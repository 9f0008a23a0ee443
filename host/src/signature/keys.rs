//! The keys that the platform team gives, by name.

use super::openpgp::{self, Certificate};
use super::ssh::{self, SshKey};
use super::{Signed, Times, one_line};

/// More keys than this are no team's.
const KEYS_LIMIT: usize = 2000;

/// Keys, and what they are called.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    ssh: Vec<(Vec<String>, SshKey)>,
    openpgp: Vec<(String, Certificate)>,
}

/// A key that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct KeyFault {
    /// The key's name, or an entry and its line.
    pub place: String,
    pub why: String,
}

/// Whose signature it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Names of the key; SSH's allowed signers may give several.
    pub names: Vec<String>,
    /// `SSH SHA256:…` or `OpenPGP …`.
    pub key: String,
}

impl Keys {
    pub fn is_empty(&self) -> bool {
        self.ssh.is_empty() && self.openpgp.is_empty()
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let ssh = self.ssh.iter().flat_map(|(names, _)| names);
        ssh.chain(self.openpgp.iter().map(|(name, _)| name))
            .map(String::as_str)
    }

    /// A key as a `.pub` file has it.
    pub fn add_ssh(&mut self, name: &str, text: &str) -> Result<(), KeyFault> {
        let key = SshKey::read(text).map_err(|why| fault(name, why))?;
        self.ssh.push((vec![name.to_owned()], key));
        self.bounded()
    }

    /// One or more keys of OpenPGP, armored or not.
    pub fn add_openpgp(&mut self, name: &str, bytes: &[u8]) -> Result<(), KeyFault> {
        let found = Certificate::read(bytes).map_err(|why| fault(name, why))?;
        self.openpgp
            .extend(found.into_iter().map(|key| (name.to_owned(), key)));
        self.bounded()
    }

    /// An entry of a Secret or a ConfigMap: keys of OpenPGP, a public key of SSH, or lines of
    /// allowed signers. The first two are called as the entry is, without its ending.
    pub fn add_entry(&mut self, entry: &str, bytes: &[u8]) -> Result<(), KeyFault> {
        let name = match entry.rsplit_once('.') {
            Some((name, "pub" | "asc" | "gpg" | "pgp")) if !name.is_empty() => name,
            _ => entry,
        };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains("-----BEGIN PGP") => text,
            _ => return self.add_openpgp(name, bytes),
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let one = lines.count() == 1;
        if one && SshKey::read(text).is_ok() {
            return self.add_ssh(name, text);
        }
        for (number, line) in (1..).zip(text.lines()) {
            let place = format!("{entry}:{number}");
            let found = SshKey::read_allowed(line).map_err(|why| fault(&place, why))?;
            self.ssh.extend(found);
            self.bounded()?;
        }
        Ok(())
    }

    fn bounded(&self) -> Result<(), KeyFault> {
        match self.ssh.len() + self.openpgp.len() > KEYS_LIMIT {
            true => Err(fault("keys", format!("there are more than {KEYS_LIMIT}"))),
            false => Ok(()),
        }
    }

    /// Whose signature it is.
    ///
    /// # Errors
    /// Why it does not count, in words that begin with "its" or tell who signed.
    pub fn judge(&self, signed: &Signed, times: Times) -> Result<Signer, String> {
        let begins = |what: &str| signed.signature.starts_with(what.as_bytes());
        if begins("-----BEGIN SSH SIGNATURE-----") {
            self.judge_ssh(signed, times)
        } else if begins("-----BEGIN PGP SIGNATURE-----") || begins("-----BEGIN PGP MESSAGE-----") {
            self.judge_openpgp(signed, times)
        } else if begins("-----BEGIN SIGNED MESSAGE-----") {
            Err("its signature is one of X.509, which is not supported".into())
        } else {
            Err("its signature is of a kind that is not known".into())
        }
    }

    fn judge_ssh(&self, signed: &Signed, times: Times) -> Result<Signer, String> {
        let signature = ssh::read_signature(&signed.signature)?;
        let key = ssh::fingerprint(signature.public_key());
        let mut verdict = Err(unknown(&key));
        // A key may stand there twice, with other times.
        let known = self
            .ssh
            .iter()
            .filter(|(_, it)| it.is(signature.public_key()));
        for (names, known) in known {
            debug_assert_eq!(known.fingerprint(), key);
            match known.check(&signature, signed, times) {
                Ok(()) => {
                    return Ok(Signer {
                        names: names.clone(),
                        key,
                    });
                }
                Err(why) => verdict = Err(told(&names[0], &key, &why)),
            }
        }
        verdict
    }

    fn judge_openpgp(&self, signed: &Signed, times: Times) -> Result<Signer, String> {
        let signature = openpgp::read_signature(&signed.signature)?;
        let mut verdict = Err(unknown(&openpgp::issuer(&signature)));
        // Two keys may have one short id.
        for (name, known) in &self.openpgp {
            match known.check(&signature, signed, times) {
                None => {}
                Some((key, Ok(()))) => {
                    return Ok(Signer {
                        names: vec![name.clone()],
                        key,
                    });
                }
                Some((key, Err(why))) => verdict = Err(told(name, &key, &why)),
            }
        }
        verdict
    }
}

fn unknown(key: &str) -> String {
    format!("its key is none of those that are given ({key})")
}

fn told(name: &str, key: &str, why: &str) -> String {
    format!("{why} ({}, {key})", one_line(name, 64))
}

fn fault(place: &str, why: impl Into<String>) -> KeyFault {
    KeyFault {
        place: one_line(place, 64),
        why: why.into(),
    }
}
