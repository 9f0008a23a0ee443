//! Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::manifest::{Finding, Severity};

/// `in_place` says of each finding whether its span is the value that it proposes another for.
pub(super) fn report(findings: &[(Option<String>, Finding)], in_place: &[bool]) -> Value {
    let mut rules: BTreeMap<&str, usize> = findings
        .iter()
        .map(|(_, finding)| (finding.rule.as_str(), 0))
        .collect();
    for (index, slot) in rules.values_mut().enumerate() {
        *slot = index;
    }
    let described: Vec<Value> = rules
        .keys()
        .map(|rule| json!({"id": rule, "name": rule}))
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .zip(in_place)
        .map(|((kit, finding), in_place)| result((kit.as_deref(), finding, *in_place), &rules))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "trimtab",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(
    (kit, finding, in_place): (Option<&str>, &Finding, bool),
    rules: &BTreeMap<&str, usize>,
) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let mut text = finding.message.clone();
    if let Some(proposed) = &finding.proposed {
        text.push_str(&format!("; write {proposed} instead"));
    }
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("; {hint}"));
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rules[finding.rule.as_str()],
        "level": level,
        "message": {"text": text},
        "properties": {"kit": kit, "object": finding.object, "field": finding.field},
    });
    if let Some(reason) = &finding.exempt {
        result["suppressions"] = json!([{"kind": "external", "justification": reason}]);
    }
    if let Some(origin) = finding.origin.as_ref() {
        let artifact = json!({"uri": origin.path});
        let region = match &finding.span {
            Some(span) => json!({
                "startLine": span.line, "startColumn": span.column,
                "endLine": span.end_line, "endColumn": span.end_column,
            }),
            None => json!({"startLine": origin.line.max(1)}),
        };
        result["locations"] =
            json!([{"physicalLocation": {"artifactLocation": artifact, "region": region}}]);
        if let (Some(proposed), true) = (&finding.proposed, in_place) {
            let replacement =
                json!({"deletedRegion": region, "insertedContent": {"text": proposed}});
            let change = json!({"artifactLocation": artifact, "replacements": [replacement]});
            result["fixes"] = json!([{"description": {"text": format!("write {proposed}")}, "artifactChanges": [change]}]);
        }
    }
    result
}
