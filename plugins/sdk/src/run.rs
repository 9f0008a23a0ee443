//! A plugin's functions as the host calls them: JSON text in, findings out. The same code runs in
//! a component and, in tests and benchmarks, natively.

use serde_json::Value;

use crate::{
    Change, ChangeValidator, Context, Finding, Object, Platform, Referential, Report, Rule,
    Transformer, Validator,
};

/// Why a call gives no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The settings are not what the schema says.
    Settings {
        /// RFC 6901 pointer into the settings.
        field: String,
        message: String,
    },
    Internal(String),
}

/// One object as text.
#[derive(Clone, Copy)]
pub struct Text<'t> {
    pub kit: &'t str,
    pub json: &'t str,
    pub path: &'t str,
    pub line: u32,
}

/// What is handed to every rule; settings as JSON text.
#[derive(Default)]
pub struct Call<'t> {
    pub kubernetes: &'t str,
    pub settings: &'t str,
    pub data: Vec<Text<'t>>,
}

/// What is handed to a rule over one kit.
pub struct KitCall<'t> {
    pub kit: &'t str,
    pub namespace: &'t str,
    pub allowed_namespaces: &'t [String],
    pub cluster_scoped: bool,
    pub platform: Call<'t>,
}

/// One change as text.
pub struct ChangeText<'t> {
    pub before: Option<Text<'t>>,
    pub after: Option<Text<'t>>,
}

fn platform<R: Rule>(call: Call<'_>) -> Result<Platform<R::Settings>, Failure> {
    let read = &mut serde_json::Deserializer::from_str(call.settings);
    let settings = serde_path_to_error::deserialize(read).map_err(|error| Failure::Settings {
        field: pointer(error.path()),
        message: without_place(error.inner()),
    })?;
    let data = call.data.into_iter().map(|text| object(text, None));
    Ok(Platform {
        kubernetes: call.kubernetes.to_owned(),
        settings,
        data: data.collect::<Result<_, _>>()?,
    })
}

/// RFC 6901.
pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        // What is inside of a variant stands where the variant does.
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}

/// Settings are YAML to who wrote them: where the JSON text has a fault says nothing.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}

fn context<R: Rule>(call: KitCall<'_>) -> Result<Context<R::Settings>, Failure> {
    let Platform {
        kubernetes,
        settings,
        data,
    } = platform::<R>(call.platform)?;
    Ok(Context {
        kit: call.kit.to_owned(),
        namespace: call.namespace.to_owned(),
        allowed_namespaces: call.allowed_namespaces.to_vec(),
        cluster_scoped: call.cluster_scoped,
        kubernetes,
        settings,
        data,
    })
}

fn object(text: Text<'_>, index: Option<u32>) -> Result<Object, Failure> {
    let value: Value = serde_json::from_str(text.json).map_err(|error| {
        Failure::Internal(format!("{}:{} is not JSON: {error}", text.path, text.line))
    })?;
    Ok(Object {
        value,
        path: text.path.to_owned(),
        line: text.line,
        kit: text.kit.to_owned(),
        index,
    })
}

fn objects<'t>(texts: impl Iterator<Item = Text<'t>>) -> Result<Vec<Object>, Failure> {
    texts
        .enumerate()
        .map(|(index, text)| object(text, Some(index as u32)))
        .collect()
}

pub fn validate<'t, R: Validator>(
    call: KitCall<'_>,
    texts: impl Iterator<Item = Text<'t>>,
) -> Result<Vec<Finding>, Failure> {
    let mut report = Report::default();
    R::validate(&context::<R>(call)?, &objects(texts)?, &mut report);
    Ok(report.findings)
}

pub fn validate_change<'t, R: ChangeValidator>(
    call: KitCall<'_>,
    texts: impl Iterator<Item = ChangeText<'t>>,
) -> Result<Vec<Finding>, Failure> {
    let change = |(index, text): (usize, ChangeText<'t>)| {
        let read =
            |text: Option<Text<'t>>| text.map(|it| object(it, Some(index as u32))).transpose();
        match (read(text.before)?, read(text.after)?) {
            (Some(before), Some(after)) => Ok(Change::Updated { before, after }),
            (None, Some(after)) => Ok(Change::Created(after)),
            (Some(before), None) => Ok(Change::Deleted(before)),
            (None, None) => Err(Failure::Internal(format!("change {index} is of nothing"))),
        }
    };
    let changes = texts
        .enumerate()
        .map(change)
        .collect::<Result<Vec<_>, _>>()?;
    let mut report = Report::default();
    R::validate_change(&context::<R>(call)?, &changes, &mut report);
    Ok(report.findings)
}

pub fn validate_all<'t, R: Referential>(
    call: Call<'_>,
    texts: impl Iterator<Item = Text<'t>>,
) -> Result<Vec<Finding>, Failure> {
    let mut report = Report::default();
    R::validate_all(&platform::<R>(call)?, &objects(texts)?, &mut report);
    Ok(report.findings)
}

/// What a transformer makes of objects.
pub struct Transformation {
    /// JSON text, each with the index of the one that it was.
    pub objects: Vec<(String, Option<u32>)>,
    pub findings: Vec<Finding>,
}

pub fn transform<'t, R: Transformer>(
    call: KitCall<'_>,
    texts: impl Iterator<Item = Text<'t>>,
) -> Result<Transformation, Failure> {
    let texts: Vec<Text<'t>> = texts.collect();
    let mut changed = objects(texts.iter().copied())?;
    let before = changed.clone();
    let mut report = Report::default();
    R::transform(&context::<R>(call)?, &mut changed, &mut report);
    let text = |object: Object| match object.index {
        // Untouched objects keep their very bytes.
        Some(index) if before[index as usize].value == object.value => {
            (texts[index as usize].json.to_owned(), Some(index))
        }
        index => (object.value.to_string(), index),
    };
    Ok(Transformation {
        objects: changed.into_iter().map(text).collect(),
        findings: report.findings,
    })
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
