//! kubectl's reader, as a process that answers questions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use trimtab_harness::go;

pub struct Oracle(go::Oracle);

impl Oracle {
    pub fn start() -> Self {
        let folder = "tests/control-plane";
        Self(go::Oracle::start(
            folder,
            "./cmd/yaml-oracle",
            "yaml-oracle",
            &[],
        ))
    }

    pub fn read(&mut self, text: &[u8]) -> Result<Vec<Value>, String> {
        let line = self.0.ask(STANDARD.encode(text));
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        match answer["error"].as_str() {
            Some("") => Ok(answer["objects"].as_array().cloned().unwrap_or_default()),
            error => Err(error.unwrap_or_default().to_owned()),
        }
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
