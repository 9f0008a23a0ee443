//! What kits are given from the cluster, and variables: the shapes of `spec.variables`,
//! `spec.helm.valuesFrom` and the Repository's `spec.values`, in this one place.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::wanted::Wanted;

/// One ConfigMap or Secret that a kit reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Given {
    pub kind: GivenKind,
    pub name: String,
    /// The entry with a chart's values; `None` for variables, which are all entries.
    pub key: Option<String>,
    pub optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GivenKind {
    ConfigMap,
    Secret,
}

impl Given {
    /// Of an entry of Flux's `substituteFrom` or `valuesFrom`.
    pub(super) fn of(entry: &Value, key: Option<&str>) -> Option<Self> {
        let kind = match entry["kind"].as_str()? {
            "ConfigMap" => GivenKind::ConfigMap,
            "Secret" => GivenKind::Secret,
            _ => return None,
        };
        Some(Self {
            kind,
            name: entry["name"].as_str()?.to_owned(),
            key: key.map(str::to_owned),
            optional: entry["optional"].as_bool().unwrap_or(false),
        })
    }
}

/// `spec.variables` of a kit, the names from the cluster left out.
pub(super) fn variables(substitute: Option<&Map<String, Value>>) -> Map<String, Value> {
    let mut variables = Map::new();
    if let Some(values) = substitute {
        variables.insert("values".into(), json!(values));
    }
    variables
}

/// Fills in the names of what kits are given, and gives the Repository's `spec.values`.
pub(super) fn named(wanted: &mut [Wanted], paths: &BTreeMap<String, String>) -> Vec<Value> {
    let mut names: BTreeMap<Given, (String, Vec<String>)> = BTreeMap::new();
    for it in wanted.iter_mut() {
        let Some(path) = paths.get(&it.object.label()) else {
            continue;
        };
        let mut own = Vec::new();
        for given in &it.values {
            let free = free_name(given, &names);
            let (name, kits) = names
                .entry(given.clone())
                .or_insert_with(|| (free, Vec::new()));
            own.push(Value::from(name.as_str()));
            if !kits.contains(path) {
                kits.push(path.clone());
            }
        }
        if own.is_empty() {
            continue;
        }
        match &mut it.helm {
            Some(helm) => drop(helm.insert("valuesFrom".into(), own.into())),
            None => {
                let variables = it.spec.entry("variables").or_insert_with(|| json!({}));
                variables["from"] = own.into();
            }
        }
    }
    let mut entries: Vec<(String, Value)> = Vec::new();
    for (given, (name, kits)) in names {
        let field = match given.kind {
            GivenKind::ConfigMap => "configMapRef",
            GivenKind::Secret => "secretRef",
        };
        let mut entry = json!({"name": name, field: {"name": given.name}, "kits": kits});
        if let Some(key) = given.key.filter(|it| it != "values.yaml") {
            entry["key"] = key.into();
        }
        if given.optional {
            entry["optional"] = true.into();
        }
        entries.push((name, entry));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.into_iter().map(|it| it.1).collect()
}

fn free_name(given: &Given, names: &BTreeMap<Given, (String, Vec<String>)>) -> String {
    let taken = |name: &str| names.values().any(|(it, _)| it == name);
    let kind = match given.kind {
        GivenKind::ConfigMap => "config",
        GivenKind::Secret => "secret",
    };
    let first = [given.name.clone(), format!("{}-{kind}", given.name)];
    let numbered = (2..).map(|number| format!("{}-{kind}-{number}", given.name));
    let mut all = first.into_iter().chain(numbered);
    all.find(|it| !taken(it))
        .unwrap_or_else(|| given.name.clone())
}
