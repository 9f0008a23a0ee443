//! Cases of a rule in a folder, run natively. `trimtab plugin test` runs the same folders in the
//! sandbox.
//!
//! A case is a folder with `input.yaml`, a kit's objects, or with a file a kit in `input/`; with
//! `settings.yaml`, `case.yaml` and `data/` where they are needed; with `expected.yaml`, a list of
//! findings in any order, each with rule, severity, object, field and message; and, for a
//! transformer, with `output.yaml`, the objects after it.

mod case;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::run::{
    Call, ChangeText, Failure, KitCall, Text, from_yaml, transform, validate, validate_all,
    validate_change,
};
use crate::{
    ChangeValidator, Finding, Object, Referential, Rule, Severity, Transformer, Validator,
};
use case::{Case, fill, folders, json as json_of, text, texts};

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Expected {
    rule: String,
    severity: String,
    /// `Deployment.apps shop/web`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    object: String,
    /// RFC 6901.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    field: String,
    message: String,
}

/// What a rule gives for a case.
#[derive(Default)]
struct Answer {
    findings: Vec<Expected>,
    /// After a transformer.
    objects: Option<Vec<Object>>,
}

/// An object before and after, each with its text.
type Pair<'c> = (
    Option<(&'c Object, Text<'c>)>,
    Option<(&'c Object, Text<'c>)>,
);

type Ask = fn(&Case) -> Result<Answer, Failure>;

/// Runs every case of a folder, and asks that each rule of the plugin is found in one of them.
/// With `UPDATE_CASES` in the environment, what came is written into the cases' files.
pub fn cases<R: Validator>(folder: impl AsRef<Path>) {
    all::<R>(folder.as_ref(), ask_validator::<R>);
}

/// The same for a transformer.
pub fn transformer_cases<R: Transformer>(folder: impl AsRef<Path>) {
    all::<R>(folder.as_ref(), ask_transformer::<R>);
}

/// The same for a rule over several kits.
pub fn referential_cases<R: Referential>(folder: impl AsRef<Path>) {
    all::<R>(folder.as_ref(), ask_referential::<R>);
}

/// The same for a change validator: `previous.yaml` has the objects as they were.
pub fn change_cases<R: ChangeValidator>(folder: impl AsRef<Path>) {
    all::<R>(folder.as_ref(), ask_change_validator::<R>);
}

/// Puts odd values in each place of each case's objects, and of the files that the plugin is given
/// to read, in turn: a rule gives findings, whatever it is handed, and never panics.
pub fn odd_objects<R: Validator>(folder: impl AsRef<Path>) {
    odd(folder.as_ref(), ask_validator::<R>);
}

/// The same for a transformer.
pub fn transformer_odd_objects<R: Transformer>(folder: impl AsRef<Path>) {
    odd(folder.as_ref(), ask_transformer::<R>);
}

/// The same for a rule over several kits.
pub fn referential_odd_objects<R: Referential>(folder: impl AsRef<Path>) {
    odd(folder.as_ref(), ask_referential::<R>);
}

/// The same for a change validator: in the objects as they were, and as they are to be.
pub fn odd_changes<R: ChangeValidator>(folder: impl AsRef<Path>) {
    odd(folder.as_ref(), ask_change_validator::<R>);
}

/// What a validator finds in objects, with these settings.
pub fn findings<R: Validator>(settings: Value, objects: &[Value]) -> Vec<Finding> {
    let yaml: Vec<String> = objects.iter().map(Value::to_string).collect();
    let objects = from_yaml("kits/a", &yaml.join("\n---\n"));
    let json = json_of(&objects);
    let settings = settings.to_string();
    let call = KitCall {
        kit: "kits/case",
        namespace: "",
        allowed_namespaces: &[],
        cluster_scoped: true,
        platform: Call {
            settings: &settings,
            ..Call::default()
        },
    };
    validate::<R>(call, texts(&objects, &json)).unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn all<R: Rule>(folder: &Path, ask: Ask) {
    let mut found = Vec::new();
    for folder in folders(folder) {
        let case = Case::read(&folder);
        let answer =
            ask(&case).unwrap_or_else(|failure| panic!("{}: {failure:?}", folder.display()));
        found.extend(answer.findings.iter().map(|it| it.rule.clone()));
        if std::env::var_os("UPDATE_CASES").is_some() {
            update(&case, &answer);
        }
        let path = folder.join("expected.yaml");
        let mut expected: Vec<Expected> = match path.exists() || answer.objects.is_none() {
            true => serde_yaml::from_str(&text(&path))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            false => Vec::new(),
        };
        expected.sort();
        assert_eq!(answer.findings, expected, "{}", path.display());
        if let Some(objects) = &answer.objects {
            let output = case.objects_of("output.yaml");
            let told = output.is_some() || path.exists();
            assert!(told, "{} expects nothing", folder.display());
            if let Some(output) = output {
                assert_eq!(sorted(objects), sorted(&output), "{}", folder.display());
            }
        }
    }
    for (rule, _) in R::RULES {
        assert!(found.iter().any(|it| it == rule), "no case finds {rule}");
    }
}

fn update(case: &Case, answer: &Answer) {
    let write = |file: &str, text: String| {
        std::fs::write(case.folder.join(file), text).expect("the case's folder can be written");
    };
    if answer.objects.is_none() || !answer.findings.is_empty() {
        let text = serde_yaml::to_string(&answer.findings).expect("findings are plain values");
        write("expected.yaml", text);
    }
    if let Some(objects) = &answer.objects {
        let documents: Vec<String> = objects
            .iter()
            .map(|it| serde_yaml::to_string(&it.value).expect("objects are plain values"))
            .collect();
        write("output.yaml", documents.join("---\n"));
    }
}

/// By their keys: their order says nothing.
fn sorted(objects: &[Object]) -> Vec<&Value> {
    let mut sorted: Vec<&Object> = objects.iter().collect();
    sorted.sort_by_cached_key(|it| key(it));
    sorted.into_iter().map(|it| &it.value).collect()
}

fn odd(folder: &Path, ask: Ask) {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("1e99999999999999999999"),
        json!("é/:@*%"),
        json!([null]),
        json!({"": {}}),
    ];
    for folder in folders(folder) {
        let mut case = Case::read(&folder);
        for place in documents(&case) {
            let whole = document(&mut case, place).value.clone();
            let mut pointers = Vec::new();
            places(&whole, String::new(), &mut pointers);
            for pointer in pointers {
                for value in &odd {
                    let object = document(&mut case, place);
                    if let Some(place) = object.value.pointer_mut(&pointer) {
                        *place = value.clone();
                    }
                    ask(&case).unwrap_or_else(|failure| {
                        panic!("{}: {pointer} is {value}: {failure:?}", folder.display())
                    });
                    document(&mut case, place).value.clone_from(&whole);
                }
            }
        }
    }
}

/// Each document that a rule is handed: the index of its kit, or none for data, and its own.
fn documents(case: &Case) -> Vec<(Option<usize>, usize)> {
    let of = |kit: Option<usize>, count: usize| (0..count).map(move |index| (kit, index));
    let kits = case.kits.iter().enumerate();
    kits.flat_map(|(kit, it)| of(Some(kit), it.objects.len() + it.previous.len()))
        .chain(of(None, case.data.len()))
        .collect()
}

fn document(case: &mut Case, (kit, index): (Option<usize>, usize)) -> &mut Object {
    match kit {
        Some(kit) => {
            let kit = &mut case.kits[kit];
            let all = kit.objects.iter_mut().chain(&mut kit.previous);
            all.into_iter().nth(index).expect("it was counted")
        }
        None => &mut case.data[index],
    }
}

fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                places(value, format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(pointer);
}

/// Objects of the kinds that a rule reads.
fn read<R: Rule>(objects: &[Object]) -> Vec<Object> {
    let reads = |object: &&Object| {
        let dot = if object.group().is_empty() { "" } else { "." };
        let kind = format!("{}{dot}{}", object.kind(), object.group());
        R::KINDS.is_empty() || R::KINDS.iter().any(|it| *it == "*" || *it == kind)
    };
    objects.iter().filter(reads).cloned().collect()
}

fn ask_validator<R: Validator>(case: &Case) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    for kit in &case.kits {
        let objects = read::<R>(&kit.objects);
        let json = json_of(&objects);
        let found = case.kit_call(kit, |call| validate::<R>(call, texts(&objects, &json)))?;
        answer.findings.extend(rows(&found, &objects));
    }
    Ok(answer.ordered())
}

fn ask_change_validator<R: ChangeValidator>(case: &Case) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    for kit in &case.kits {
        let (before, after) = (read::<R>(&kit.previous), read::<R>(&kit.objects));
        let (old, new) = (json_of(&before), json_of(&after));
        let mut pairs: BTreeMap<String, Pair<'_>> = BTreeMap::new();
        for pair in before.iter().zip(texts(&before, &old)) {
            pairs.entry(key(pair.0)).or_default().0 = Some(pair);
        }
        for pair in after.iter().zip(texts(&after, &new)) {
            pairs.entry(key(pair.0)).or_default().1 = Some(pair);
        }
        let value = |side: &Option<(&Object, Text<'_>)>| side.map(|it| it.0.value.clone());
        pairs.retain(|_, (before, after)| value(before) != value(after));
        let changes = pairs.values().map(|(before, after)| ChangeText {
            before: before.map(|it| it.1),
            after: after.map(|it| it.1),
        });
        let found = case.kit_call(kit, |call| validate_change::<R>(call, changes))?;
        let told = pairs
            .values()
            .filter_map(|(before, after)| after.or(*before));
        let told: Vec<Object> = told.map(|it| it.0.clone()).collect();
        answer.findings.extend(rows(&found, &told));
    }
    Ok(answer.ordered())
}

fn ask_transformer<R: Transformer>(case: &Case) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    let mut after = Vec::new();
    for kit in &case.kits {
        let json = json_of(&kit.objects);
        let made = case.kit_call(kit, |call| transform::<R>(call, texts(&kit.objects, &json)))?;
        answer.findings.extend(rows(&made.findings, &kit.objects));
        for (json, _) in made.objects {
            let value = serde_json::from_str(&json).expect("the SDK writes JSON");
            let mut object = Object::new(value);
            fill(&mut object, &kit.namespace);
            after.push(object);
        }
    }
    answer.objects = Some(after);
    Ok(answer.ordered())
}

fn ask_referential<R: Referential>(case: &Case) -> Result<Answer, Failure> {
    let objects: Vec<Object> = case.kits.iter().flat_map(|it| it.objects.clone()).collect();
    let objects = read::<R>(&objects);
    let (json, data) = (json_of(&objects), json_of(&case.data));
    let mut call = case.call();
    call.data = texts(&case.data, &data).collect();
    let found = validate_all::<R>(call, texts(&objects, &json))?;
    let answer = Answer {
        findings: rows(&found, &objects).collect(),
        objects: None,
    };
    Ok(answer.ordered())
}

impl Answer {
    fn ordered(mut self) -> Self {
        self.findings.sort();
        self
    }
}

fn rows<'a>(
    findings: &'a [Finding],
    objects: &'a [Object],
) -> impl Iterator<Item = Expected> + use<'a> {
    findings.iter().map(|finding| {
        let object = finding.object.and_then(|index| objects.get(index as usize));
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        Expected {
            rule: finding.rule.clone(),
            severity: severity.into(),
            object: object.map(key).unwrap_or_default(),
            field: finding.field.clone().unwrap_or_default(),
            message: finding.message.clone(),
        }
    })
}

fn key(object: &Object) -> String {
    let dot = if object.group().is_empty() { "" } else { "." };
    let (namespace, name) = (object.namespace(), object.name());
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!(
        "{}{dot}{} {namespace}{slash}{name}",
        object.kind(),
        object.group()
    )
}
