//! Mutations: what the plugin makes of a kit is what the API server makes of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::{Value, json};
use trimtab_harness::wait_for;

use super::{Admission, IN_FORCE, KIT};
use crate::platform::SOON;

const MUTATION: &str = include_str!("mutation.yaml");
const REFUSED: &str = include_str!("refused.yaml");

type Objects = BTreeMap<String, Value>;

fn documents(yaml: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(|it| Value::deserialize(it).expect("valid YAML"))
        .collect()
}

/// By kind and name, without what the API server makes up.
fn comparable(objects: Vec<Value>) -> Objects {
    let named = objects.into_iter().map(|mut object| {
        let metadata = object["metadata"].as_object_mut().expect("it has");
        for name in ["uid", "creationTimestamp", "managedFields", "namespace"] {
            metadata.remove(name);
        }
        if object["kind"] == "Service" {
            let spec = object["spec"].as_object_mut().expect("it has");
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
        (name, object)
    });
    named.collect()
}

impl Admission {
    /// The objects as the API server would store them in a namespace, and what it says besides.
    fn created(&self, namespace: &str, objects: &[Value]) -> (Objects, String) {
        let objects = objects.iter().cloned().map(|mut object| {
            let metadata = object["metadata"].as_object_mut().expect("it has");
            metadata.remove("namespace");
            object
        });
        let objects: Vec<Value> = objects.collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let create = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
        let sent = self.kubectl_in(namespace, &create, &list.to_string());
        let told = String::from_utf8(sent.stderr).expect("UTF-8");
        let mut made = Vec::new();
        for printed in serde_json::Deserializer::from_slice(&sent.stdout).into_iter::<Value>() {
            let printed = printed.expect("JSON");
            match printed["items"].as_array() {
                Some(items) => made.extend(items.iter().cloned()),
                None => made.push(printed),
            }
        }
        (comparable(made), told)
    }

    /// A namespace that no policy is for.
    fn twin(&self) -> String {
        let twin = self.platform.namespace("twin");
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": twin}});
        self.platform
            .kubectl
            .apply(&object.to_string())
            .expect("a namespace is made");
        twin
    }
}

#[test]
fn a_mutation_makes_of_an_object_what_the_api_server_makes_of_it() {
    let admission = Admission::new("cel-mutate");
    let twin = admission.twin();
    let (policies, objects) = MUTATION.split_once("# Objects").expect("both are there");
    admission.both("policies", &admission.named(policies));
    let objects = admission.named(objects);
    let file = format!("{KIT}/objects.yaml");
    admission.platform.git.write(&file, &objects).unwrap();
    for finding in admission.check() {
        assert_ne!(finding["severity"], "error", "{finding}");
    }
    let rendered = admission.trimtab(&["render", "--output", "json"]);
    let rendered = rendered.as_array().expect("objects");
    let objects = documents(&objects);
    assert_eq!(rendered.len(), objects.len());
    // Where there is no policy, the API server makes the same of what the plugin made.
    // It may not have heard of the custom kind yet.
    let ours = wait_for("the API server takes all", SOON, || {
        let (ours, told) = admission.created(&twin, rendered);
        match ours.len() == objects.len() && told.is_empty() {
            true => Ok(ours),
            false => Err(told),
        }
    });
    let (untouched, _) = admission.created(&twin, &objects);
    let same: Vec<&String> = ours
        .iter()
        .filter(|(name, object)| untouched.get(*name) == Some(object))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        same,
        ["\"ConfigMap\" \"left-alone\""],
        "the others are mutated"
    );
    wait_for("the API server makes the same", SOON, || {
        let (theirs, told) = admission.created(&admission.namespace, &objects);
        let others = ours
            .iter()
            .filter(|(name, object)| theirs.get(*name) != Some(object));
        let others: Vec<String> = others
            .map(|(name, object)| {
                format!(
                    "{name}\n  plugin {object}\n  server {:?}",
                    theirs.get(name).map(Value::to_string)
                )
            })
            .collect();
        match others.is_empty() {
            true => Ok(()),
            false => Err(format!("{}\n{told}", others.join("\n"))),
        }
    });
}

/// The API server tells several places in any order.
fn in_order(denied: &str) -> String {
    let Some((before, places)) = denied.split_once("structs: ") else {
        return denied.to_owned();
    };
    let mut places: Vec<&str> = places.split(", ").collect();
    places.sort_unstable();
    format!("{before}structs: {}", places.join(", "))
}

#[test]
fn a_mutation_that_fails_is_told_as_the_api_server_tells_it() {
    let admission = Admission::new("cel-mutate");
    let (policies, objects) = REFUSED.split_once("# Objects").expect("both are there");
    admission.both("policies", &admission.named(policies));
    let objects = admission.named(objects);
    let file = format!("{KIT}/objects.yaml");
    admission.platform.git.write(&file, &objects).unwrap();
    let mut ours = BTreeSet::new();
    for finding in admission.check() {
        if finding["rule"] != "cel-mutate/mutation" {
            assert_ne!(finding["severity"], "error", "{finding}");
            continue;
        }
        let message = finding["message"].as_str().expect("a text");
        let (message, by) = message
            .rsplit_once(" (MutatingAdmissionPolicy ")
            .expect(message);
        let (policy, binding) = by.trim_end_matches(')').split_once(", binding ").expect(by);
        let denied = format!("{policy}' with binding '{binding}' denied request: {message}");
        ours.insert(in_order(&denied));
    }
    assert_eq!(ours.len(), documents(&objects).len(), "{ours:#?}");
    wait_for("the API server says the same", IN_FORCE, || {
        let (_, told) = admission.created(&admission.namespace, &documents(&objects));
        let lines = told.lines().filter_map(|line| {
            let (_, denied) = line.split_once("policy '")?;
            Some(in_order(denied))
        });
        let theirs: BTreeSet<String> = lines.collect();
        match theirs == ours {
            true => Ok(()),
            false => {
                let alone = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                    one.difference(other)
                        .cloned()
                        .collect::<Vec<_>>()
                        .join("\n  ")
                };
                let (plugin, server) = (alone(&ours, &theirs), alone(&theirs, &ours));
                Err(format!(
                    "plugin alone\n  {plugin}\nserver alone\n  {server}\n{told}"
                ))
            }
        }
    });
}
