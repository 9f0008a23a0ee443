//! YAML as Trimtab reads it, against kubectl's own reader; and variables, against Flux's.

mod oracle;
mod substitution;
mod traps;

use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use trimtab::manifest::{Limits, read, write_yaml};

use oracle::{Oracle, same};

const HEAD: &str = "apiVersion: v1\nkind: X\nmetadata: {name: web}\n";

/// What Trimtab makes of a text: objects, or its errors.
fn ours(text: &[u8]) -> Result<Vec<Value>, String> {
    read("a.yaml", text, &Limits::default())
        .map(|manifests| {
            manifests
                .into_iter()
                .map(|manifest| manifest.object)
                .collect()
        })
        .map_err(|errors| {
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        })
}

/// `None` if both readers agree.
fn difference(oracle: &mut Oracle, text: &[u8]) -> Option<String> {
    let shown = String::from_utf8_lossy(text).into_owned();
    match (ours(text), oracle.read(text)) {
        (Ok(ours), Ok(theirs))
            if same(&Value::from(ours.clone()), &Value::from(theirs.clone())) =>
        {
            None
        }
        (Err(_), Err(_)) => None,
        (ours, theirs) => Some(format!(
            "{shown:?}\n  ours:   {ours:?}\n  theirs: {theirs:?}"
        )),
    }
}

#[test]
fn every_trap_is_read_as_kubectl_reads_it() {
    let mut oracle = Oracle::start();
    let mut cases: Vec<String> = traps::values()
        .iter()
        .map(|value| format!("{HEAD}v: {value}\n"))
        .collect();
    cases.extend(
        traps::keys()
            .iter()
            .map(|key| format!("{HEAD}v:\n  {key}: 1\n")),
    );
    cases.extend(traps::documents().iter().map(|text| (*text).to_owned()));
    assert!(cases.len() >= 250, "{} traps", cases.len());
    let differences: Vec<String> = cases
        .iter()
        .filter_map(|text| difference(&mut oracle, text.as_bytes()))
        .collect();
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
}

#[test]
fn what_is_refused_on_purpose_is_what_the_documentation_says() {
    let mut oracle = Oracle::start();
    for text in traps::stricter() {
        assert!(
            oracle.read(text.as_bytes()).is_ok(),
            "kubectl takes {text:?}"
        );
        assert!(ours(text.as_bytes()).is_err(), "Trimtab refuses {text:?}");
    }
}

fn agree(strategy: impl Strategy<Value = String>, cases: u32) {
    let oracle = Mutex::new(Oracle::start());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let agreed = runner.run(&strategy, |text| {
        let mut oracle = oracle.lock().expect("one thread");
        match difference(&mut oracle, text.as_bytes()) {
            None => Ok(()),
            Some(difference) => Err(TestCaseError::fail(difference)),
        }
    });
    if let Err(error) = agreed {
        panic!("{error}");
    }
}

#[test]
fn generated_plain_scalars_agree() {
    let scalar = prop_oneof![
        "[-+0-9._eExXob]{1,8}",
        "[yYnNtTfFoO~a-z]{1,5}",
        "[-+]?[0-9]{1,22}",
        "[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}",
        "[-+0-9:.=<>~_a-zA-Z]{1,10}"
    ];
    agree(scalar.prop_map(|text| format!("{HEAD}v: {text}\n")), 3000);
}

/// A value and how it may be written in flow style.
fn flow() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[-+0-9._eE]{1,6}",
        "[a-zA-Z~]{1,6}",
        "\"[ a-zA-Z0-9é☺:#-]{0,8}\"",
        "'[ a-z0-9:#\"]{0,8}'",
        Just("null".to_owned()),
        Just("".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map("[a-m]{1,4}", inner, 1..4).prop_map(|map| {
                let fields: Vec<String> = map
                    .iter()
                    .map(|(key, value)| format!("k{key}: {value}"))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }),
        ]
    })
}

#[test]
fn generated_documents_agree() {
    let comment = prop_oneof![Just(""), Just(" # a comment"), Just("\n\n")];
    let document = (
        prop::collection::vec((flow(), comment), 1..5),
        prop_oneof![Just("\n"), Just("\r\n")],
        any::<bool>(),
    );
    let text = document.prop_map(|(values, ending, split)| {
        let mut text = HEAD.to_owned();
        for (index, (value, comment)) in values.iter().enumerate() {
            text.push_str(&format!(
                "f{index}: &a{index} {value}{comment}\ng{index}: *a{index}\n"
            ));
        }
        if split {
            text = format!("{text}--- # next\n{HEAD}");
        }
        text.replace('\n', ending)
    });
    agree(text, 1500);
}

/// Any JSON value, biased to texts that YAML would read as something else.
fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[-+0-9._eE:]{0,8}",
        "(yes|no|on|off|y|n|null|~|true|=|<<)",
        "[ -~]{0,12}",
        "[a-z\n ]{0,20}",
        "\\PC{0,8}",
        "[\u{1}-\u{20}\u{7f}-\u{a0}\u{2028}\u{feff}a]{0,4}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6f64..1e6).prop_map(|value| Value::from(value + 0.5)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[ -~]{1,8}", inner, 0..5).prop_map(Value::from_iter),
        ]
    })
}

#[test]
fn what_is_written_is_what_kubectl_reads_back() {
    let oracle = Mutex::new(Oracle::start());
    let mut runner = TestRunner::new(Config {
        cases: 1500,
        failure_persistence: None,
        ..Config::default()
    });
    let agreed = runner.run(&json(), |value| {
        let object = serde_json::json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "web"}, "v": value});
        let text = write_yaml([&object]);
        let read = oracle.lock().expect("one thread").read(text.as_bytes());
        match &read {
            Ok(objects) if objects.len() == 1 && same(&objects[0], &object) => Ok(()),
            other => Err(TestCaseError::fail(format!("{text}\n{other:?}"))),
        }
    });
    if let Err(error) = agreed {
        panic!("{error}");
    }
}
