//! The rules against the API server's own admission: the same checks forbid the same Pods, at every
//! version and level. Needs Go; what it is built from are the modules of the tests' control plane.

mod oracle;
mod pods;

use std::collections::BTreeMap;
use std::sync::Mutex;

use pod_security::PodSecurity;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use trimtab_plugin::run::{Call, KitCall, Text, from_yaml, validate};

use oracle::{Answer, Oracle, Rules};
use pods::{bases, put, slots};

const LEVELS: [&str; 2] = ["baseline", "restricted"];

/// All that there are, and some that are yet to come.
fn versions() -> Vec<String> {
    let numbered = (0..41).map(|minor| format!("v1.{minor}"));
    numbered.chain(["latest".to_owned()]).collect()
}

/// The rules that find something in a Pod.
fn ours(pod: &str, level: &str, version: &str) -> Rules {
    let settings = json!({"level": level, "version": version}).to_string();
    let call = KitCall {
        kit: "kits/a",
        namespace: "",
        allowed_namespaces: &[],
        cluster_scoped: false,
        platform: Call {
            settings: &settings,
            ..Call::default()
        },
    };
    let text = Text {
        kit: "",
        json: pod,
        path: "pod.yaml",
        line: 1,
    };
    let findings = validate::<PodSecurity>(call, [text].into_iter()).expect("a verdict");
    findings.into_iter().map(|finding| finding.rule).collect()
}

/// `None` if both judge alike at every level and version.
fn difference(answer: &Answer, pod: &Value) -> Option<String> {
    let text = pod.to_string();
    for level in LEVELS {
        for (index, version) in versions().iter().enumerate() {
            let theirs = answer.forbidden(level, index);
            let ours = ours(&text, level, version);
            if ours != theirs {
                return Some(format!(
                    "{level}:{version}: ours {ours:?}, theirs {theirs:?}: {text}"
                ));
            }
        }
    }
    None
}

fn agree(pods: impl IntoIterator<Item = Value>) -> usize {
    let mut oracle = Oracle::start(&versions());
    let pods: BTreeMap<String, Value> = pods.into_iter().map(|it| (it.to_string(), it)).collect();
    let differences: Vec<String> = pods
        .values()
        .filter_map(|pod| difference(&oracle.judge(pod), pod))
        .collect();
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        pods.len(),
        differences.join("\n")
    );
    pods.len()
}

#[test]
fn the_pods_that_the_api_servers_own_admission_is_tested_with_are_judged_alike() {
    let versions = versions();
    let mut oracle = Oracle::start(&versions);
    let mut judged: BTreeMap<String, Answer> = BTreeMap::new();
    let fixtures = oracle::fixtures();
    assert!(fixtures.len() >= 4000, "{} fixtures", fixtures.len());
    for (level, version, passes, yaml) in &fixtures {
        let mut pod = from_yaml("kits/a", yaml).remove(0).value;
        // Named by their number, many are the same from version to version.
        pod["metadata"]["name"] = json!("fixture");
        let answer = judged.entry(pod.to_string()).or_insert_with(|| {
            let answer = oracle.judge(&pod);
            assert_eq!(difference(&answer, &pod), None);
            answer
        });
        let index = versions.iter().position(|it| it == version);
        let index = index.expect("a version that is judged");
        let forbidden = answer.forbidden(level, index);
        assert_eq!(forbidden.is_empty(), *passes, "{level}:{version}: {yaml}");
    }
    assert!(judged.len() >= 150, "{} different ones", judged.len());
}

#[test]
fn every_value_of_every_field_is_judged_alike_in_each_sort_of_pod() {
    let mut pods = bases();
    for base in bases() {
        for slot in slots() {
            for value in &slot.values {
                let mut pod = base.clone();
                put(&mut pod, &slot.pointer, value);
                pods.push(pod);
            }
        }
    }
    let judged = agree(pods);
    assert!(judged >= 3000, "{judged} Pods");
}

/// Fields that say together what holds: the Pod's for containers that have none, and what excuses.
const TOGETHER: [(&str, &[&str]); 3] = [
    (
        "runAsNonRoot",
        &["/spec/hostUsers", "/spec/securityContext/runAsNonRoot"],
    ),
    (
        "seccompProfile",
        &["/spec/os", "/spec/securityContext/seccompProfile"],
    ),
    ("ports", &["/spec/hostNetwork"]),
];

#[test]
fn fields_that_decide_together_are_judged_alike_in_all_combinations() {
    let mut pods = Vec::new();
    for (field, others) in TOGETHER {
        let of_containers = |pointer: &str| {
            let places = ["/spec/containers/0/", "/spec/containers/1/"];
            pointer.ends_with(field) && places.iter().any(|it| pointer.starts_with(it))
        };
        let mut combined = vec![pods::restricted()];
        for slot in slots() {
            let (own, other) = (
                of_containers(&slot.pointer),
                others.contains(&&*slot.pointer),
            );
            if !own && !other {
                continue;
            }
            let changed = combined.iter().flat_map(|pod| {
                slot.values.iter().map(|value| {
                    let mut pod = pod.clone();
                    put(&mut pod, &slot.pointer, value);
                    pod
                })
            });
            combined = changed.collect();
        }
        pods.extend(combined);
    }
    let judged = agree(pods);
    assert!(judged >= 1000, "{judged} Pods");
}

#[test]
fn pods_with_many_odd_fields_are_judged_alike() {
    let (bases, slots) = (bases(), slots());
    let oracle = Mutex::new(Oracle::start(&versions()));
    let mut runner = TestRunner::new(Config {
        cases: 1500,
        failure_persistence: None,
        ..Config::default()
    });
    let some = prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 1..12);
    let agreed = runner.run(&(any::<prop::sample::Index>(), some), |(base, some)| {
        let mut pod = base.get(&bases).clone();
        for (slot, value) in some {
            let slot = slot.get(&slots);
            put(&mut pod, &slot.pointer, value.get(&slot.values));
        }
        let answer = oracle.lock().expect("one thread").judge(&pod);
        match difference(&answer, &pod) {
            None => Ok(()),
            Some(difference) => Err(TestCaseError::fail(difference)),
        }
    });
    if let Err(error) = agreed {
        panic!("{error}");
    }
}
