//! Values of Secrets, so that no finding tells them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::manifest::{Manifest, pointer_name, pointer_token};
use crate::sandbox::clean;

/// On an object that the platform team's Secrets have brought values into: in which fields, as a JSON
/// list of pointers (RFC 6901), with `-` for any item of a list, for others may put items before it.
/// What a Secret held when the object was applied is told by nobody, whatever it holds now.
pub const SECRET_FIELDS_ANNOTATION: &str = "trimtab.io/secret-fields";
/// Any item of a list.
const ANY: &str = "-";
/// Fields that are named; of more, all are taken for such.
const FIELDS: usize = 200;

/// Values shorter than this would mask words of any sentence.
const SHORTEST: usize = 4;
/// Lines of values, as of keys, that are masked alone.
const LINE: usize = 16;
/// What stands in the place of a secret.
pub const MASK: &str = "***";
/// What ends a text that is too long to be shown.
const CUT: &str = "…";

/// What a kit's Secrets hold.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
}

impl Secrets {
    pub(super) fn of<'m>(manifests: impl IntoIterator<Item = &'m Manifest>) -> Self {
        let mut secrets = Self::default();
        secrets.add(manifests);
        secrets
    }

    pub(super) fn add<'m>(&mut self, manifests: impl IntoIterator<Item = &'m Manifest>) {
        self.add_objects(manifests.into_iter().map(|manifest| &manifest.object));
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The fields of an object that have something of what they hold, as `SECRET_FIELDS_ANNOTATION`
    /// has it; nothing if none has.
    pub fn fields_of(&self, object: &Value) -> Option<String> {
        let mut fields = Vec::new();
        texts(object, &mut String::new(), &mut |field, text| {
            if self.masked(text) != text {
                fields.push(field.to_owned());
            }
        });
        fields.sort();
        fields.dedup();
        if fields.len() > FIELDS {
            fields = vec![String::new()];
        }
        (!fields.is_empty()).then(|| Value::from(fields).to_string())
    }

    /// What Secrets had brought into an object when it was applied.
    fn add_marked(&mut self, object: &Value) {
        let annotations = object.pointer("/metadata/annotations");
        let marks = annotations.and_then(|it| it[SECRET_FIELDS_ANNOTATION].as_str());
        let fields = marks.and_then(|it| serde_json::from_str::<Vec<String>>(it).ok());
        for field in fields.into_iter().flatten().take(FIELDS) {
            let tokens: Vec<&str> = field.split('/').skip(1).collect();
            each(object, &tokens, &mut |value| {
                texts(value, &mut String::new(), &mut |_, text| {
                    self.add_forms(text)
                });
            });
        }
    }

    /// Objects of any kind: what Secrets hold, and what others have of Secrets.
    pub fn add_objects<'o>(&mut self, objects: impl IntoIterator<Item = &'o Value>) {
        for object in objects {
            self.add_marked(object);
            if !is_secret(object) {
                continue;
            }
            for field in ["data", "stringData"] {
                let entries = object.get(field).and_then(Value::as_object);
                for text in entries
                    .into_iter()
                    .flat_map(|map| map.values())
                    .filter_map(Value::as_str)
                {
                    self.add_forms(text);
                    // One way round it is what a file has, the other what an API server makes of it.
                    if field == "data" {
                        let decoded = STANDARD.decode(text).ok();
                        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                        self.add_forms(&decoded.unwrap_or_default());
                    } else {
                        self.add_forms(&STANDARD.encode(text));
                    }
                }
            }
        }
        self.settle();
    }

    /// Texts of the platform team's Secrets, and what was made of them.
    pub(super) fn add_texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        for text in texts {
            self.add_forms(text);
            self.add_forms(&STANDARD.encode(text));
        }
        self.settle();
    }

    /// What others hold as well.
    pub fn join(&mut self, others: &Self) {
        if !others.values.is_empty() {
            self.values.extend(others.values.iter().cloned());
            self.settle();
        }
    }

    fn settle(&mut self) {
        let values = &mut self.values;
        values.retain(|value| value.len() >= SHORTEST);
        // A value that holds another is masked first.
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
    }

    /// A value as it is, as what is shown of a plugin's words has it, as JSON and Go quote it, and
    /// line by line.
    fn add_forms(&mut self, value: &str) {
        let mut quoted = serde_json::to_string(value).unwrap_or_default();
        quoted.pop();
        let quoted = quoted.split_off(1.min(quoted.len()));
        let lines = value.lines().filter(|line| line.len() >= LINE);
        self.values.extend(lines.map(str::to_owned));
        self.values.push(clean(value, usize::MAX));
        // Go's JSON is made for HTML.
        let for_html = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")];
        let for_html = for_html
            .iter()
            .fold(quoted.clone(), |text, (from, to)| text.replace(*from, to));
        self.values.extend([value.to_owned(), quoted, for_html]);
    }

    /// An RFC 6901 pointer without what they hold: a field may be called so.
    pub fn masked_pointer(&self, pointer: &str) -> String {
        let mut tokens = pointer.split('/');
        let begins = tokens.next().unwrap_or_default().to_owned();
        tokens.fold(begins, |made, token| {
            let name = self.masked(&pointer_name(token));
            format!("{made}/{}", pointer_token(&name))
        })
    }

    /// A text without what they hold.
    pub fn masked(&self, text: &str) -> String {
        let mut masked = self.values.iter().fold(text.to_owned(), |text, value| {
            match text.contains(value.as_str()) {
                true => text.replace(value.as_str(), MASK),
                false => text,
            }
        });
        // What was cut off may have ended in the middle of a value.
        if let Some(kept) = masked.strip_suffix(CUT) {
            let begun = self.values.iter().filter_map(|value| begun(kept, value));
            if let Some(begun) = begun.max() {
                let kept = kept.len() - begun;
                masked.truncate(kept);
                masked.push_str(MASK);
                masked.push_str(CUT);
            }
        }
        masked
    }
}

/// Without what they hold.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Calls with all that is at a path.
fn each(value: &Value, path: &[&str], found: &mut dyn FnMut(&Value)) {
    match (path, value) {
        ([], value) => found(value),
        ([token, rest @ ..], Value::Object(map)) => {
            if let Some(value) = map.get(&pointer_name(token)) {
                each(value, rest, found);
            }
        }
        ([ANY, rest @ ..], Value::Array(items)) => {
            items.iter().for_each(|item| each(item, rest, found));
        }
        _ => {}
    }
}

/// Calls with each text and number in a value, and with where it is.
fn texts(value: &Value, at: &mut String, told: &mut dyn FnMut(&str, &str)) {
    let length = at.len();
    let mut below = |token: &str, value: &Value| {
        at.push('/');
        at.push_str(token);
        texts(value, at, told);
        at.truncate(length);
    };
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(name, value)| below(&pointer_token(name), value)),
        Value::Array(items) => items.iter().for_each(|item| below(ANY, item)),
        Value::String(text) => told(at, text),
        Value::Number(number) => told(at, &number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Whether an object is a Secret of Kubernetes' own.
pub fn is_secret(object: &Value) -> bool {
    object["kind"] == "Secret" && object["apiVersion"] == "v1"
}

/// Bytes of a value that a text ends with the beginning of.
fn begun(text: &str, value: &str) -> Option<usize> {
    let ends = value.char_indices().map(|(at, _)| at);
    ends.rev()
        .take_while(|end| *end >= SHORTEST)
        .find(|end| text.ends_with(&value[..*end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Limits, read};

    #[test]
    fn values_of_secrets_are_masked_in_every_form_that_a_rule_may_tell_them_in() {
        let yaml = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  word: hunter22\n  key: \"-----BEGIN KEY-----\\nabcdefghijklmnopqrstuvwxyz\\n\"\n  odd: 'a<b>&\"c\"'\n";
        let limits = Limits::default();
        let manifests = read("a.yaml", yaml.as_bytes(), &limits).expect("valid");
        let secrets = Secrets::of(&manifests);
        for told in [
            "hunter22",
            "aHVudGVyMjI=",
            "-----BEGIN KEY-----\nabcdefghijklmnopqrstuvwxyz\n",
            "-----BEGIN KEY----- abcdefghijklmnopqrstuvwxyz ",
            "-----BEGIN KEY-----\\nabcdefghijklmnopqrstuvwxyz\\n",
            "abcdefghijklmnopqrstuvwxyz",
            "a<b>&\"c\"",
            "a<b>&\\\"c\\\"",
            "a\\u003cb\\u003e\\u0026\\\"c\\\"",
        ] {
            let masked = secrets.masked(&format!("it is {told}"));
            assert_eq!(masked, "it is ***", "{told}");
        }
        assert_eq!(secrets.masked("it is hunte…"), "it is ***…");
        assert_eq!(secrets.masked("it is a hunt"), "it is a hunt");
    }

    #[test]
    fn what_secrets_held_when_an_object_was_applied_is_known_from_the_object() {
        let mut then = Secrets::default();
        then.add_texts(["hunter22", "80805"]);
        let mut object = serde_json::json!({"kind": "ConfigMap", "data": {
            "a/b": "user:hunter22@db", "c": "open"}, "list": [{"port": 80805}]});
        let fields = then.fields_of(&object).expect("some");
        assert_eq!(fields, r#"["/data/a~1b","/list/-/port"]"#);
        object["metadata"] = serde_json::json!({"annotations": {SECRET_FIELDS_ANNOTATION: fields}});
        // As a webhook may put it.
        object["list"]
            .as_array_mut()
            .expect("a list")
            .insert(0, 1.into());
        let mut now = Secrets::default();
        now.add_objects([&object]);
        assert_eq!(
            now.masked("is user:hunter22@db, 80805, open"),
            "is ***, ***, open"
        );
        object["data"] = (0..=FIELDS)
            .map(|it| (it.to_string(), Value::from("hunter22")))
            .collect();
        assert_eq!(then.fields_of(&object).as_deref(), Some(r#"[""]"#));
        assert_eq!(Secrets::default().fields_of(&object), None);
    }

    #[test]
    fn values_of_secrets_are_masked_as_they_stand_and_as_they_decode() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aHVudGVyMg==}\nstringData: {b: open-sesame, c: yes!, d: no}\n";
        let manifests: Vec<Manifest> =
            read("s.yaml", text.as_bytes(), &Limits::default()).expect("YAML");
        let secrets = Secrets::of(&manifests);
        assert_eq!(
            secrets.masked_pointer("/data/open-sesame~1x/0"),
            "/data/***~1x/0"
        );
        let masked = secrets.masked("hunter2 aHVudGVyMg== open-sesame yes! no vision");
        assert_eq!(masked, "*** *** *** *** no vision");
    }
}
