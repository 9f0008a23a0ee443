//! What a kit is given of the platform team's values: `spec.variables` and `spec.helm.valuesFrom` of
//! its kit.yaml.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::{KitFile, Reader};
use super::supplied::{Supplied, Supply, Values};
use super::values::ValueSource;
use super::{KitPath, RepositorySpec};
use crate::manifest::{Finding, Limits, Origin, pointer_token, read_value};
use crate::substitution::is_name;

/// A label or an annotation that says `disabled` where an object is to be left as it is.
pub const SUBSTITUTE: &str = "trimtab.io/substitute";

pub(super) const VARIABLES_FIELDS: [&str; 3] = ["values", "from", "strict"];

/// Names of values that one kit may use.
const NAMED: usize = 50;
/// Variables of one kit.
const VARIABLES: usize = 10_000;

/// What a kit.yaml says of variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct VariablesFile {
    values: BTreeMap<String, String>,
    from: Vec<(String, Origin)>,
    strict: bool,
}

/// The variables of a kit.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// A variable that is not set and has no default is an error.
    pub strict: bool,
    all: BTreeMap<String, VariableValue>,
}

#[derive(Clone, PartialEq, Eq)]
struct VariableValue {
    text: String,
    secret: bool,
}

/// Values for a chart.
#[derive(Clone, PartialEq, Eq)]
pub struct ChartValues {
    /// JSON text.
    pub json: String,
    /// They are a Secret's.
    pub secret: bool,
    /// What they are called in words, `platform-values (the ConfigMap vars)`.
    pub shown: String,
    digest: String,
}

/// Values of the platform team that a kit is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GivenValues {
    /// In `spec.values` of the Repository.
    pub name: String,
    /// SHA-256, salted where they are a Secret's; `none` where they are optional and not there.
    pub digest: String,
}

/// All that a kit is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    pub variables: Option<Arc<Variables>>,
    /// The later wins.
    pub chart: Vec<ChartValues>,
    /// Sorted by name.
    pub values: Vec<GivenValues>,
    /// Something that it names is not to be had: nothing can be made of its files.
    pub incomplete: bool,
    /// Set if there is a Secret among them: digests of what is made of it are salted with it.
    pub salt: Option<String>,
}

impl Variables {
    /// A variable's value, and whether it is a Secret's.
    pub fn get(&self, name: &str) -> Option<(&str, bool)> {
        let found = self.all.get(name)?;
        Some((&found.text, found.secret))
    }

    /// Those that come from Secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let all = self.all.values().filter(|it| it.secret);
        all.map(|it| it.text.as_str())
    }
}

/// Without their values.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.all.keys().collect();
        write!(f, "{names:?}, strict: {}", self.strict)
    }
}

/// Without what they hold.
impl fmt::Debug for ChartValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.shown, self.digest)
    }
}

impl Reader<'_> {
    pub(super) fn variables(&mut self) -> Option<VariablesFile> {
        let at = "/spec/variables";
        let named = self.has(at);
        let variables = self.mapping(at, &VARIABLES_FIELDS);
        let strict = match variables.get("strict") {
            None | Some(Value::Null) => true,
            _ => self.flag(at, &variables, "strict"),
        };
        let from = self.texts(&format!("{at}/from"), variables.get("from"));
        let mut values = BTreeMap::new();
        match variables.get("values") {
            None | Some(Value::Null) => {}
            Some(Value::Object(map)) => {
                for (name, value) in map {
                    let pointer = format!("{at}/values/{}", pointer_token(name));
                    match value.as_str() {
                        _ if !is_name(name) => {
                            let message = format!(
                                "{name:?} is no name for a variable: letters, digits and `_`, no digit first"
                            );
                            self.wrong(&pointer, message);
                        }
                        None => {
                            self.wrong(&pointer, "this is to be a text; put it in quotes".into())
                        }
                        Some(text) => drop(values.insert(name.clone(), text.to_owned())),
                    }
                }
            }
            Some(_) => self.wrong(&format!("{at}/values"), "this is to be a mapping".into()),
        }
        named.then_some(VariablesFile {
            values,
            from,
            strict,
        })
    }
}

/// The platform team's values, and who may have them.
pub(super) struct Supplier {
    sources: Vec<ValueSource>,
    supplied: Supplied,
}

impl Supplier {
    pub(super) fn of(spec: &RepositorySpec, supplied: &Supplied) -> Self {
        Self {
            sources: spec.values.clone(),
            supplied: supplied.clone(),
        }
    }

    /// What a kit.yaml asks for, and what stops the kit.
    pub(super) fn given(
        &self,
        kit: &KitPath,
        file: &KitFile,
        findings: &mut Vec<Finding>,
    ) -> Given {
        let mut given = Given::default();
        let before = findings.len();
        let named = file.renderer.values_from();
        let variables = file.variables.as_ref();
        let from = variables.map_or(&[][..], |it| &it.from);
        if from.len() + named.len() > NAMED {
            let message = format!(
                "values are named {} times; {NAMED} can be",
                from.len() + named.len()
            );
            let origin = from
                .iter()
                .chain(named)
                .map(|(_, origin)| origin.clone())
                .next();
            let finding = Finding::host_error("kit-file", message);
            findings.push(origin.into_iter().fold(finding, Finding::at));
            given.incomplete = true;
            return given;
        }
        let mut salts = Vec::new();
        let mut of = |name: &str, origin: &Origin, given: &mut Given| {
            let found = self.found(kit, name).map_err(|it| it.at(origin.clone()));
            let (source, values) = found.map_err(|it| findings.push(it)).ok()?;
            let digest = values.as_ref().map_or("none", |it| &it.digest).to_owned();
            given.values.push(GivenValues {
                name: name.to_owned(),
                digest,
            });
            let values = values?;
            salts.extend(values.salt.clone());
            Some((source, values))
        };
        let mut faults = Vec::new();
        if let Some(file) = variables {
            let mut all = BTreeMap::new();
            for (name, origin) in from {
                if let Some((source, values)) = of(name, origin, &mut given) {
                    let fault = into_variables(&values, &mut all).err();
                    faults.extend(fault.map(|it| invalid(source, &it).at(origin.clone())));
                }
            }
            for (name, text) in &file.values {
                let value = VariableValue {
                    text: on_one_line(text),
                    secret: false,
                };
                all.insert(name.clone(), value);
            }
            given.variables = Some(Arc::new(Variables {
                strict: file.strict,
                all,
            }));
        }
        for (name, origin) in named {
            if let Some((source, values)) = of(name, origin, &mut given) {
                match chart_values(source, &values) {
                    Ok(values) => given.chart.push(values),
                    Err(fault) => faults.push(invalid(source, &fault).at(origin.clone())),
                }
            }
        }
        findings.extend(faults);
        given.incomplete = findings.len() > before;
        given.values.sort_by(|a, b| a.name.cmp(&b.name));
        given.values.dedup();
        salts.sort();
        salts.dedup();
        given.salt = (!salts.is_empty()).then(|| salts.join(" "));
        given
    }

    /// Nothing where it is optional and not there.
    fn found(
        &self,
        kit: &KitPath,
        name: &str,
    ) -> Result<(&ValueSource, Option<Arc<Values>>), Finding> {
        let Some(source) = self.sources.iter().find(|it| it.name == name) else {
            let may = self.sources.iter().filter(|it| it.grants(kit));
            let names: Vec<&str> = may.map(|it| it.name.as_str()).collect();
            let known = match names.is_empty() {
                true => "it gives this kit none".to_owned(),
                false => format!("this kit may have {}", names.join(", ")),
            };
            let message = format!("the Repository's spec.values has no {name:?}; {known}");
            return Err(Finding::host_error("values-not-granted", message)
                .hint("ask the platform team for it, or correct the name"));
        };
        if !source.grants(kit) {
            let message = format!("the Repository does not give {name:?} to this kit");
            let hint = format!("ask the platform team to add {kit} to its `kits` in spec.values");
            return Err(Finding::host_error("values-not-granted", message).hint(hint));
        }
        let object = source.shown();
        let (message, hint) = match self.supplied.get(name) {
            Some(Supply::Here(values)) => return Ok((source, Some(values.clone()))),
            Some(Supply::Missing) | None if source.optional => return Ok((source, None)),
            Some(Supply::Missing) => (
                format!(
                    "the values {name:?} are not there: {object} is not in the Repository's namespace"
                ),
                "create it there, or make it `optional` in spec.values of the Repository"
                    .to_owned(),
            ),
            Some(Supply::Unknown(why)) => (
                format!("the values {name:?} of {object} could not be read: {why}"),
                "the host's account needs to get, list and watch it".to_owned(),
            ),
            None => (
                format!(
                    "the values {name:?} of {object} are in the cluster, and were not given here"
                ),
                format!("say --values {name}=FILE, where FILE is a mapping, or {object} as YAML"),
            ),
        };
        Err(Finding::host_error("values-missing", message).hint(hint))
    }
}

fn invalid(source: &ValueSource, fault: &str) -> Finding {
    let message = format!(
        "the values {:?} of {}: {fault}",
        source.name,
        source.shown()
    );
    Finding::host_error("values-invalid", message)
}

/// Adds the entries that can be variables, in place of those that are there. An entry of another
/// name is for something else.
fn into_variables(
    values: &Values,
    all: &mut BTreeMap<String, VariableValue>,
) -> Result<(), String> {
    for (name, bytes) in values.entries.iter().filter(|(name, _)| is_name(name)) {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| format!("the entry {name} is not UTF-8 text"))?;
        let value = VariableValue {
            text: on_one_line(text),
            secret: values.secret,
        };
        all.insert(name.clone(), value);
        if all.len() > VARIABLES {
            return Err(format!("over {VARIABLES} variables"));
        }
    }
    Ok(())
}

/// As Flux takes values.
fn on_one_line(text: &str) -> String {
    text.replace('\n', "")
}

fn chart_values(source: &ValueSource, values: &Values) -> Result<ChartValues, String> {
    let key = &source.key;
    let Some(bytes) = values.entries.get(key) else {
        return Err(format!(
            "there is no entry {key}; `key` in spec.values names another"
        ));
    };
    // Errors tell places, and nothing of what stands there.
    let read = read_value(key, bytes, &Limits::default()).map_err(|errors| {
        let first = errors.first().map(|it| match values.secret {
            // A key that stands twice is named.
            true => format!("see its line {}", it.line),
            false => it.to_string(),
        });
        format!("the entry cannot be read: {}", first.unwrap_or_default())
    })?;
    let mapping = match read {
        Value::Null => Value::Object(serde_json::Map::new()),
        mapping @ Value::Object(_) => mapping,
        _ => return Err(format!("the entry {key} is no mapping")),
    };
    Ok(ChartValues {
        json: mapping.to_string(),
        secret: values.secret,
        shown: format!("{} ({})", source.name, source.shown()),
        digest: format!("{} {key}", values.digest),
    })
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
