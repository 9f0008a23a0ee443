//! Variables in all texts of a value, as Flux puts them into the YAML of an object: a text that is
//! nothing but a number afterwards is one. No text becomes more than a scalar.

use serde_json::{Map, Value};

use super::expand::{Fault, Variable, Work, expand};
use crate::manifest::{pointer_token, reread};

/// Fields of an object that are shown everywhere.
const IDENTITY: [&str; 4] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
];

/// Puts variables in, and keeps what came of it.
pub struct Substitution<'s, 'v> {
    pub variable: &'s dyn Fn(&str) -> Option<Variable<'v>>,
    pub strict: bool,
    pub work: Work,
    /// What Secrets' variables came to.
    pub secrets: Vec<String>,
}

/// What came of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// RFC 6901 pointers, and what is wrong there.
    pub faults: Vec<(String, Fault)>,
    /// Fields with another name: the mapping's pointer, the name before, and after. Outer ones
    /// first.
    pub renamed: Vec<(String, String, String)>,
}

impl Substitution<'_, '_> {
    /// An object of Kubernetes. What Secrets hold is not put into its name.
    pub fn object(&mut self, object: &mut Value) -> Outcome {
        let core = object["apiVersion"] == "v1";
        let holds_texts = core && (object["kind"] == "ConfigMap" || object["kind"] == "Secret");
        self.walked(object, holds_texts, &IDENTITY)
    }

    /// Any other value.
    pub fn value(&mut self, value: &mut Value) -> Outcome {
        self.walked(value, false, &[])
    }

    fn walked(&mut self, value: &mut Value, holds_texts: bool, shown: &[&str]) -> Outcome {
        let mut walk = Walk {
            substitution: self,
            outcome: Outcome::default(),
            path: Vec::new(),
            holds_texts,
            shown,
        };
        walk.value(value);
        walk.outcome
    }
}

struct Walk<'w, 's, 'v> {
    substitution: &'w mut Substitution<'s, 'v>,
    outcome: Outcome,
    /// Names and indices.
    path: Vec<String>,
    /// A ConfigMap or a Secret.
    holds_texts: bool,
    shown: &'w [&'w str],
}

impl Walk<'_, '_, '_> {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains('$') => {
                let known = self.substitution.secrets.len();
                let Some(made) = self.expanded(text, false) else {
                    return;
                };
                let as_text = self.is_text();
                *value = match reread(text, made.clone()) {
                    read @ Value::String(_) => read,
                    _ if as_text => Value::String(made.trim().to_owned()),
                    read => read,
                };
                // As it stands there: without quotes, as a number.
                let read = match &*value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let secrets = &mut self.substitution.secrets;
                let new = &secrets[known..];
                if !new.is_empty() && !new.iter().any(|it| read.contains(it.as_str())) {
                    secrets.push(read);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.path.push(index.to_string());
                    self.value(item);
                    self.path.pop();
                }
            }
            Value::Object(map) => {
                if map.keys().any(|name| name.contains('$')) {
                    self.names(map);
                }
                for (name, field) in map.iter_mut() {
                    self.path.push(name.clone());
                    self.value(field);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    /// `is_name`: of a field, which the history and statuses name.
    fn expanded(&mut self, text: &str, is_name: bool) -> Option<String> {
        let pointer = self.pointer();
        let is_shown = is_name || self.shown.contains(&pointer.as_str());
        let Substitution {
            variable,
            strict,
            work,
            secrets,
        } = &mut *self.substitution;
        let made = match expand(text, *variable, *strict, work) {
            Ok(made) if is_shown && !made.secrets.is_empty() => Err(Fault::SecretInName),
            made => made,
        };
        match made {
            Ok(made) => {
                secrets.extend(made.secrets);
                Some(made.text)
            }
            Err(fault) => {
                self.outcome.faults.push((pointer, fault));
                None
            }
        }
    }

    fn names(&mut self, map: &mut Map<String, Value>) {
        for (name, value) in std::mem::take(map) {
            let made = match name.contains('$') {
                true => self.expanded(&name, true).unwrap_or_else(|| name.clone()),
                false => name.clone(),
            };
            if map.contains_key(&made) {
                self.outcome.faults.push((self.pointer(), Fault::Twice));
                continue;
            }
            if made != name {
                let renamed = (self.pointer(), name, made.clone());
                self.outcome.renamed.push(renamed);
            }
            map.insert(made, value);
        }
    }

    fn pointer(&self) -> String {
        let tokens = self.path.iter().map(|name| pointer_token(name));
        tokens.fold(String::new(), |made, token| made + "/" + &token)
    }

    /// Whether Kubernetes takes nothing but a text here: a number would be refused.
    fn is_text(&self) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path[..] {
            ["data" | "stringData" | "binaryData", _] if self.holds_texts => true,
            [.., "metadata", "labels" | "annotations", _] => true,
            [.., "env", _, "value"] => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(name: &str) -> Option<Variable<'static>> {
        let (text, secret) = match name {
            "n" => ("3", false),
            "domain" => ("example.org", false),
            "tricky" => ("a: b\n- c", false),
            "key" => ("hunter22", true),
            _ => return None,
        };
        Some(Variable { text, secret })
    }

    fn made(mut object: Value) -> (Value, Outcome, Vec<String>) {
        let mut substitution = Substitution {
            variable: &of,
            strict: true,
            work: Work::default(),
            secrets: Vec::new(),
        };
        let outcome = substitution.object(&mut object);
        (object, outcome, substitution.secrets)
    }

    #[test]
    fn a_scalar_becomes_what_it_reads_as_and_never_more() {
        let (object, outcome, _) = made(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web-${n}", "labels": {"n": "${n}"}, "annotations": {"${domain}/n": "${n}"}},
            "spec": {"replicas": "${n}", "args": ["${tricky}", "$${n}", "plain"], "off": "${off:=false}",
                "env": [{"name": "N", "value": "${n}"}, {"name": "E", "value": "${e:-}"}]},
        }));
        assert_eq!(
            object,
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "web-3", "labels": {"n": "3"}, "annotations": {"example.org/n": "3"}},
                "spec": {"replicas": 3, "args": ["a: b\n- c", "${n}", "plain"], "off": false,
                    "env": [{"name": "N", "value": "3"}, {"name": "E", "value": ""}]},
            })
        );
        assert_eq!(outcome.faults, []);
        let renamed = ("/metadata/annotations", "${domain}/n", "example.org/n");
        let renamed = (renamed.0.into(), renamed.1.into(), renamed.2.into());
        assert_eq!(outcome.renamed, [renamed]);
    }

    #[test]
    fn every_fault_of_an_object_is_told_at_its_field() {
        let (object, outcome, secrets) = made(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${key}"},
            "data": {"a": "${unset}", "b/c": "${", "${key}": "", "d": "${n}", "e": "x${key}", "${n}": "", "3": ""},
        }));
        let told: Vec<String> = outcome
            .faults
            .iter()
            .map(|(pointer, fault)| format!("{pointer} {fault}"))
            .collect();
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(
            told.iter().any(|it| it.starts_with("/data/b~1c ")),
            "{told:?}"
        );
        assert!(
            told.iter().any(|it| it.starts_with("/metadata/name ")),
            "{told:?}"
        );
        assert!(!told.concat().contains("hunter22"));
        assert_eq!(object["metadata"]["name"], "${key}");
        assert_eq!(object["data"]["d"], "3");
        assert_eq!(secrets, ["hunter22"]);
    }
}
