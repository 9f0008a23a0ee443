//! RFC 6901 pointers in which `*` is any name or item.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Such as `/spec/ports/*/port`: `*` is any name of a mapping or item of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct FieldPattern(#[schemars(regex(pattern = "^/"))] String);

/// A place that two states of an object have, or one of them.
#[derive(Clone, Debug)]
pub struct Pair<'v> {
    /// In the new state; of an item that is gone, the list's.
    pub place: String,
    pub before: Option<&'v Value>,
    pub after: Option<&'v Value>,
}

impl FieldPattern {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Where the pattern leads, each with its pointer.
    pub fn values<'v>(&self, value: &'v Value) -> Vec<(String, &'v Value)> {
        let pairs = self.pairs(value, value).into_iter();
        pairs
            .filter_map(|pair| Some((pair.place, pair.after?)))
            .collect()
    }

    /// Where the pattern leads in both. Items of a list whose items all have a name of their own
    /// are told apart by it, so that their order says nothing; others by their index.
    pub fn pairs<'v>(&self, before: &'v Value, after: &'v Value) -> Vec<Pair<'v>> {
        let mut found = vec![Pair {
            place: String::new(),
            before: Some(before),
            after: Some(after),
        }];
        for token in self.0.split('/').skip(1) {
            found = found
                .into_iter()
                .flat_map(|pair| pair.below(token))
                .collect();
        }
        found
    }
}

impl<'v> Pair<'v> {
    /// Null is as good as nothing.
    pub fn differs(&self) -> bool {
        let value = |value: Option<&'v Value>| value.filter(|it| !it.is_null());
        value(self.before) != value(self.after)
    }

    fn below(self, token: &str) -> Vec<Self> {
        let list = |value: Option<&'v Value>| value.and_then(Value::as_array);
        match (list(self.before), list(self.after)) {
            (None, None) if token == "*" => self.fields(),
            (None, None) => vec![self.at(token)],
            _ if token == "*" => self.items(),
            _ => vec![self.at(token)],
        }
    }

    fn at(&self, token: &str) -> Self {
        let below = format!("/{token}");
        let value = |value: Option<&'v Value>| value.and_then(|it| it.pointer(&below));
        Self {
            place: format!("{}{below}", self.place),
            before: value(self.before),
            after: value(self.after),
        }
    }

    fn fields(self) -> Vec<Self> {
        let names = |value: Option<&'v Value>| value.and_then(Value::as_object).map(|it| it.keys());
        let names: BTreeSet<&String> = [names(self.before), names(self.after)]
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
        names
            .into_iter()
            .map(|name| self.at(&escaped(name)))
            .collect()
    }

    fn items(self) -> Vec<Self> {
        let items = |value: Option<&'v Value>| {
            value
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default()
        };
        let (before, after) = (items(self.before), items(self.after));
        let (Some(old), Some(new)) = (named(before), named(after)) else {
            let most = before.len().max(after.len());
            return (0..most).map(|index| self.at(&index.to_string())).collect();
        };
        let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let pair = |name: &str| Self {
            place: match new.get(name) {
                Some(index) => format!("{}/{index}", self.place),
                None => self.place.clone(),
            },
            before: old.get(name).map(|index| &before[*index]),
            after: new.get(name).map(|index| &after[*index]),
        };
        names.into_iter().map(pair).collect()
    }
}

/// The items of a list by their names; none if one has no name, or another's.
fn named(items: &[Value]) -> Option<BTreeMap<&str, usize>> {
    let mut names = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        if names.insert(item.get("name")?.as_str()?, index).is_some() {
            return None;
        }
    }
    Some(names)
}

impl TryFrom<String> for FieldPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.starts_with('/') {
            true => Ok(Self(text)),
            false => Err(format!(
                "{text:?} is no pointer (RFC 6901); write /spec/type"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(field: &str, before: Value, after: Value) -> Vec<String> {
        let pairs = FieldPattern::new(field).pairs(&before, &after);
        let differing = pairs.into_iter().filter(Pair::differs);
        differing.map(|it| it.place).collect()
    }

    #[test]
    fn values_are_found_with_their_pointers() {
        let object = json!({"spec": {"ports": [{"port": 1}, {"name": "x"}, {"port": null}]}, "a/b": {"c": 2}});
        let found = |field: &str| {
            let values = FieldPattern::new(field).values(&object).into_iter();
            let values = values.map(|(place, value)| format!("{place}={value}"));
            values.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            found("/spec/ports/*/port"),
            "/spec/ports/0/port=1 /spec/ports/2/port=null"
        );
        assert_eq!(found("/*/c"), "/a~1b/c=2");
        assert_eq!(found("/spec/none/*"), "");
        assert_eq!(found("/spec/ports/1/name"), "/spec/ports/1/name=\"x\"");
    }

    #[test]
    fn items_with_names_are_told_apart_by_them_and_others_by_their_index() {
        let before = json!({"p": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]});
        let turned = json!({"p": [{"name": "b", "port": 2}, {"name": "a", "port": 1}]});
        assert_eq!(changed("/p/*/port", before.clone(), turned), [""; 0]);
        let after = json!({"p": [{"name": "b", "port": 3}]});
        let places = changed("/p/*/port", before, after);
        assert_eq!(places, ["/p/port", "/p/0/port"]);
        let before = json!({"p": [{"port": 1}, {"port": 2}]});
        let after = json!({"p": [{"port": 2}, {"port": 2}, {"port": 3}]});
        let places = changed("/p/*/port", before, after);
        assert_eq!(places, ["/p/0/port", "/p/2/port"]);
    }

    #[test]
    fn names_with_slashes_are_escaped_and_what_is_null_is_not_there() {
        let before = json!({"a": {"x/y": 1, "z": null}});
        let after = json!({"a": {"x/y": 2}});
        assert_eq!(changed("/a/*", before, after), ["/a/x~1y"]);
    }
}
