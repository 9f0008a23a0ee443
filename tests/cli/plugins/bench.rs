//! `trimtab plugin bench`.

use serde_json::Value;

use super::component;
use crate::{folder, text, trimtab};

#[test]
fn every_case_is_measured_cold_and_warm() {
    let object = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n";
    let folder = folder(&[("cases/plain/input.yaml", object)]);
    let component = component("port-policy");
    let path = component.to_str().expect("UTF-8");
    let arguments = ["plugin", "bench", "--runs", "3", "--component", path];
    let measured = trimtab(folder.path(), &arguments);
    assert_eq!(
        measured.status.code(),
        Some(0),
        "{}",
        text(&measured.stderr)
    );
    let printed = text(&measured.stdout);
    assert!(printed.starts_with("case "), "{printed}");
    assert!(printed.contains("\nplain "), "{printed}");

    let measured = trimtab(folder.path(), &[&arguments[..], &["-o", "json"]].concat());
    let told: Value = serde_json::from_slice(&measured.stdout).expect("JSON");
    let case = &told["cases"][0];
    assert!(case["fuel"].as_u64().is_some_and(|fuel| fuel > 0), "{told}");
    for time in ["coldMicroseconds", "warmMicroseconds", "ratio"] {
        assert!(case[time].as_f64().is_some_and(|it| it > 0.0), "{told}");
    }
}
