//! What the platform team's ConfigMaps and Secrets hold: settings, as the Repository's spec is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// Entries of an object.
pub type Entries = BTreeMap<String, Vec<u8>>;

/// By the names of `spec.values`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supplied(Arc<BTreeMap<String, Supply>>);

/// What is known of one of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Supply {
    Here(Arc<Values>),
    /// There is no such object.
    Missing,
    /// It could not be read, and why.
    Unknown(String),
}

/// What an object holds. Equal digests are equal values.
#[derive(Clone)]
pub struct Values {
    pub entries: Entries,
    /// They are a Secret's, and are told nowhere.
    pub secret: bool,
    /// SHA-256. A Secret's is salted with the object's uid, which only those know who may read the
    /// Secret: nobody else can try out what it holds.
    pub digest: String,
    /// What digests of all that is made of it are salted with.
    pub salt: Option<String>,
}

impl Supplied {
    pub fn of(all: impl IntoIterator<Item = (String, Supply)>) -> Self {
        Self(Arc::new(all.into_iter().collect()))
    }

    /// Nothing if nobody looked for it.
    pub fn get(&self, name: &str) -> Option<&Supply> {
        self.0.get(name)
    }
}

impl Values {
    /// `uid` is the object's.
    pub fn new(entries: Entries, secret: bool, uid: &str) -> Self {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        let salt = secret.then(|| uid.to_owned());
        add(salt.as_deref().unwrap_or_default().as_bytes());
        for (name, value) in &entries {
            add(name.as_bytes());
            add(value);
        }
        let digest: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Self {
            entries,
            secret,
            digest: format!("sha256:{digest}"),
            salt,
        }
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret && self.digest == other.digest
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digest)
    }
}
