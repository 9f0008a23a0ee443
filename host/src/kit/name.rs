//! What a kit is called.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A kit's identity: its directory's path from the repository's root (`kits/manufracture/vision`).
/// The root directory itself is `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KitPath(Arc<str>);

impl KitPath {
    pub fn new(path: impl Into<Arc<str>>) -> Self {
        Self(path.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its `Kit` object: the path with `.` for `/` (`kits.manufracture.vision`);
    /// `root` for the root directory. Discovery has made sure that it is a DNS subdomain
    /// (RFC 1123) and that no two kits share it.
    pub fn object_name(&self) -> String {
        if &*self.0 == "." {
            "root".into()
        } else {
            self.0.replace('/', ".")
        }
    }
}

impl fmt::Display for KitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path that a kit.yaml names, from the repository's root: relative to the kit's directory, or with a
/// leading `/`.
pub fn rooted(kit: &str, path: &str) -> String {
    let base = if path.starts_with('/') { "" } else { kit };
    let mut names: Vec<&str> = Vec::new();
    for name in base.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            // Above the root is nothing: whoever looks there says so.
            ".." if names.last().is_none_or(|it| *it == "..") => names.push(".."),
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    match names.is_empty() {
        true => ".".to_owned(),
        false => names.join("/"),
    }
}
