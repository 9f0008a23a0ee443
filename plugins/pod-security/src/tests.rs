use super::*;
use serde_json::{Value, json};
use trimtab_plugin::{WORKLOADS, testing};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::cases::<PodSecurity>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_objects::<PodSecurity>(CASES);
}

#[test]
fn every_check_is_a_rule_and_every_kind_with_pods_is_read() {
    let checks = check::CHECKS.iter().map(|it| it.rule);
    let rules = PodSecurity::RULES.iter().map(|(rule, _)| *rule);
    assert!(checks.chain([LABELS]).eq(rules));
    for kind in WORKLOADS {
        assert!(PodSecurity::KINDS.contains(kind), "{kind}");
    }
}

/// Rule, field and proposal of what is found at `restricted`.
fn found(object: Value) -> Vec<(String, String, Option<String>)> {
    let settings = json!({"level": "restricted", "version": "v1.34"});
    let findings = testing::findings::<PodSecurity>(settings, &[object]).into_iter();
    findings
        .map(|it| (it.rule, it.field.unwrap_or_default(), it.proposed))
        .collect()
}

#[test]
fn the_pods_of_every_kind_are_judged_where_they_stand() {
    let pod = json!({"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}},
        "spec": {"os": {"name": "windows"}, "containers": [{"name": "a"}]}});
    for (kind, pointer) in [
        ("v1 Pod", ""),
        ("v1 PodTemplate", "/template"),
        ("v1 ReplicationController", "/spec/template"),
        ("apps/v1 Deployment", "/spec/template"),
        ("apps/v1 StatefulSet", "/spec/template"),
        ("apps/v1 DaemonSet", "/spec/template"),
        ("apps/v1 ReplicaSet", "/spec/template"),
        ("batch/v1 Job", "/spec/template"),
        ("batch/v1 CronJob", "/spec/jobTemplate/spec/template"),
    ] {
        let (version, name) = kind.split_once(' ').expect("two words");
        let mut object = pod.clone();
        for part in pointer.split('/').skip(1).collect::<Vec<_>>().iter().rev() {
            object = json!({*part: object});
        }
        object["apiVersion"] = json!(version);
        object["kind"] = json!(name);
        let fields: Vec<String> = found(object).into_iter().map(|it| it.1).collect();
        let annotation = "metadata/annotations/container.apparmor.security.beta.kubernetes.io~1a";
        let expected = [
            format!("{pointer}/{annotation}"),
            format!("{pointer}/spec/securityContext/runAsNonRoot"),
        ];
        assert_eq!(fields, expected, "{kind}");
    }
}

#[test]
fn what_is_proposed_is_what_the_standard_takes() {
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {
            "hostPID": true,
            "securityContext": {
                "sysctls": [{"name": "net/ipv4/tcp_syncookies", "value": "1"}],
                "windowsOptions": {"hostProcess": true},
            },
            "containers": [{"name": "a", "ports": [{"containerPort": 1, "hostPort": 1}], "securityContext": {
                "privileged": true, "procMount": "Unmasked", "appArmorProfile": {"type": "Unconfined"},
                "capabilities": {"add": ["CAP_NET_BIND_SERVICE"]}}}],
        },
    });
    let findings = found(object.clone());
    assert_eq!(findings.len(), 12, "{findings:?}");
    for (rule, field, proposed) in findings {
        let proposed = proposed.unwrap_or_else(|| panic!("{rule} proposes nothing"));
        let proposed = serde_json::from_str(&proposed).unwrap_or(Value::String(proposed));
        let mut place = &mut object;
        for part in field.split('/').skip(1) {
            place = match part.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[part],
            };
        }
        *place = proposed;
    }
    assert_eq!(found(object), []);
}

#[test]
fn settings_that_name_no_standard_are_refused() {
    for wrong in [
        json!({"level": "strict"}),
        json!({"level": "Restricted"}),
        json!({"version": "1.34"}),
        json!({"version": "v1.34.1"}),
        json!({"version": 1.34}),
        json!({"warn": "restricted"}),
        json!({"exempt": [{"rules": ["privileged"]}]}),
    ] {
        assert!(
            serde_json::from_value::<Settings>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}
