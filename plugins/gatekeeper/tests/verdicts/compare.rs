//! What both say of the same policies and objects.

use std::collections::{BTreeMap, BTreeSet};

use gatekeeper::Gatekeeper;
use serde_json::{Value, json};
use trimtab_plugin::run::{Call, KitCall, Text, validate};
use trimtab_plugin::{Finding, Severity};

use crate::oracle::Oracle;

#[derive(Default, Debug)]
pub struct Compared {
    pub violations: usize,
    /// Namespaces that were not known.
    pub unknown: usize,
    pub refused: usize,
    /// Templates that Gatekeeper evaluates and the plugin says it cannot.
    pub lacking: BTreeSet<String>,
    pub differences: Vec<String>,
}

impl Compared {
    pub fn add(&mut self, other: &Self) {
        self.violations += other.violations;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.lacking.extend(other.lacking.iter().cloned());
    }
}

/// What is in no namespace is so to Gatekeeper, whatever its kind.
fn definition(object: &Value) -> Option<Value> {
    let namespace = object["metadata"]["namespace"].as_str();
    let (group, _) = object["apiVersion"].as_str()?.split_once('/')?;
    let kind = object["kind"].as_str()?;
    let known = trimtab_plugin::scope(group, kind).is_some();
    (!known && namespace.unwrap_or_default().is_empty()).then(|| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{kind}.{group}")},
            "spec": {"group": group, "names": {"kind": kind}, "scope": "Cluster"},
        })
    })
}

pub fn ours(policies: &[Value], objects: &[Value], namespaces: &[Value]) -> Vec<Finding> {
    let name = |it: &Value| {
        it["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let labels: BTreeMap<String, Value> = namespaces
        .iter()
        .map(|it| (name(it), it["metadata"]["labels"].clone()))
        .collect();
    let settings = json!({"namespaces": labels}).to_string();
    let texts = |all: &[Value]| all.iter().map(Value::to_string).collect::<Vec<_>>();
    let definitions = objects.iter().filter_map(definition);
    let data: Vec<Value> = policies.iter().cloned().chain(definitions).collect();
    let (policies, objects) = (texts(&data), texts(objects));
    fn text<'t>((at, json): (usize, &'t String)) -> Text<'t> {
        Text {
            kit: "kits/a",
            json,
            path: "all.yaml",
            line: at as u32 + 1,
        }
    }
    let call = KitCall {
        kit: "kits/a",
        namespace: "",
        allowed_namespaces: &[],
        cluster_scoped: true,
        platform: Call {
            settings: &settings,
            data: policies.iter().enumerate().map(text).collect(),
            ..Call::default()
        },
    };
    let objects = objects.iter().enumerate().map(text);
    validate::<Gatekeeper>(call, objects).expect("a verdict")
}

fn tag<'f>(finding: &'f Finding, name: &str) -> &'f str {
    let found = finding.tags.iter().find(|it| it.0 == name);
    found.map_or("", |it| it.1.as_str())
}

/// Without the constraint before it.
fn message(finding: &Finding) -> String {
    let constraint = tag(finding, "constraint");
    let rest = finding.message.strip_prefix(constraint);
    rest.and_then(|it| it.strip_prefix(": "))
        .unwrap_or(&finding.message)
        .to_owned()
}

/// An object as the oracle tells of it beside what gator says.
pub fn place(object: &Value) -> String {
    let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default();
    format!("{kind} {}/{}", field("namespace"), field("name"))
}

/// What is found, by the objects' places.
pub fn messages(policies: &[Value], objects: &[Value]) -> BTreeSet<(String, String)> {
    let found = ours(policies, objects, &[]);
    let found = found.iter().filter(|it| it.rule == "violation");
    found
        .filter_map(|it| Some((place(objects.get(it.object? as usize)?), message(it))))
        .collect()
}

/// Numbers by what they are worth.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, it)| (name.clone(), plain(it)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

fn severity(actions: &Value) -> Option<Severity> {
    let has = |name: &str| {
        actions
            .as_array()
            .is_some_and(|all| all.contains(&json!(name)))
    };
    let of = |(name, severity)| has(name).then_some(severity);
    [
        ("deny", Severity::Error),
        ("warn", Severity::Warning),
        ("dryrun", Severity::Info),
    ]
    .into_iter()
    .find_map(of)
}

pub fn compare(
    oracle: &mut Oracle,
    policies: &[Value],
    objects: &[Value],
    namespaces: &[Value],
) -> Compared {
    let theirs = oracle.judge(policies, objects, namespaces);
    let findings = ours(policies, objects, namespaces);
    let mut compared = Compared::default();
    let lacking: BTreeSet<&str> = findings
        .iter()
        .filter(|it| it.rule == "unevaluated" && it.message.contains("its template at"))
        .map(|it| tag(it, "template"))
        .collect();
    let all = theirs["refused"].as_array().expect("a list");
    for (policy, refused) in policies.iter().zip(all) {
        let (kind, name) = (policy["kind"].as_str(), policy["metadata"]["name"].as_str());
        let (kind, name) = (kind.unwrap_or_default(), name.unwrap_or_default());
        let template = kind == "ConstraintTemplate";
        let own = findings.iter().find(|it| match template {
            true => it.rule == "template" && tag(it, "template") == name,
            false => it.rule == "constraint" && tag(it, "constraint") == format!("{kind}/{name}"),
        });
        compared.refused += usize::from(refused != "");
        let told = own.map_or("", |it| it.message.as_str());
        // What it says it lacks is told where a constraint asks for it, and a constraint falls with its template.
        let excused = refused.as_str().is_some_and(|it| {
            it.contains("wanted \"\"")
                || it.contains("undefined function")
                || it.contains("not found")
                || it.contains("rego_recursion_error")
        });
        match (refused == "", told.is_empty()) {
            (true, true) | (false, false) => {}
            (false, true) if excused => {}
            _ => compared
                .differences
                .push(format!("{kind}/{name}: theirs {refused}, ours {told:?}")),
        }
    }
    for (index, object) in objects.iter().enumerate() {
        let mut expected = BTreeSet::new();
        for result in theirs["results"][index].as_array().into_iter().flatten() {
            let constraint = result["constraint"].as_str().unwrap_or_default();
            let template = constraint
                .split('/')
                .next()
                .unwrap_or_default()
                .to_lowercase();
            if lacking.contains(template.as_str()) {
                compared.lacking.insert(template);
                continue;
            }
            let severity = severity(&result["actions"]);
            let told = match &result["details"] {
                Value::Null => {
                    compared.unknown += 1;
                    "not evaluated".to_owned()
                }
                details => {
                    let details = plain(details);
                    compared.violations += 1;
                    format!(
                        "{} {details}",
                        result["message"].as_str().unwrap_or_default()
                    )
                }
            };
            expected.insert(format!("{constraint} {severity:?} {told}"));
        }
        let refused = |finding: &Finding| {
            let template = |it: &(&Value, &Value)| {
                it.0["metadata"]["name"] == tag(finding, "template") && it.1 != ""
            };
            policies.iter().zip(all).any(|it| template(&it))
        };
        let mut given = BTreeSet::new();
        for finding in findings.iter().filter(|it| it.object == Some(index as u32)) {
            let told = match (finding.rule.as_str(), tag(finding, "details")) {
                // That of a template which they refuse at once is told later, as here.
                ("unevaluated", _) if refused(finding) => continue,
                ("unevaluated", _) => "not evaluated".to_owned(),
                (_, "") => format!("{} {}", message(finding), json!({})),
                (_, details) => {
                    let details = serde_json::from_str(details).expect("JSON");
                    format!("{} {}", message(finding), plain(&details))
                }
            };
            let severity = Some(finding.severity);
            given.insert(format!(
                "{} {severity:?} {told}",
                tag(finding, "constraint")
            ));
        }
        if given != expected {
            let missing: Vec<_> = expected.difference(&given).collect();
            let more: Vec<_> = given.difference(&expected).collect();
            let place = format!("{} {}", object["kind"], object["metadata"]["name"]);
            compared.differences.push(format!(
                "{place}: they alone {missing:?}, we alone {more:?}"
            ));
        }
    }
    compared
}
