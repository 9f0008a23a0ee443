//! A kit's findings as the reports that policy tools read. Pure: the same findings are the same
//! report, without times, so that one is written only when it says something else.

use kube::ResourceExt as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::kit::{Kit, REPOSITORY_LABEL, ReportKind};
use crate::manifest::{Finding, ObjectKey, Severity};

/// Results of a report; together with the next bound, well below what etcd takes (1.5 MiB).
const RESULTS: usize = 1000;
/// Bytes of all results.
const BYTES: usize = 512 << 10;
/// Bytes of one text.
const TEXT: usize = 2048;
/// On a report: how many results it has no room for.
const LEFT_OUT_ANNOTATION: &str = "trimtab.io/left-out";
/// Of rules of the host's that say that a plugin gave no verdict.
const UNEVALUATED: &str = "trimtab/plugin-";

/// What a report is made of.
pub(super) struct Reported<'a> {
    pub kind: &'a ReportKind,
    pub kit: &'a Kit,
    /// The kit's directory.
    pub path: &'a str,
    pub findings: &'a [Finding],
}

impl Reported<'_> {
    /// `api_version` is of an object of the kit.
    pub(super) fn report(&self, api_version: impl Fn(&ObjectKey) -> Option<String>) -> Value {
        let name = self.kit.name_any();
        let namespace = self.kit.namespace().unwrap_or_default();
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| finding.severity);
        let mut summary = json!({"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0});
        let mut results = Vec::new();
        let (mut bytes, mut left_out) = (0, 0);
        for finding in findings {
            let result = self.result(finding, &api_version);
            count(&mut summary, &result);
            bytes += result.to_string().len();
            if results.len() < RESULTS && bytes <= BYTES {
                results.push(result);
            } else {
                left_out += 1;
            }
        }
        let mut annotations = Map::new();
        if left_out > 0 {
            annotations.insert(LEFT_OUT_ANNOTATION.into(), left_out.to_string().into());
            results.push(json!({
                "source": "trimtab", "policy": "trimtab", "rule": "left-out", "result": "skip",
                "message": format!("{left_out} more findings are not listed; see trimtab check"),
            }));
        }
        if self.findings.is_empty() {
            let message = "no findings";
            let result = json!({"source": "trimtab", "policy": "trimtab", "rule": "kit",
                "result": "pass", "message": message});
            count(&mut summary, &result);
            results.push(result);
        }
        let uid = self.kit.uid().unwrap_or_default();
        let own =
            json!({"apiVersion": "trimtab.io/v1alpha1", "kind": "Kit", "name": name, "uid": uid});
        let mut scope = own.clone();
        scope["namespace"] = namespace.as_str().into();
        let mut labels = json!({"app.kubernetes.io/managed-by": "trimtab"});
        if let Some(repository) = self.kit.repository() {
            labels[REPOSITORY_LABEL] = repository.into();
        }
        json!({
            "apiVersion": self.kind.gvk.api_version(), "kind": self.kind.gvk.kind,
            "metadata": {"name": name, "namespace": namespace, "labels": labels,
                "annotations": annotations, "ownerReferences": [own]},
            "scope": scope, "summary": summary, "results": results,
        })
    }

    fn result(
        &self,
        finding: &Finding,
        api_version: impl Fn(&ObjectKey) -> Option<String>,
    ) -> Value {
        let (policy, rule) = finding.rule.split_once('/').unwrap_or(("", &finding.rule));
        let (result, severity) = match (&finding.exempt, finding.severity) {
            (Some(_), _) => ("skip", "info"),
            (None, Severity::Error) if finding.rule.starts_with(UNEVALUATED) => ("error", "high"),
            (None, Severity::Error) => ("fail", "high"),
            (None, Severity::Warning) => ("warn", "medium"),
            (None, Severity::Info) => ("pass", "info"),
        };
        let mut properties = Map::new();
        let mut property = |name: &str, text: &str| {
            properties.insert(name.to_owned(), clipped(text).into());
        };
        property("kit", self.path);
        if let Some(origin) = &finding.origin {
            property("path", &origin.path);
            property("line", &origin.line.to_string());
        }
        for (name, text) in [
            ("field", &finding.field),
            ("proposed", &finding.proposed),
            ("hint", &finding.hint),
            ("exempt", &finding.exempt),
        ] {
            if let Some(text) = text {
                property(name, text);
            }
        }
        let mut told = json!({
            "source": "trimtab", "policy": policy, "rule": rule, "result": result,
            "severity": severity, "message": clipped(&finding.message), "properties": properties,
        });
        if let Some(object) = &finding.object {
            let mut resource = json!({"kind": object.group_kind.kind, "name": object.name});
            if let Some(namespace) = &object.namespace {
                resource["namespace"] = json!(namespace);
            }
            if let Some(version) = api_version(object) {
                resource["apiVersion"] = version.into();
            }
            told["resources"] = json!([resource]);
        }
        told
    }
}

/// Names what was written, to be compared with what is to be written next.
pub(super) fn fingerprint(kind: &ReportKind, report: &Value) -> String {
    let hash = Sha256::digest(report.to_string());
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} sha256:{digits}", kind.gvk.group_kind())
}

/// Whether a fingerprint is of this kind.
pub(super) fn is_of(fingerprint: &str, kind: &ReportKind) -> bool {
    let (named, _) = fingerprint.split_once(' ').unwrap_or_default();
    named == kind.gvk.group_kind().to_string()
}

fn count(summary: &mut Value, result: &Value) {
    if let Some(name) = result["result"].as_str() {
        let count = summary[name].as_u64().unwrap_or_default();
        summary[name] = (count + 1).into();
    }
}

fn clipped(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    let end = (0..TEXT).rev().find(|end| text.is_char_boundary(*end));
    format!("{}…", &text[..end.unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::{KitSpec, Reports};
    use crate::manifest::Origin;

    fn kit() -> Kit {
        let mut kit = Kit::new("kits.acme.shop", KitSpec::default());
        kit.metadata.namespace = Some("platform".into());
        kit.metadata.uid = Some("u".into());
        kit
    }

    fn finding(rule: &str, severity: Severity) -> Finding {
        let key: ObjectKey = serde_json::from_value(
            json!({"group": "apps", "kind": "Deployment", "namespace": "acme", "name": "shop"}),
        )
        .expect("a key");
        let mut finding = Finding::host_error("", "wrong")
            .about(key)
            .field("/spec/replicas")
            .at(Origin::new("kits/acme/shop/a.yaml", 7));
        finding.rule = rule.into();
        finding.severity = severity;
        finding
    }

    fn report(findings: &[Finding]) -> Value {
        let kind = Reports::PolicyReport.kind().expect("a kind");
        let reported = Reported {
            kind: &kind,
            kit: &kit(),
            path: "kits/acme/shop",
            findings,
        };
        reported.report(|_| Some("apps/v1".into()))
    }

    #[test]
    fn each_weight_of_a_finding_has_its_result_and_errors_come_first() {
        let mut exempt = finding("replicas/spread", Severity::Info);
        exempt.exempt = Some("one machine".into());
        let report = report(&[
            exempt,
            finding("replicas/many", Severity::Warning),
            finding("replicas/few", Severity::Error),
            finding("trimtab/plugin-fuel", Severity::Error),
            finding("replicas/told", Severity::Info),
        ]);
        let results = report["results"].as_array().expect("results");
        let told = results
            .iter()
            .map(|it| it["result"].as_str().expect("a text"));
        let told: Vec<&str> = told.collect();
        assert_eq!(told, ["fail", "error", "warn", "skip", "pass"]);
        assert_eq!(
            report["summary"],
            json!({"pass": 1, "fail": 1, "warn": 1, "error": 1, "skip": 1})
        );
        assert_eq!(results[3]["properties"]["exempt"], "one machine");
        let first = &results[0];
        assert_eq!(
            (&first["policy"], &first["rule"]),
            (&json!("replicas"), &json!("few"))
        );
        assert_eq!(
            first["resources"],
            json!([{"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "acme", "name": "shop"}])
        );
        assert_eq!(
            first["properties"],
            json!({"kit": "kits/acme/shop", "path": "kits/acme/shop/a.yaml", "line": "7", "field": "/spec/replicas"})
        );
        assert_eq!(report["metadata"]["ownerReferences"][0]["uid"], "u");
    }

    #[test]
    fn a_kit_without_findings_passes() {
        let report = report(&[]);
        assert_eq!(report["summary"]["pass"], 1);
        assert_eq!(report["results"][0]["result"], "pass");
    }

    #[test]
    fn a_report_is_bounded_and_tells_what_it_has_no_room_for() {
        let mut long = finding("a/b", Severity::Error);
        long.message = "é".repeat(5000);
        for (findings, least) in [
            (vec![finding("a/b", Severity::Warning); 1234], 1000),
            (vec![long; 1000], 100),
        ] {
            let report = report(&findings);
            assert!(report.to_string().len() < 700 << 10);
            let results = report["results"].as_array().expect("results");
            assert!(results.len() > least);
            let left_out = findings.len() - (results.len() - 1);
            assert_eq!(
                report["metadata"]["annotations"][LEFT_OUT_ANNOTATION],
                left_out.to_string()
            );
            let last = results.last().expect("one");
            let message = format!("{left_out} more findings are not listed; see trimtab check");
            assert_eq!(last["message"], message);
            let told = ["fail", "warn"].map(|it| report["summary"][it].as_u64().expect("a count"));
            assert_eq!(told.iter().sum::<u64>(), findings.len() as u64);
        }
    }

    #[test]
    fn a_fingerprint_names_its_kind_and_changes_with_the_findings() {
        let kind = Reports::PolicyReport.kind().expect("a kind");
        let other = Reports::OpenReports.kind().expect("a kind");
        let one = fingerprint(&kind, &report(&[]));
        assert_eq!(one, fingerprint(&kind, &report(&[])));
        assert_ne!(
            one,
            fingerprint(&kind, &report(&[finding("a/b", Severity::Error)]))
        );
        assert!(is_of(&one, &kind) && !is_of(&one, &other));
    }
}
