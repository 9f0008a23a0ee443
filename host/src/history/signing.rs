//! Ed25519 keys in PEM, as OpenSSL writes them, and signatures in DSSE envelopes.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::HistoryError;

/// What precedes the key in PKCS#8 (RFC 8410, section 7) and in SubjectPublicKeyInfo (section 4).
const PRIVATE: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
const PUBLIC: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// Bytes of a key's file.
const FILE: u64 = 64 << 10;

/// A private key.
pub struct SigningKey(Ed25519KeyPair);

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(Vec<u8>);

/// DSSE v1: what is signed, and who signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    pub payload_type: String,
    /// In base64.
    pub payload: String,
    pub signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// SHA-256 of the public key as SubjectPublicKeyInfo; a hint, and signed by nobody.
    #[serde(default)]
    pub keyid: String,
    /// In base64.
    pub sig: String,
}

impl SigningKey {
    /// Reads a PKCS#8 key: `openssl genpkey -algorithm ed25519`.
    ///
    /// # Errors
    /// That it is not there, or is no such key.
    pub fn read(path: &Path) -> Result<Self, HistoryError> {
        let unusable = |reason: String| unusable(path, reason);
        let pem = read(path)?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| {
            unusable("it is no private key in PEM (PKCS#8); `openssl genpkey -algorithm ed25519` makes one".into())
        })?;
        // OpenSSL's keys do not hold their public half.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
            .map(Self)
            .map_err(|error| unusable(format!("it is no Ed25519 key: {error}")))
    }

    /// Reads a key, or makes one that only this user can read.
    ///
    /// # Errors
    /// As [`read`](Self::read), and that it cannot be written.
    pub fn read_or_make(path: &Path) -> Result<Self, HistoryError> {
        let failed = |reason| HistoryError::File {
            path: path.display().to_string(),
            reason,
        };
        if !path.exists() {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder).map_err(failed)?;
            let seed: [u8; 32] = rand::random();
            let pem = pem("PRIVATE KEY", &[&PRIVATE[..], &seed].concat());
            // Whole or not at all, for this user alone, and never in the place of another one.
            let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
            file.write_all(pem.as_bytes()).map_err(failed)?;
            file.as_file().sync_all().map_err(failed)?;
            match file.persist_noclobber(path) {
                Ok(_) => {}
                Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error.error)),
            }
        }
        Self::read(path)
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.public_key().as_ref().to_vec())
    }

    /// Signs a payload of a media type.
    pub fn sign(&self, payload_type: &str, payload: &[u8]) -> Envelope {
        let signature = self.0.sign(&signed_bytes(payload_type, payload));
        Envelope {
            payload_type: payload_type.to_owned(),
            payload: BASE64_STANDARD.encode(payload),
            signatures: vec![Signature {
                keyid: self.verifying_key().id(),
                sig: BASE64_STANDARD.encode(signature),
            }],
        }
    }
}

impl VerifyingKey {
    /// Reads a key as `trimtab history key` and `openssl pkey -pubout` write it.
    ///
    /// # Errors
    /// That it is not there, or is no such key.
    pub fn read(path: &Path) -> Result<Self, HistoryError> {
        let pem = read(path)?;
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&pem).ok();
        let key = der.as_ref().and_then(|it| it.strip_prefix(&PUBLIC[..]));
        let key = key.filter(|it| it.len() == 32);
        key.map(|it| Self(it.to_vec())).ok_or_else(|| {
            unusable(
                path,
                "it is no public Ed25519 key in PEM; `trimtab history key` prints one".into(),
            )
        })
    }

    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.der())
    }

    /// SHA-256 of the key as SubjectPublicKeyInfo, in hexadecimal.
    pub fn id(&self) -> String {
        format!("{:x}", Sha256::digest(self.der()))
    }

    /// What was signed, if one of the envelope's signatures is this key's.
    pub fn opened(&self, envelope: &Envelope) -> Option<Vec<u8>> {
        let payload = BASE64_STANDARD.decode(&envelope.payload).ok()?;
        let bytes = signed_bytes(&envelope.payload_type, &payload);
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        let is_ours = |it: &Signature| {
            let signature = BASE64_STANDARD.decode(&it.sig);
            signature.is_ok_and(|signature| key.verify(&bytes, &signature).is_ok())
        };
        envelope.signatures.iter().any(is_ours).then_some(payload)
    }

    fn der(&self) -> Vec<u8> {
        [&PUBLIC[..], &self.0].concat()
    }
}

/// DSSE's pre-authentication encoding.
fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let header = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [header.as_bytes(), payload].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    // Short enough for one line of the 64 characters that RFC 7468 has.
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        BASE64_STANDARD.encode(der)
    )
}

fn read(path: &Path) -> Result<Vec<u8>, HistoryError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE).read_to_end(&mut bytes))
        .map_err(|reason| HistoryError::File {
            path: path.display().to_string(),
            reason,
        })?;
    Ok(bytes)
}

fn unusable(path: &Path, reason: String) -> HistoryError {
    HistoryError::Key {
        path: path.display().to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_bytes_are_those_of_dsses_own_test_vector() {
        let bytes = signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(
            bytes,
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn what_was_signed_is_known_by_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/key.pem");
        let key = SigningKey::read_or_make(&path).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let again = SigningKey::read_or_make(&path).unwrap();
        assert_eq!(key.verifying_key(), again.verifying_key());
        let public = folder.path().join("key.pub");
        std::fs::write(&public, key.verifying_key().pem()).unwrap();
        let public = VerifyingKey::read(&public).unwrap();
        let envelope = key.sign("text/plain", b"vision");
        assert_eq!(public.opened(&envelope).as_deref(), Some(&b"vision"[..]));
        for change in [
            |it: &mut Envelope| it.payload = BASE64_STANDARD.encode("visiom"),
            |it: &mut Envelope| it.payload_type = "text/plaim".into(),
            |it: &mut Envelope| it.signatures.clear(),
        ] {
            let mut changed = envelope.clone();
            change(&mut changed);
            assert_eq!(public.opened(&changed), None);
        }
        let other = SigningKey::read_or_make(&folder.path().join("other")).unwrap();
        assert_eq!(other.verifying_key().opened(&envelope), None);
        assert!(VerifyingKey::read(&path).is_err() && SigningKey::read(folder.path()).is_err());
    }
}
