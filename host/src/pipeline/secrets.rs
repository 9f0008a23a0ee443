//! Values of Secrets, so that no finding tells them.

use base64::Engine as _;
use serde_json::Value;

use crate::manifest::Manifest;

/// Values shorter than this would mask words of any sentence.
const SHORTEST: usize = 4;

/// What a kit's Secrets hold.
#[derive(Default)]
pub(super) struct Secrets {
    values: Vec<String>,
}

impl Secrets {
    pub(super) fn of<'m>(manifests: impl IntoIterator<Item = &'m Manifest>) -> Self {
        let mut secrets = Self::default();
        secrets.add(manifests);
        secrets
    }

    pub(super) fn add<'m>(&mut self, manifests: impl IntoIterator<Item = &'m Manifest>) {
        let values = &mut self.values;
        for manifest in manifests
            .into_iter()
            .filter(|it| it.object["kind"] == "Secret" && it.object["apiVersion"] == "v1")
        {
            for field in ["data", "stringData"] {
                let entries = manifest.object.get(field).and_then(Value::as_object);
                for text in entries
                    .into_iter()
                    .flat_map(|map| map.values())
                    .filter_map(Value::as_str)
                {
                    values.push(text.to_owned());
                    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
                    values.extend(
                        decoded
                            .ok()
                            .filter(|_| field == "data")
                            .and_then(|bytes| String::from_utf8(bytes).ok()),
                    );
                }
            }
        }
        values.retain(|value| value.len() >= SHORTEST);
        // A value that holds another is masked first.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    pub(super) fn masked(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, value| {
            text.replace(value.as_str(), "***")
        })
    }
}
