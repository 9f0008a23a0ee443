//! Which image has which digest: documents of the kind ImageLock, or mappings from image to digest.

use std::collections::BTreeMap;

use serde_json::Value;
use trimtab_plugin::{Object, image};

#[derive(Default)]
pub struct Lock<'d> {
    /// By repository and tag.
    digests: BTreeMap<(String, &'d str), &'d str>,
}

impl<'d> Lock<'d> {
    /// What is wrong in the documents is told, and left out.
    pub fn read(documents: &'d [Object], mut tell: impl FnMut(String, &Object)) -> Self {
        let mut lock = Self::default();
        if documents.is_empty() {
            let nowhere = Object::new(Value::Null);
            let message = "settings.pin is true, and no lock file is given: name it under `data` where the plugin is named";
            tell(message.into(), &nowhere);
        }
        for document in documents {
            let mut tell = |message: String| {
                let place = document.origin();
                tell(format!("{place}: {message}"), document);
            };
            let images = match (document.kind(), document.value.as_object()) {
                ("ImageLock", _) => document.at("/images").as_object(),
                ("", fields) => fields.filter(|it| !it.contains_key("kind")),
                _ => None,
            };
            let Some(images) = images else {
                tell(
                    "it is no ImageLock with `images`, and no mapping from images to digests"
                        .into(),
                );
                continue;
            };
            for (name, digest) in images {
                if let Err(fault) = lock.add(name, digest) {
                    tell(format!("{name}: {fault}"));
                }
            }
        }
        lock
    }

    fn add(&mut self, name: &'d str, digest: &'d Value) -> Result<(), String> {
        let image = image::parse(name).map_err(|it| format!("no image reference: {it}"))?;
        if image.digest.is_some() {
            return Err("an entry is called by tag, and the digest is its value".into());
        }
        let digest = digest.as_str().unwrap_or_default();
        // Of the grammar of references, but that something stands before it.
        image::parse(&format!("a@{digest}")).map_err(|it| format!("the value: {it}"))?;
        let key = (image.repository, image.tag.unwrap_or("latest"));
        let first = *self.digests.entry(key).or_insert(digest);
        match first == digest {
            true => Ok(()),
            false => Err(format!("it is locked twice, as {first} and as {digest}")),
        }
    }

    pub fn digest(&self, repository: &str, tag: &str) -> Option<&'d str> {
        let key = (repository.to_owned(), tag);
        self.digests.get(&key).copied()
    }
}
