//! `--values NAME=FILE`: what ConfigMaps and Secrets hold, where there is no cluster.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::Value;

use super::Failure;
use crate::kit::{Entries, RepositorySpec, Supplied, Supply, ValueSource, Values};
use crate::manifest::{Limits, read_value};

/// Bytes of a file: twice what the API server takes, for base64.
const BYTES: u64 = 2 << 20;

/// Values of the platform team.
#[derive(Args)]
pub struct ValuesArgs {
    /// What one of the Repository's `values` holds, which the cluster would say: FILE is a mapping
    /// in YAML, or a ConfigMap or Secret; may be given several times
    #[arg(long, value_name = "NAME=FILE")]
    values: Vec<String>,
}

impl ValuesArgs {
    /// `known`: there is a Repository that says which there are. Else they are added to it.
    pub(super) fn supplied(
        &self,
        spec: &mut RepositorySpec,
        known: bool,
    ) -> Result<Supplied, Failure> {
        let mut all = Vec::new();
        for given in &self.values {
            let (name, file) = given.split_once('=').ok_or_else(|| {
                Failure::Usage(anyhow!("--values takes NAME=FILE, and not {given:?}"))
            })?;
            if !known && !spec.values.iter().any(|it| it.name == name) {
                spec.values.push(ValueSource::config_map(name));
            }
            let Some(source) = spec.values.iter().find(|it| it.name == name) else {
                let names: Vec<&str> = spec.values.iter().map(|it| it.name.as_str()).collect();
                let names = match names.is_empty() {
                    true => "none".to_owned(),
                    false => names.join(", "),
                };
                return Err(Failure::Usage(anyhow!(
                    "the Repository has no values {name:?}; there are {names}"
                )));
            };
            let values = read(source, PathBuf::from(file))?;
            all.push((name.to_owned(), Supply::Here(values.into())));
        }
        Ok(Supplied::of(all))
    }
}

fn read(source: &ValueSource, file: PathBuf) -> Result<Values, Failure> {
    let shown = file.display().to_string();
    let size = std::fs::metadata(&file).map(|it| it.len());
    if size.is_ok_and(|it| it > BYTES) {
        return Err(Failure::Usage(anyhow!("{shown} has over {BYTES} bytes")));
    }
    let bytes = std::fs::read(&file).with_context(|| format!("{shown} cannot be read"))?;
    let value = read_value(&shown, &bytes, &Limits::default()).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::Usage(anyhow!(errors.join("\n")))
    })?;
    let kind = value["kind"]
        .as_str()
        .filter(|_| value["apiVersion"] == "v1");
    let wanted = match source.is_secret() {
        true => "Secret",
        false => "ConfigMap",
    };
    match kind {
        Some(kind @ ("Secret" | "ConfigMap")) if kind != wanted => {
            let name = &source.name;
            let message = format!("{shown} is a {kind}; the values {name:?} are a {wanted}");
            return Err(Failure::Usage(anyhow!(message)));
        }
        Some("Secret" | "ConfigMap") => {
            let entries = entries(&value).map_err(|entry| {
                Failure::Usage(anyhow!(
                    "{shown}: the entry {entry} is not what it is to be"
                ))
            })?;
            let uid = value["metadata"]["uid"].as_str().unwrap_or_default();
            return Ok(Values::new(entries, source.is_secret(), uid));
        }
        _ => {}
    }
    let Value::Object(map) = &value else {
        return Err(Failure::Usage(anyhow!("{shown} is no mapping")));
    };
    // A chart has all of it, and variables are its fields.
    let mut entries = Entries::new();
    for (name, value) in map {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => continue,
        };
        entries.insert(name.clone(), text.into_bytes());
    }
    entries.insert(source.key.clone(), bytes);
    Ok(Values::new(entries, source.is_secret(), ""))
}

/// The error is the name of an entry.
fn entries(object: &Value) -> Result<Entries, String> {
    let mut entries = Entries::new();
    let secret = object["kind"] == "Secret";
    for field in ["binaryData", "data", "stringData"] {
        let map = object[field].as_object();
        for (name, value) in map.into_iter().flatten() {
            let text = value.as_str().ok_or_else(|| name.clone())?;
            let encoded = field == "binaryData" || secret && field == "data";
            let bytes = match encoded {
                true => STANDARD.decode(text).map_err(|_| name.clone())?,
                false => text.as_bytes().to_vec(),
            };
            entries.insert(name.clone(), bytes);
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supplied(values: &str, text: &str) -> Result<Supplied, Failure> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("values");
        std::fs::write(&file, text).expect("a file");
        let mut spec: RepositorySpec =
            serde_yaml::from_str(&format!("url: file:///\n{values}")).expect("a spec");
        let args = ValuesArgs {
            values: vec![format!("vars={}", file.display())],
        };
        args.supplied(&mut spec, !values.is_empty())
    }

    fn entry(supplied: Result<Supplied, Failure>, name: &str) -> Option<String> {
        let supplied = supplied.unwrap_or_else(|_| panic!("is read"));
        let Some(Supply::Here(values)) = supplied.get("vars") else {
            panic!("it is given");
        };
        let bytes = values.entries.get(name)?;
        Some(String::from_utf8(bytes.clone()).expect("text"))
    }

    const MAP: &str = "values: [{name: vars, configMapRef: {name: vars}}]";
    const SECRET: &str = "values: [{name: vars, secretRef: {name: vars}, key: all}]";

    #[test]
    fn a_file_is_a_mapping_or_the_object() {
        let mapping = "cluster: prod\nreplicas: 2\nnested: {a: b}\n";
        assert_eq!(
            entry(supplied(MAP, mapping), "cluster").as_deref(),
            Some("prod")
        );
        assert_eq!(
            entry(supplied("", mapping), "replicas").as_deref(),
            Some("2")
        );
        assert_eq!(entry(supplied(MAP, mapping), "nested"), None);
        assert_eq!(
            entry(supplied(SECRET, mapping), "all").as_deref(),
            Some(mapping)
        );
        let object =
            "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {key: aHVudGVyMjI=}\n";
        assert_eq!(
            entry(supplied(SECRET, object), "key").as_deref(),
            Some("hunter22")
        );
        assert!(matches!(supplied(MAP, object), Err(Failure::Usage(_))));
        assert!(matches!(supplied(MAP, "- a\n"), Err(Failure::Usage(_))));
        let other = "values: [{name: other, configMapRef: {name: vars}}]";
        assert!(matches!(supplied(other, mapping), Err(Failure::Usage(_))));
    }
}
