//! Keys and signatures of OpenPGP (RFC 9580). The crate checks mathematics; which keys and hashes
//! count, and when, is decided here.

use std::io::Cursor;

use pgp::armor::DearmorOptions;
use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SignatureVersion};
use pgp::ser::Serialize as _;
use pgp::types::{EcdsaPublicParams, KeyDetails, PublicParams, Tag};

use super::{SIGNATURE_LIMIT, Signed, Times};

/// Bytes of one file of keys.
const KEYS_LIMIT: usize = 512 << 10;
/// Bits of an RSA modulus.
const RSA_BITS: u16 = 2048;
/// Seconds that a signer's clock may be ahead.
const SKEW: i64 = 24 * 3600;
const BEGINNING: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// A person's key with its subkeys, as far as they may sign.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    key: SignedPublicKey,
    /// The primary key's own end; subkeys do not outlive it.
    expires: Option<i64>,
    revoked: bool,
    signers: Vec<SigningKey>,
}

/// The primary key, or a subkey that may sign.
#[derive(Clone, Debug)]
struct SigningKey {
    /// Among the certificate's subkeys; `None` is the primary key.
    subkey: Option<usize>,
    fingerprint: String,
    created: i64,
    expires: Option<i64>,
    revoked: bool,
}

impl Certificate {
    /// All keys of a file: armored ones one after another, or binary.
    pub(super) fn read(bytes: &[u8]) -> Result<Vec<Self>, String> {
        if bytes.len() > KEYS_LIMIT {
            return Err(format!("{} bytes, over {KEYS_LIMIT}", bytes.len()));
        }
        let none = |error: pgp::errors::Error| format!("this is no public key of OpenPGP: {error}");
        let mut keys = Vec::new();
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("PRIVATE KEY BLOCK") => {
                return Err(
                    "this is a private key; give the public one (gpg --armor --export)".into(),
                );
            }
            Ok(text) => {
                for (at, _) in text.match_indices(BEGINNING) {
                    let options = DearmorOptions::new().set_limit(KEYS_LIMIT);
                    let block = Cursor::new(&text.as_bytes()[at..]);
                    let (found, _) =
                        SignedPublicKey::from_armor_many_buf_with_options(block, options)
                            .map_err(none)?;
                    for key in found {
                        keys.push(key.map_err(none)?);
                    }
                }
            }
            Err(_) => {
                for key in SignedPublicKey::from_bytes_many(bytes).map_err(none)? {
                    keys.push(key.map_err(none)?);
                }
            }
        }
        if keys.is_empty() {
            return Err("there is no public key of OpenPGP in it".into());
        }
        keys.into_iter().map(Self::of).collect()
    }

    fn of(key: SignedPublicKey) -> Result<Self, String> {
        let primary = &key.primary_key;
        let shown = hexadecimal(primary.fingerprint().as_bytes());
        let own = self_signature(&key).ok_or_else(|| {
            format!(
                "the key {shown} has no self-signature that holds, by SHA-256 or better; \
                 `gpg --quick-set-expire` makes a new one"
            )
        })?;
        let created = i64::from(primary.created_at().as_secs());
        let expires = end(created, own.key_expiration_time().map(|it| it.as_secs()));
        // A revocation is no threat, so that a weak hash does not undo it.
        let revoked = key.details.revocation_signatures.iter().any(|it| {
            it.typ() == Some(SignatureType::KeyRevocation) && it.verify_key(primary).is_ok()
        });
        let mut signers = Vec::new();
        let mut why = "it has no part that may sign".to_owned();
        if own.key_flags().sign() {
            match strong(primary.public_params()) {
                Ok(()) => signers.push(SigningKey {
                    subkey: None,
                    fingerprint: shown.clone(),
                    created,
                    expires,
                    revoked,
                }),
                Err(weak) => why = weak,
            }
        }
        for index in 0..key.public_subkeys.len() {
            match signing_subkey(&key, index) {
                Ok(found) => signers.extend(found),
                Err(weak) => why = weak,
            }
        }
        if signers.is_empty() {
            return Err(format!("the key {shown} can sign nothing: {why}"));
        }
        Ok(Self {
            expires,
            revoked,
            signers,
            key,
        })
    }

    /// The fingerprint of its part that a signature says it was made by, and what comes of it.
    pub(super) fn check(
        &self,
        signature: &Signature,
        signed: &Signed,
        times: Times,
    ) -> Option<(String, Result<(), String>)> {
        let signer = self.signers.iter().find(|it| self.made(it, signature))?;
        let verdict = self.holds(signer, signature, signed, times);
        Some((format!("OpenPGP {}", signer.fingerprint), verdict))
    }

    fn made(&self, signer: &SigningKey, signature: &Signature) -> bool {
        let is = |key: &dyn KeyDetails| {
            let prints = signature.issuer_fingerprint();
            match prints.is_empty() {
                true => signature.issuer_key_id().contains(&&key.legacy_key_id()),
                false => prints.contains(&&key.fingerprint()),
            }
        };
        match signer.subkey {
            None => is(&self.key.primary_key),
            Some(index) => is(&self.key.public_subkeys[index].key),
        }
    }

    fn holds(
        &self,
        signer: &SigningKey,
        signature: &Signature,
        signed: &Signed,
        times: Times,
    ) -> Result<(), String> {
        let verified = match signer.subkey {
            None => signature.verify(&self.key.primary_key, &signed.payload[..]),
            Some(index) => {
                signature.verify(&self.key.public_subkeys[index].key, &signed.payload[..])
            }
        };
        verified.map_err(|_| "its signature is not of these bytes".to_owned())?;
        if self.revoked || signer.revoked {
            return Err("its key is revoked".into());
        }
        let made = signature.created().map(|it| i64::from(it.as_secs()));
        let made = made.ok_or("its signature does not say when it was made")?;
        if made > times.now + SKEW {
            return Err("its signature was made in the future, by its own word".into());
        }
        if made < signer.created {
            return Err("its signature is older than its key".into());
        }
        let lasts = signature.signature_expiration_time();
        if end(made, lasts.map(|it| it.as_secs())).is_some_and(|end| times.now >= end) {
            return Err("its signature has expired".into());
        }
        for (what, at) in [
            ("when it was made", made.max(times.made)),
            ("now", times.now),
        ] {
            let ends = [self.expires, signer.expires];
            if ends.into_iter().flatten().any(|end| at >= end) {
                return Err(format!("its key had expired {what}"));
            }
        }
        Ok(())
    }
}

/// # Errors
/// That it is none, or one of a kind that is not taken.
pub(super) fn read_signature(bytes: &[u8]) -> Result<Signature, String> {
    let options = DearmorOptions::new().set_limit(SIGNATURE_LIMIT);
    let (found, _) = DetachedSignature::from_armor_single_buf_with_options(bytes, options)
        .map_err(|error| format!("its signature is none of OpenPGP: {error}"))?;
    let signature = found.signature;
    if signature.typ() != Some(SignatureType::Binary) {
        return Err("its signature is not one of a document".into());
    }
    match hash_of(&signature) {
        Ok(()) => Ok(signature),
        Err(hash) => Err(format!("its signature is by {hash}, which is not taken")),
    }
}

/// What a signature says of who made it, for people.
pub(super) fn issuer(signature: &Signature) -> String {
    let print = signature.issuer_fingerprint().into_iter().next();
    let id = signature.issuer_key_id().into_iter().next();
    match (print, id) {
        (Some(print), _) => format!("OpenPGP {}", hexadecimal(print.as_bytes())),
        (None, Some(id)) => format!("OpenPGP {}", hexadecimal(id.as_ref())),
        (None, None) => "OpenPGP, of no name".into(),
    }
}

/// The newest signature of the primary key on itself or on a name that is not revoked.
fn self_signature(key: &SignedPublicKey) -> Option<&Signature> {
    let primary = &key.primary_key;
    let direct = key.details.direct_signatures.iter();
    let direct = direct.filter(|it| {
        it.typ() == Some(SignatureType::Key)
            && hash_of(it).is_ok()
            && it.verify_key(primary).is_ok()
    });
    let named = key.details.users.iter().flat_map(|user| {
        let holds = |it: &&Signature| {
            it.verify_certification(primary, Tag::UserId, &user.id)
                .is_ok()
        };
        let revokes = |it: &Signature| it.typ() == Some(SignatureType::CertRevocation);
        let revoked = user
            .signatures
            .iter()
            .filter(|it| revokes(it))
            .any(|it| holds(&it));
        user.signatures
            .iter()
            .filter(move |it| !revoked && !revokes(it) && hash_of(it).is_ok() && holds(it))
    });
    direct
        .chain(named)
        .max_by_key(|it| it.created().map(|it| it.as_secs()))
}

/// A subkey, if it may sign.
///
/// # Errors
/// Why one that would sign may not.
fn signing_subkey(key: &SignedPublicKey, index: usize) -> Result<Option<SigningKey>, String> {
    let primary = &key.primary_key;
    let subkey = &key.public_subkeys[index];
    let holds = |it: &&Signature| it.verify_subkey_binding(primary, &subkey.key).is_ok();
    let of = |typ| {
        let signatures = subkey.signatures.iter();
        signatures
            .filter(move |it| it.typ() == Some(typ))
            .filter(holds)
    };
    let binding = of(SignatureType::SubkeyBinding)
        .filter(|it| hash_of(it).is_ok())
        .max_by_key(|it| it.created().map(|it| it.as_secs()));
    let Some(binding) = binding.filter(|it| it.key_flags().sign()) else {
        return Ok(None);
    };
    // A subkey that signs must say itself whose it is (RFC 9580, 10.1.5): else somebody could
    // have what another has signed for his own.
    let back = binding.embedded_signature().filter(|back| {
        hash_of(back).is_ok()
            && back
                .verify_primary_key_binding(&subkey.key, primary)
                .is_ok()
    });
    if back.is_none() {
        return Err("its subkey does not say whose it is".into());
    }
    strong(subkey.key.public_params())?;
    let created = i64::from(subkey.key.created_at().as_secs());
    Ok(Some(SigningKey {
        subkey: Some(index),
        fingerprint: hexadecimal(subkey.key.fingerprint().as_bytes()),
        created,
        expires: end(
            created,
            binding.key_expiration_time().map(|it| it.as_secs()),
        ),
        revoked: of(SignatureType::SubkeyRevocation).next().is_some(),
    }))
}

/// # Errors
/// The name of a hash that is not taken.
fn hash_of(signature: &Signature) -> Result<(), String> {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    let version = signature.version();
    if !matches!(version, SignatureVersion::V4 | SignatureVersion::V6) {
        return Err(format!("version {version:?} of OpenPGP"));
    }
    match signature.hash_alg() {
        Some(Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512) => Ok(()),
        Some(other) => Err(other.to_string()),
        None => Err("no hash that is known".into()),
    }
}

/// Whether what such a key signs means something.
fn strong(key: &PublicParams) -> Result<(), String> {
    match key {
        PublicParams::Ed25519(_) | PublicParams::EdDSALegacy(_) | PublicParams::Ed448(_) => Ok(()),
        PublicParams::ECDSA(
            EcdsaPublicParams::P256 { .. }
            | EcdsaPublicParams::P384 { .. }
            | EcdsaPublicParams::P521 { .. },
        ) => Ok(()),
        PublicParams::RSA(key) => {
            // A number begins with its length in bits (RFC 9580, 3.2), the modulus first.
            let bytes = key.to_bytes().unwrap_or_default();
            let bits = bytes
                .first_chunk()
                .map_or(0, |bits| u16::from_be_bytes(*bits));
            match bits >= RSA_BITS {
                true => Ok(()),
                false => Err(format!("it is RSA of {bits} bits, under {RSA_BITS}")),
            }
        }
        PublicParams::DSA(_) => Err("it is of DSA, which is not taken".into()),
        _ => Err("it is of an algorithm that is not taken".into()),
    }
}

fn end(begin: i64, lasts: Option<u32>) -> Option<i64> {
    let lasts = lasts.filter(|lasts| *lasts > 0)?;
    Some(begin + i64::from(lasts))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
