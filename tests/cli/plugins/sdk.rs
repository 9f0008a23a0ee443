//! The SDKs' own tests, in their own languages.

use std::process::Command;

use trimtab_harness::root;

use super::written::needs;
use crate::text;

#[test]
fn javascript_passes_its_own_tests() {
    needs("node");
    let sdk = root().join("plugins/sdk/javascript");
    // By name: which versions of Node.js look into a folder differs.
    let files = std::fs::read_dir(sdk.join("tests")).expect("tests");
    let files: Vec<_> = files
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".test.js"))
        .collect();
    assert!(!files.is_empty());
    let tested = Command::new("node")
        .current_dir(sdk)
        .arg("--test")
        .args(files)
        .output()
        .expect("node runs");
    let printed = text(&tested.stdout);
    assert!(tested.status.success(), "{printed}");
    assert!(!printed.contains(" tests 0\n"), "{printed}");
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
