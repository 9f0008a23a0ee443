//! docs/reference.md against the types and the sources that it describes.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::file::{
    FIELDS, HEALTH_FIELDS, HEALTH_RULE_FIELDS, IGNORE_FIELDS, METADATA_FIELDS, OBJECT_FIELDS,
    PLUGIN_FIELDS, PRUNE_FIELDS, RULE_FIELDS, SPEC_FIELDS, parse,
};
use super::renderer::{HELM_FIELDS, KUSTOMIZE_FIELDS};
use super::variables::VARIABLES_FIELDS;
use super::{RepositorySpec, custom_resource_definitions, validate};
use crate::manifest::{Finding, Limits, ObjectKey, Origin, Span, read};

const REFERENCE: &str = include_str!("../../../docs/reference.md");

/// What is below a heading, up to the next one.
fn section(heading: &str) -> &'static str {
    let (_, rest) = REFERENCE
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("the reference has no {heading:?}"));
    let code = |line: &&str| line.starts_with("```");
    let mut end = 0;
    let mut in_code = false;
    for line in rest.split_inclusive('\n') {
        in_code ^= code(&line);
        if line.starts_with('#') && !in_code {
            break;
        }
        end += line.len();
    }
    &rest[..end]
}

/// The cells of a section's table, without its head; code marks are taken off.
fn table(heading: &str) -> Vec<Vec<String>> {
    let rows = section(heading)
        .lines()
        .filter(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let inner = row.trim_start_matches('|').trim_end_matches('|');
        inner
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    };
    let found: Vec<Vec<String>> = rows.skip(2).map(cells).collect();
    assert!(!found.is_empty(), "{heading} has no table");
    found
}

fn first_columns(heading: &str, count: usize) -> BTreeSet<Vec<String>> {
    let rows = table(heading);
    let unique: BTreeSet<Vec<String>> = rows.iter().map(|row| row[..count].to_vec()).collect();
    assert_eq!(unique.len(), rows.len(), "{heading} names something twice");
    unique
}

/// The example in YAML of a section.
fn example(heading: &str) -> &'static str {
    let (_, rest) = section(heading)
        .split_once("```yaml\n")
        .expect("an example");
    rest.split_once("```").expect("its end").0
}

/// The schema of one of the kinds.
fn schema(kind: &str) -> Value {
    let found = custom_resource_definitions()
        .into_iter()
        .find(|it| it.spec.names.kind == kind)
        .expect("the kind is the host's own");
    serde_json::to_value(&found.spec.versions[0]).expect("a CRD is JSON")
}

fn spec_schema(kind: &str, part: &str) -> Value {
    schema(kind)["schema"]["openAPIV3Schema"]["properties"][part].clone()
}

/// What the reference calls a schema: shapes that stand in several places have a name and a
/// table of their own.
fn type_of(schema: &Value) -> String {
    let properties = &schema["properties"];
    match schema["type"].as_str().expect("every field has a type") {
        "array" => format!("[]{}", type_of(&schema["items"])),
        "object" if properties.get("committedAt").is_some() => "Revision".into(),
        "object" if properties.get("lastTransitionTime").is_some() => "Condition".into(),
        plain => plain.to_owned(),
    }
}

fn default_of(schema: &Value, required: bool) -> String {
    match &schema["default"] {
        Value::String(text) if !text.is_empty() => text.clone(),
        number_or_truth @ (Value::Bool(_) | Value::Number(_)) => number_or_truth.to_string(),
        _ if required => "required".into(),
        _ => "–".into(),
    }
}

/// Path, type and default of every field below a schema.
fn fields(schema: &Value, prefix: &str, found: &mut BTreeSet<Vec<String>>) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let kind = type_of(field);
        let default = default_of(field, required.contains(&json!(name)));
        found.insert(vec![path.clone(), kind.clone(), default]);
        match kind.as_str() {
            "object" => fields(field, &format!("{path}."), found),
            "[]object" => fields(&field["items"], &format!("{path}[]."), found),
            _ => {}
        }
    }
}

#[test]
fn every_field_of_both_kinds_is_in_the_reference_and_no_other() {
    for (heading, kind, part) in [
        ("### spec of a Repository", "Repository", "spec"),
        ("### status of a Repository", "Repository", "status"),
        ("### spec of a Kit", "Kit", "spec"),
        ("### status of a Kit", "Kit", "status"),
    ] {
        let mut expected = BTreeSet::new();
        fields(&spec_schema(kind, part), "", &mut expected);
        assert_eq!(first_columns(heading, 3), expected, "{heading}");
    }
}

#[test]
fn the_shapes_that_both_kinds_share_are_in_the_reference() {
    let status = spec_schema("Kit", "status");
    for (heading, shape) in [
        ("### fields of a Revision", &status["properties"]["applied"]),
        (
            "### fields of a Condition",
            &status["properties"]["conditions"]["items"],
        ),
    ] {
        let mut expected = BTreeSet::new();
        fields(shape, "", &mut expected);
        assert_eq!(first_columns(heading, 3), expected, "{heading}");
    }
}

#[test]
fn every_printer_column_is_in_the_reference_in_its_order() {
    for kind in ["Repository", "Kit"] {
        let text = |column: &Value, field: &str| column[field].as_str().expect("text").to_owned();
        let shown = |column: &Value| match column["priority"].as_i64().unwrap_or_default() {
            0 => "always".to_owned(),
            _ => "wide".to_owned(),
        };
        let expected: Vec<Vec<String>> = schema(kind)["additionalPrinterColumns"]
            .as_array()
            .expect("columns")
            .iter()
            .map(|it| vec![text(it, "name"), text(it, "jsonPath"), shown(it)])
            .collect();
        assert_eq!(table(&format!("### columns of a {kind}")), expected);
    }
}

#[test]
fn every_field_of_a_kit_file_is_in_the_reference_and_no_other() {
    let groups = [
        ("", &FIELDS[..]),
        ("metadata.", &METADATA_FIELDS),
        ("spec.", &SPEC_FIELDS),
        ("spec.plugins[].", &PLUGIN_FIELDS),
        ("spec.prune.", &PRUNE_FIELDS),
        ("spec.dependsOnObjects[].", &OBJECT_FIELDS),
        ("spec.ignore[].", &IGNORE_FIELDS),
        ("spec.kustomize.", &KUSTOMIZE_FIELDS),
        ("spec.helm.", &HELM_FIELDS),
        ("spec.variables.", &VARIABLES_FIELDS),
        ("spec.rules[].", &RULE_FIELDS),
        ("spec.health.", &HEALTH_FIELDS),
        ("spec.health.rules[].", &HEALTH_RULE_FIELDS),
    ];
    let named = groups.iter().flat_map(|(prefix, names)| {
        names
            .iter()
            .map(move |name| vec![format!("{prefix}{name}")])
    });
    assert_eq!(
        first_columns("### fields of kit.yaml", 1),
        named.collect::<BTreeSet<_>>()
    );
}

#[test]
fn the_types_of_a_kit_file_s_fields_are_those_that_it_is_read_with() {
    let whole = example("## kit.yaml");
    parse("kit.yaml", whole.as_bytes(), "vision").expect("the example is right");
    let [manifest] = &read("kit.yaml", whole.as_bytes(), &Limits::default()).expect("YAML")[..]
    else {
        panic!("the example is one object");
    };
    for row in table("### fields of kit.yaml") {
        let pointer = format!("/{}", row[0].replace("[]", "/0").replace('.', "/"));
        let example = manifest.object.pointer(&pointer);
        let fits = match (row[1].as_str(), example) {
            // Fields that the example does without.
            (_, None) => row[2] == "–",
            ("string", Some(value)) => value.is_string(),
            ("boolean", Some(value)) => value.is_boolean(),
            ("object", Some(value)) => value.is_object(),
            ("[]string", Some(value)) => value[0].is_string(),
            ("[]object", Some(value)) => value[0].is_object(),
            (other, _) => panic!("{other} is no type of the reference"),
        };
        assert!(fits, "{} is not {} in the example", row[0], row[1]);
        let mut wrong = manifest.object.clone();
        let Some(field) = wrong.pointer_mut(&pointer).filter(|_| row[0] != "metadata") else {
            continue;
        };
        *field = json!(7);
        let refused = parse("kit.yaml", wrong.to_string().as_bytes(), "vision");
        assert!(refused.is_err(), "{} takes a number", row[0]);
    }
}

#[test]
fn the_example_of_a_repository_is_valid() {
    let example = example("## Repository");
    let [manifest] =
        &read("repository.yaml", example.as_bytes(), &Limits::default()).expect("YAML")[..]
    else {
        panic!("the example is one object");
    };
    let spec: RepositorySpec =
        serde_json::from_value(manifest.object["spec"].clone()).expect("known fields");
    assert_eq!(validate(&spec), []);
}

#[test]
fn every_field_of_a_finding_is_in_the_reference_and_no_other() {
    let span = Span {
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 2,
    };
    let key: ObjectKey =
        serde_json::from_value(json!({"group": "", "kind": "Service", "name": "web"}))
            .expect("a key");
    let mut finding = Finding::host_error("yaml", "message")
        .spanning("a.yaml", span)
        .about(key)
        .field("/spec")
        .hint("hint")
        .note("note", Some(Origin::new("b.yaml", 1)));
    finding.proposed = Some("value".into());
    finding.exempt = Some("a reason".into());
    finding.tags = vec![("name".into(), "value".into())];
    let value = serde_json::to_value(&finding).expect("JSON");
    let names = value.as_object().expect("a mapping").keys();
    assert_eq!(
        first_columns("### fields of a finding", 1),
        names.map(|name| vec![name.clone()]).collect()
    );
}

/// The text of the host's sources, this file's not.
fn sources(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).expect("the host's sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, text);
        } else if !path.ends_with(Path::new(file!()).file_name().expect("a name")) {
            text.push_str(&std::fs::read_to_string(&path).expect("text"));
        }
    }
}

/// Texts in quotes behind a call, whatever space there is between.
fn first_arguments<'t>(text: &'t str, call: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(call).filter_map(|(at, call)| {
        let rest = text[at + call.len()..].trim_start().strip_prefix('"')?;
        rest.split('"').next()
    })
}

#[test]
fn every_rule_of_the_host_is_in_the_reference_and_no_other() {
    let mut text = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut text,
    );
    let documented: BTreeSet<String> = table("### rules of the host")
        .into_iter()
        .map(|row| row[0].trim_start_matches("trimtab/").to_owned())
        .collect();
    for rule in &documented {
        assert!(
            text.contains(&format!("\"{rule}\"")),
            "no source has {rule}"
        );
    }
    let used = first_arguments(&text, "host_error(").filter(|rule| !rule.is_empty());
    let indirect = text
        .split('"')
        .filter(|it| it.starts_with("plugin-") || it.starts_with("apply-"));
    let is_rule = |it: &&str| it.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    for rule in used.chain(indirect).filter(is_rule) {
        assert!(documented.contains(rule), "the reference lacks {rule}");
    }
}

#[test]
fn every_reason_in_the_reference_is_one_that_the_host_gives() {
    let mut text = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut text,
    );
    for heading in ["### reasons of a Kit", "### reasons of a Repository"] {
        for row in table(heading) {
            let reason = format!("\"{}\"", row[0]);
            assert!(text.contains(&reason), "no source has {reason}");
        }
    }
}
