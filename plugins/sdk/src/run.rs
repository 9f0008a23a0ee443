//! A plugin's functions as the host calls them: JSON text in, findings out. The same code runs in
//! a component and, in tests and benchmarks, natively.

use serde_json::Value;

use crate::{Context, Finding, Object, Referential, Report, Rule, Transformer, Validator};

/// Why a call gives no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The settings are not what the schema says.
    Settings(String),
    Internal(String),
}

/// One object as text.
pub struct Text<'t> {
    pub kit: &'t str,
    pub json: &'t str,
    pub path: &'t str,
    pub line: u32,
}

/// What is handed to a rule over one kit; settings as JSON text.
pub struct Call {
    pub kit: String,
    pub namespace: String,
    pub allowed_namespaces: Vec<String>,
    pub cluster_scoped: bool,
    pub settings: String,
}

fn settings<R: Rule>(text: &str) -> Result<R::Settings, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Settings(error.to_string()))
}

fn context<R: Rule>(call: Call) -> Result<Context<R::Settings>, Failure> {
    Ok(Context {
        settings: settings::<R>(&call.settings)?,
        kit: call.kit,
        namespace: call.namespace,
        allowed_namespaces: call.allowed_namespaces,
        cluster_scoped: call.cluster_scoped,
    })
}

fn objects<'t>(texts: impl Iterator<Item = Text<'t>>) -> Result<Vec<Object>, Failure> {
    texts
        .enumerate()
        .map(|(index, text)| {
            let value: Value = serde_json::from_str(text.json).map_err(|error| {
                Failure::Internal(format!("object {index} is not JSON: {error}"))
            })?;
            Ok(Object {
                value,
                path: text.path.to_owned(),
                line: text.line,
                kit: text.kit.to_owned(),
                index: Some(index as u32),
            })
        })
        .collect()
}

pub fn validate<'t, R: Validator>(
    call: Call,
    texts: impl Iterator<Item = Text<'t>>,
) -> Result<Vec<Finding>, Failure> {
    let mut report = Report::default();
    R::validate(&context::<R>(call)?, &objects(texts)?, &mut report);
    Ok(report.findings)
}

pub fn validate_all<'t, R: Referential>(
    text: &str,
    texts: impl Iterator<Item = Text<'t>>,
) -> Result<Vec<Finding>, Failure> {
    let mut report = Report::default();
    R::validate_all(&settings::<R>(text)?, &objects(texts)?, &mut report);
    Ok(report.findings)
}

/// Objects as JSON text, each with the index of the one that it was.
pub fn transform<'t, R: Transformer>(
    call: Call,
    texts: impl Iterator<Item = Text<'t>>,
) -> Result<Vec<(String, Option<u32>)>, Failure> {
    let texts: Vec<Text<'t>> = texts.collect();
    let mut changed = objects(texts.iter().map(|text| Text { ..*text }))?;
    let before = changed.clone();
    R::transform(&context::<R>(call)?, &mut changed);
    let text = |object: Object| match object.index {
        // Untouched objects keep their very bytes.
        Some(index) if before[index as usize].value == object.value => {
            (texts[index as usize].json.to_owned(), Some(index))
        }
        index => (object.value.to_string(), index),
    };
    Ok(changed.into_iter().map(text).collect())
}

/// The JSON Schema of a rule's settings.
pub fn settings_schema<R: Rule>() -> String {
    schemars::schema_for!(R::Settings).to_value().to_string()
}

/// For native tests: objects from YAML documents, as a rule over one kit gets them.
#[cfg(feature = "testing")]
pub fn from_yaml(kit: &str, yaml: &str) -> Vec<Object> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(yaml)
        .enumerate()
        .map(|(index, document)| Object {
            value: Value::deserialize(document).expect("the test's YAML is valid"),
            path: format!("{kit}/test.yaml"),
            line: 1,
            kit: kit.to_owned(),
            index: Some(index as u32),
        })
        .collect()
}
