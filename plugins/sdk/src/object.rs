//! A Kubernetes object in a rule's hands.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::FieldPattern;
use crate::run::pointer;

/// Why an object is not of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// RFC 6901 pointer to what does not fit.
    pub field: String,
    pub message: String,
}

/// What is not there.
static NOTHING: Value = Value::Null;

/// One object, where it was read, and, for rules over several kits, whose it is.
#[derive(Clone, Debug)]
pub struct Object {
    pub value: Value,
    /// Path from the repository's root.
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    /// The kit's path; empty for rules over one kit.
    pub kit: String,
    pub(crate) index: Option<u32>,
}

impl Object {
    /// A new object, as a transformer may add one.
    pub fn new(value: Value) -> Self {
        Self {
            value,
            path: String::new(),
            line: 0,
            kit: String::new(),
            index: None,
        }
    }

    /// The value at an RFC 6901 pointer; null if there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        // A rule asks thousands of times, and almost never for what must be unescaped, which
        // `Value::pointer` does for each segment.
        if pointer.contains('~') || !(pointer.is_empty() || pointer.starts_with('/')) {
            return self.value.pointer(pointer).unwrap_or(&NOTHING);
        }
        let mut value = &self.value;
        for segment in pointer.split('/').skip(1) {
            let next = match value {
                Value::Object(fields) => fields.get(segment),
                Value::Array(items) => index(segment).and_then(|index| items.get(index)),
                _ => None,
            };
            match next {
                Some(next) => value = next,
                None => return &NOTHING,
            }
        }
        value
    }

    fn text(&self, field: &str) -> &str {
        self.value[field].as_str().unwrap_or_default()
    }

    fn metadata(&self, field: &str) -> &str {
        self.value["metadata"][field].as_str().unwrap_or_default()
    }

    pub fn kind(&self) -> &str {
        self.text("kind")
    }

    pub fn api_version(&self) -> &str {
        self.text("apiVersion")
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Whether it is of a kind as `Service`, `Deployment` or `Deployment.apps`.
    pub fn is_kind(&self, kind: &str) -> bool {
        match kind.split_once('.') {
            Some((kind, group)) => kind == self.kind() && group == self.group(),
            None => kind == self.kind(),
        }
    }

    pub fn name(&self) -> &str {
        self.metadata("name")
    }

    /// Empty for cluster-scoped objects, and for kinds that the host does not know.
    pub fn namespace(&self) -> &str {
        self.metadata("namespace")
    }

    /// The items of a list at a pointer, each with its own pointer.
    pub fn items<'o>(
        &'o self,
        pointer: &str,
    ) -> impl Iterator<Item = (String, &'o Value)> + use<'o> {
        let pointer = pointer.to_owned();
        let items = self
            .at(&pointer)
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        items
            .iter()
            .enumerate()
            .map(move |(index, item)| (format!("{pointer}/{index}"), item))
    }

    /// The values that a pattern leads to, as `/spec/ports/*/port`, each with its pointer.
    pub fn find(&self, pattern: &str) -> Vec<(String, &Value)> {
        FieldPattern::new(pattern).values(&self.value)
    }

    /// The pointers alone, for who changes what they lead to.
    pub fn places(&self, pattern: &str) -> Vec<String> {
        self.find(pattern)
            .into_iter()
            .map(|(place, _)| place)
            .collect()
    }

    /// The object as a type of one's own, or of the crate k8s-openapi.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Unfit> {
        serde_path_to_error::deserialize(&self.value).map_err(|error| Unfit {
            field: pointer(error.path()),
            message: error.inner().to_string(),
        })
    }

    /// `path:line`.
    pub fn origin(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }
}

/// An index of a list has no sign and no leading zero (RFC 6901).
fn index(segment: &str) -> Option<usize> {
    let plain = segment.bytes().all(|byte| byte.is_ascii_digit());
    let leading = segment.len() > 1 && segment.starts_with('0');
    segment.parse().ok().filter(|_| plain && !leading)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    #[test]
    fn an_object_is_read_as_a_type_and_what_does_not_fit_is_told_at_its_field() {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"ports": [{"port": 80}, {"port": 81}]}});
        let read: Service = Object::new(service.clone()).parse().expect("a Service");
        assert_eq!(read.spec.expect("a spec").ports.expect("ports")[1].port, 81);
        let mut wrong = Object::new(service);
        wrong.value["spec"]["ports"][1]["port"] = json!("http");
        let unfit = wrong.parse::<Service>().expect_err("a port is a number");
        assert_eq!(unfit.field, "/spec/ports/1/port");
    }

    #[test]
    fn a_pointer_finds_what_rfc_6901_says() {
        let object = Object::new(json!({
            "": 1, "list": [{"a": 2}, 3], "x/y": 4, "m~n": 5, "01": {"0": 6},
        }));
        for pointer in [
            "",
            "/",
            "/list",
            "/list/0/a",
            "/list/1",
            "/list/01",
            "/list/+1",
            "/list/-",
            "/list/2",
            "/list/1/a",
            "/x~1y",
            "/m~0n",
            "/01/0",
            "list",
            "//",
            "/list/",
        ] {
            let expected = object.value.pointer(pointer).unwrap_or(&NOTHING);
            assert_eq!(object.at(pointer), expected, "{pointer}");
        }
    }
}
