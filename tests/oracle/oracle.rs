//! kubectl's reader, as a process that answers questions.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use trimtab_harness::root;

pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Builds it from tests/control-plane's modules, which Go does once.
    pub fn start() -> Self {
        let program = root().join("target/yaml-oracle");
        let built = Command::new("go")
            .current_dir(root().join("tests/control-plane"))
            .args(["build", "-buildvcs=false", "-o"])
            .arg(&program)
            .arg("./cmd/yaml-oracle")
            .status()
            .expect("go is there: the oracle is built with it");
        assert!(built.success(), "the oracle cannot be built");
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            input,
            output,
        }
    }

    pub fn read(&mut self, text: &[u8]) -> Result<Vec<Value>, String> {
        writeln!(self.input, "{}", STANDARD.encode(text)).expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        match answer["error"].as_str() {
            Some("") => Ok(answer["objects"].as_array().cloned().unwrap_or_default()),
            error => Err(error.unwrap_or_default().to_owned()),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Equal values; numbers by what they are worth, for 1 and 1.0 are one number to Kubernetes.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}
