//! The key that shows that whoever asks may read the Secret with it. The API server's proxy does
//! not say who asks, and any Pod could ask past it: what RBAC says of the Secret decides.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// The key is sent in it; the API server keeps `Authorization` for itself.
pub(super) const HEADER: &str = "trimtab-key";
/// Of the Secret's data.
pub(super) const ENTRY: &str = "key";

/// Empty until there is a key: then nobody is let in.
#[derive(Default)]
pub(super) struct Key(RwLock<Vec<u8>>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// 256 bits of the system's randomness.
pub(super) fn new_key() -> Result<Vec<u8>, String> {
    let mut bytes = [0; 32];
    let filled = rand::TryRngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut bytes);
    filled.map_err(|error| format!("the system has no randomness: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into_bytes())
}

impl Key {
    pub(super) fn put(&self, key: Vec<u8>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// In a time that does not depend on where the two differ.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        let key = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !key.is_empty() && bool::from(key.ct_eq(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_key_is_the_key_and_without_one_nothing_is() {
        let key = Key::default();
        assert!(!key.is(b""));
        let made = new_key().expect("randomness");
        assert_eq!(made.len(), 43);
        assert_ne!(made, new_key().expect("randomness"));
        key.put(made.clone());
        assert!(key.is(&made));
        assert!(!key.is(&made[1..]) && !key.is(b""));
        let other = new_key().expect("randomness");
        assert!(!key.is(&other));
        key.put(other);
        assert!(!key.is(&made));
        assert!(!format!("{key:?}").contains(&*String::from_utf8_lossy(&made)));
    }
}
