//! What is hashed, and how: the bytes of a record, commitments in it, and its place in the chain.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::entry::{Entry, Told};

/// A SHA-256; written in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub(super) [u8; 32]);

impl Hash {
    /// What the first record of a chain has before it.
    pub(super) const NONE: Self = Self([0; 32]);

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a hash is 64 hexadecimal digits";
        let mut hash = [0; 32];
        // What is not ASCII has more bytes than digits, and is cut nowhere.
        if text.len() != 64 || !text.is_ascii() {
            return Err(WRONG);
        }
        for (index, byte) in hash.iter_mut().enumerate() {
            let digits = &text[index * 2..index * 2 + 2];
            let lower = digits
                .bytes()
                .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
            *byte = u8::from_str_radix(digits, 16)
                .ok()
                .filter(|_| lower)
                .ok_or(WRONG)?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `SHA-256(previous ‖ body)`.
pub(super) fn link(previous: &Hash, body: &[u8]) -> Hash {
    Hash(
        Sha256::new()
            .chain_update(previous.0)
            .chain_update(body)
            .finalize()
            .into(),
    )
}

/// `SHA-256(salt ‖ text)`.
pub(super) fn commitment(salt: &[u8], text: &str) -> Hash {
    Hash(
        Sha256::new()
            .chain_update(salt)
            .chain_update(text)
            .finalize()
            .into(),
    )
}

/// A record as it is hashed and kept: what can be erased is there by its commitment.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub sequence: u64,
    #[serde(flatten)]
    pub entry: Entry,
}

impl Stored {
    /// The commitments in it. `None` if something else stands where one belongs.
    pub(super) fn commitments(&mut self) -> Option<Vec<Hash>> {
        self.entry
            .told_mut()
            .filter_map(|told| match told {
                Told::Text(text) => Some(text.parse().ok()),
                Told::Erased { .. } => None,
            })
            .collect()
    }

    /// The bytes that are hashed: JSON as RFC 8785 (JCS) writes it. There are no fractions in it.
    pub(super) fn bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(1024);
        write_canonical(&serde_json::to_value(self)?, &mut bytes)?;
        Ok(bytes)
    }
}

/// JSON with its fields sorted. They are ASCII, of which UTF-16, by which RFC 8785 sorts, has the
/// same order; serde_json escapes as it wants.
pub(super) fn write_canonical(value: &Value, out: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write_canonical(value, out)?;
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(item, out)?;
            }
            out.push(b']');
        }
        scalar => serde_json::to_writer(&mut *out, scalar)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_written_as_rfc_8785_says() {
        let value =
            serde_json::json!({"b": [1, {"z": null, "a": "\u{7}\u{1f}\"/\u{e9}\n"}], "a": true});
        let mut bytes = Vec::new();
        write_canonical(&value, &mut bytes).unwrap();
        let expected = "{\"a\":true,\"b\":[1,{\"a\":\"\\u0007\\u001f\\\"/\u{e9}\\n\",\"z\":null}]}";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_hash_is_read_in_one_writing_only() {
        let hash = link(&Hash::NONE, b"");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for wrong in [
            "",
            "0g",
            &hash.to_string().to_uppercase(),
            &"é".repeat(32),
            &"+1".repeat(32),
        ] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
        }
    }
}
