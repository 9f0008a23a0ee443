//! What a case expects, and how what came differs from it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use similar::TextDiff;

use super::case::{Case, EXPECTED, OUTPUT};
use crate::manifest::{Finding, Manifest, Scopes, Severity, write_yaml};
use crate::pipeline::{Tried, settle};
use crate::sandbox::Plugin;

/// A finding as an `expected.yaml` has it. In the order in which they are compared and written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    severity: Severity,
    /// As the host displays it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    object: String,
    /// RFC 6901; empty for the whole object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    field: String,
    /// Without the plugin's name; the host's own begin with `trimtab/`.
    rule: String,
    message: String,
}

impl Told {
    pub(super) fn all_of(value: &Value, plugin: &str) -> Result<Vec<Self>, String> {
        if value.is_null() {
            return Ok(Vec::new());
        }
        let mut all: Vec<Self> =
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        for told in &mut all {
            told.rule = own(&told.rule, plugin);
        }
        Ok(all)
    }

    pub(super) fn rule(&self) -> &str {
        &self.rule
    }

    fn of(finding: &Finding, plugin: &str) -> Self {
        Self {
            severity: finding.severity,
            object: finding
                .object
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            field: finding.field.clone().unwrap_or_default(),
            rule: own(&finding.rule, plugin),
            message: finding.message.clone(),
        }
    }

    fn yaml(&self) -> String {
        let mut lines = String::new();
        for (name, text) in [
            ("rule", &self.rule),
            ("severity", &self.severity.to_string()),
            ("object", &self.object),
            ("field", &self.field),
            ("message", &self.message),
        ] {
            if !text.is_empty() {
                lines.push_str(if lines.is_empty() { "- " } else { "  " });
                lines.push_str(&write_yaml([&json!({name: text})]));
            }
        }
        lines
    }
}

fn own(rule: &str, plugin: &str) -> String {
    let own = rule
        .strip_prefix(plugin)
        .and_then(|rest| rest.strip_prefix('/'));
    own.unwrap_or(rule).to_owned()
}

/// One file of a case, as it is to be and as it came.
pub(super) struct Compared {
    pub file: &'static str,
    /// What the file should hold for the case to be fine.
    pub actual: String,
    /// A unified diff from the file to what came; None if they are equal.
    pub difference: Option<String>,
}

/// What a plugin reported on a case, sorted.
pub(super) fn reported(tried: &Tried, plugin: &Plugin) -> Vec<Told> {
    let name = &plugin.description().name;
    let mut told: Vec<Told> = tried.findings.iter().map(|it| Told::of(it, name)).collect();
    told.sort();
    told
}

/// Compares each file that the case has or should have.
pub(super) fn compare(case: &Case, plugin: &Plugin, tried: &Tried) -> Vec<Compared> {
    let kinds = plugin.kinds();
    let judges = kinds.validate || kinds.validate_change || kinds.referential;
    let mut compared = Vec::new();
    // A transformer that gave no answer is told as a finding.
    if judges || case.expected.is_some() || !tried.findings.is_empty() {
        let expected = match (&case.expected, &case.output) {
            (Some(expected), _) => {
                let mut expected = expected.clone();
                expected.sort();
                Some(list(&expected))
            }
            // A case with an output and no list expects no findings.
            (None, Some(_)) => Some(list(&[])),
            (None, None) => None,
        };
        compared.push(Compared::of(
            EXPECTED,
            expected,
            list(&reported(tried, plugin)),
        ));
    }
    if case.output.is_some() || compared.is_empty() {
        let expected = case.output.clone().map(|mut output| {
            if let [kit] = &case.trial.kits[..] {
                // Namespaces that the host fills in need not be written.
                settle(&mut output, &kit.grants, &Scopes::default());
            }
            objects(output)
        });
        let actual = objects(tried.manifests.clone());
        compared.push(Compared::of(OUTPUT, expected, actual));
    }
    compared
}

fn list(told: &[Told]) -> String {
    if told.is_empty() {
        return "[]\n".into();
    }
    told.iter().map(Told::yaml).collect()
}

/// Their order says nothing, as in the host.
fn objects(mut manifests: Vec<Manifest>) -> String {
    manifests.sort_by_cached_key(|manifest| (manifest.key(), manifest.gvk()));
    write_yaml(manifests.iter().map(|manifest| &manifest.object))
}

impl Compared {
    fn of(file: &'static str, expected: Option<String>, actual: String) -> Self {
        let missing = expected.is_none();
        let expected = expected.unwrap_or_default();
        let difference = (missing || expected != actual).then(|| {
            let header = if missing {
                format!("{file} (not there)")
            } else {
                file.to_owned()
            };
            TextDiff::from_lines(&expected, &actual)
                .unified_diff()
                .context_radius(3)
                .header(&header, "what came")
                .to_string()
        });
        Self {
            file,
            actual,
            difference,
        }
    }
}
