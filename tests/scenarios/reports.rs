//! Findings as the reports that policy tools read.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, service};
use crate::weights::say;

const KIT: &str = "kits/acme/shop";
const PORTS: (&str, &str) = ("port-policy", "{service: {allow: ['1024-9999']}}");
const POLICY_REPORTS: &str = "policyreports.wgpolicyk8s.io";
const REPORTS: &str = "reports.openreports.io";

/// A kind of report, as strict as the real one about the fields that are written.
fn definition(group: &str, version: &str, plural: &str, kind: &str) -> String {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    let reference = json!({"type": "object", "properties": {
        "apiVersion": text, "kind": text, "name": text, "namespace": text, "uid": text}});
    let count = json!({"type": "integer"});
    let result = json!({"type": "object", "required": ["policy"], "properties": {
        "source": text, "policy": text, "rule": text, "message": text, "properties": texts,
        "result": {"type": "string", "enum": ["pass", "fail", "warn", "error", "skip"]},
        "severity": {"type": "string", "enum": ["critical", "high", "medium", "low", "info"]},
        "resources": {"type": "array", "items": reference}}});
    let counts = json!({"type": "object", "properties": {
        "pass": count, "fail": count, "warn": count, "error": count, "skip": count}});
    let schema = json!({"type": "object", "properties": {
        "scope": reference, "summary": counts, "results": {"type": "array", "items": result}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}"),
            // Which the API server asks of the groups of Kubernetes' own.
            "annotations": {"api-approved.kubernetes.io": "unapproved"}},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": [{"name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}]},
    })
    .to_string()
}

fn report(platform: &Platform, kind: &str) -> Option<Value> {
    let name = KIT.replace('/', ".");
    let found = platform
        .kubectl
        .get(&[kind, &name, "--namespace", &platform.name]);
    found.ok().flatten()
}

fn until(platform: &Platform, what: &str, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, SOON, || match report(platform, kind) {
        Some(report) if fits(&report) => Ok(report),
        other => Err(other.unwrap_or_default().to_string()),
    })
}

fn until_gone(platform: &Platform, what: &str, kind: &str) {
    wait_for(what, SOON, || match report(platform, kind) {
        None => Ok(()),
        Some(report) => Err(report.to_string()),
    });
}

#[test]
fn findings_are_reported_when_they_change_and_the_report_goes_with_its_kit() {
    let mut platform = Platform::new(&[PORTS]);
    let wrong = service("shop", 80, None);
    let first = platform.start_with(&[
        ("kits/acme/shop/service.yaml", &wrong),
        ("kits/acme/other/map.yaml", &config_map("other", "one")),
    ]);
    platform.until_kit(KIT, "Refused", &first);
    // The cluster has no such kind: the kit is told of as ever.
    say(&platform, &json!({"reports": "policyReport"}));
    wait_for("the host says that it cannot", SOON, || {
        let logs = platform.logs();
        let told = logs.iter().any(|it| it.to_string().contains("no report: "));
        told.then_some(()).ok_or_else(|| "it does not".to_owned())
    });
    let served = [
        definition(
            "wgpolicyk8s.io",
            "v1alpha2",
            "policyreports",
            "PolicyReport",
        ),
        definition("openreports.io", "v1alpha1", "reports", "Report"),
    ];
    for definition in &served {
        platform.kubectl.apply(definition).unwrap();
    }
    for name in [POLICY_REPORTS, REPORTS] {
        let name = format!("crd/{name}");
        let established = [
            "wait",
            "--for=condition=Established",
            &name,
            "--timeout=60s",
        ];
        platform.kubectl.run(&established).unwrap();
    }
    let told = wait_for("the kit is looked at again", SOON, || {
        platform.trimtab(&["reconcile", KIT]);
        report(&platform, POLICY_REPORTS).ok_or_else(|| "there is no report".to_owned())
    });
    let result = &told["results"][0];
    assert_eq!(told["summary"]["fail"], 1, "{told}");
    assert_eq!(
        (&result["policy"], &result["rule"]),
        (&json!("port-policy"), &json!("service-port"))
    );
    assert_eq!(result["result"], "fail");
    assert_eq!(result["resources"][0]["name"], "shop");
    assert_eq!(
        result["resources"][0]["namespace"],
        platform.namespace("acme")
    );
    assert_eq!(result["properties"]["path"], "kits/acme/shop/service.yaml");
    assert_eq!(result["properties"]["line"], "10");
    assert_eq!(told["metadata"]["ownerReferences"][0]["kind"], "Kit");

    // A revision of which the kit has other files and the same findings writes nothing.
    let more = config_map("more", "one");
    platform.git.write("kits/acme/shop/zz.yaml", more).unwrap();
    let second = platform.git.commit("more").unwrap();
    platform.until_kit(KIT, "Refused", &second);
    let same = report(&platform, POLICY_REPORTS).expect("it is there");
    assert_eq!(
        same["metadata"]["resourceVersion"],
        told["metadata"]["resourceVersion"]
    );

    let exemption = json!({"rule": "port-policy/*", "reason": "moved by May"});
    say(&platform, &json!({"exemptions": [exemption]}));
    let told = until(&platform, "it is exempt", POLICY_REPORTS, |report| {
        report["summary"]["skip"] == 1
    });
    assert_eq!(told["summary"]["fail"], 0, "{told}");
    assert_eq!(told["results"][0]["properties"]["exempt"], "moved by May");

    say(&platform, &json!({"reports": "openReports"}));
    until(&platform, "it is OpenReports' now", REPORTS, |report| {
        report["summary"]["skip"] == 1
    });
    until_gone(&platform, "the other one is gone", POLICY_REPORTS);

    platform.git.git(&["rm", "-r", "--quiet", KIT]).unwrap();
    platform.git.commit("no shop").unwrap();
    until_gone(&platform, "the report went with the kit", REPORTS);
}
