//! What a Namespace's labels ask of its Pods, as the API server reads them.

use serde_json::Value;
use trimtab_plugin::Object;

use crate::pod::text;
use crate::standard::{Level, Standard, Version};

const MODES: [&str; 3] = ["enforce", "warn", "audit"];

fn label(mode: &str) -> String {
    format!("pod-security.kubernetes.io/{mode}")
}

/// Standards that a Namespace asks for.
pub struct Asked {
    pub enforced: Option<Standard>,
    pub warned: Option<Standard>,
}

impl Asked {
    pub fn by(namespace: &Object) -> Self {
        let labels = namespace.at("/metadata/labels");
        // What is no level is `restricted` where it is enforced; where it is told, it is nothing.
        let standard = |mode: &str, otherwise: Level| {
            let level = text(labels.get(label(mode))?);
            let version = labels.get(label(&format!("{mode}-version")));
            let version = version.and_then(|it| Version::parse(text(it)));
            Some(Standard {
                level: Level::parse(level).unwrap_or(otherwise),
                version: version.unwrap_or_default(),
            })
        };
        Self {
            enforced: standard("enforce", Level::Restricted),
            warned: standard("warn", Level::Privileged),
        }
    }
}

/// Labels that the API server refuses, as pointers with what is wrong.
pub fn refused(namespace: &Object) -> Vec<(String, String)> {
    let labels = namespace.at("/metadata/labels");
    let mut found = Vec::new();
    for mode in MODES {
        let mut look = |key: String, fine: fn(&str) -> bool, wanted: &str| {
            let value = labels.get(&key).unwrap_or(&Value::Null);
            if !labels.get(&key).is_none_or(|it| fine(text(it))) {
                let pointer = format!("/metadata/labels/{}", key.replace('/', "~1"));
                found.push((
                    pointer,
                    format!("the label {key} is {value}, which the API server refuses; it takes {wanted}"),
                ));
            }
        };
        let is_level = |value: &str| Level::parse(value).is_some();
        look(label(mode), is_level, "privileged, baseline and restricted");
        let is_version = |value: &str| Version::parse(value).is_some();
        let key = label(&format!("{mode}-version"));
        look(key, is_version, "latest, or v1. and a number");
    }
    found
}
