//! The SDKs' own tests, in their own languages.

use std::process::Command;

use trimtab_harness::root;

use super::written::needs;
use crate::text;

#[test]
fn javascript_passes_its_own_tests() {
    needs("node");
    let tested = Command::new("node")
        .current_dir(root().join("plugins/sdk/javascript"))
        .args(["--test", "tests/"])
        .output()
        .expect("node runs");
    let printed = text(&tested.stdout);
    assert!(tested.status.success(), "{printed}");
    assert!(!printed.contains("\n# tests 0\n"), "{printed}");
}

#[test]
fn python_passes_its_own_tests() {
    needs("python3");
    let tested = Command::new("python3")
        .current_dir(root().join("plugins/sdk/python"))
        .env("PYTHONPATH", ".")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-m", "unittest", "discover", "-s", "tests"])
        .output()
        .expect("python3 runs");
    let told = text(&tested.stderr);
    assert!(tested.status.success(), "{told}");
    assert!(!told.contains("Ran 0 tests"), "{told}");
}
