//! Questions to the host that runs, by the command line and the host's own socket.

use std::process::Command;

use serde_json::Value;

use crate::platform::Platform;

/// What a verb came to.
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Told {
    /// All that was printed.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

/// Asks the host of a platform. No kubeconfig is given.
pub fn ask(platform: &Platform, arguments: &[&str]) -> Told {
    let folder = platform.repository_file();
    let folder = folder.parent().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_trimtab"))
        .args(arguments)
        .arg("--socket")
        .arg(folder.join("cache/host.sock"))
        .env_remove("KUBECONFIG")
        .output()
        .expect("trimtab runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told {
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// The same, with the answer as JSON.
pub fn ask_json(platform: &Platform, arguments: &[&str]) -> (Option<i32>, Value) {
    let told = ask(platform, &[arguments, &["--output", "json"]].concat());
    (told.code, told.json())
}

/// What is recorded of a kit, or of the Repository itself, oldest first.
pub fn recorded(platform: &Platform, kit: Option<&str>) -> Vec<Value> {
    let arguments: Vec<&str> = ["history"].into_iter().chain(kit).collect();
    let (code, page) = ask_json(platform, &arguments);
    assert_eq!(code, Some(0), "{page}");
    let mut records = page["records"].as_array().expect("records").clone();
    records.retain(|it| it["kit"].as_str() == kit);
    records.reverse();
    records
}

/// Why, what came of it, and the revision.
pub fn told(record: &Value) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let revision = text(&record["revision"]["id"]);
    (text(&record["cause"]), text(&record["outcome"]), revision)
}
