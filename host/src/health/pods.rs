//! Pods, and what their containers say.

use serde_json::Value;

use super::Health;
use super::conditions::{condition, words};

/// Bytes of a container's message that are worth showing.
const MESSAGE_LIMIT: usize = 300;
/// Why a container that waits will not start by itself, as far as can be told.
const STUCK: [&str; 8] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

pub(super) fn pod(object: &Value) -> Health {
    match object["status"]["phase"].as_str() {
        Some("Succeeded") => Health::Current,
        Some("Failed") => Health::Failed(words(&object["status"])),
        Some("Running") if condition(object, "Ready").is_some_and(|it| it["status"] == "True") => {
            Health::Current
        }
        _ => match trouble(object) {
            Some((message, true)) => Health::Failed(message),
            Some((message, false)) => Health::Progressing(message),
            None => Health::Progressing("it is not Ready yet".into()),
        },
    }
}

/// What is wrong with a Pod, in the words of its container or its scheduler, and whether that will
/// pass only if somebody does something.
pub fn trouble(pod: &Value) -> Option<(String, bool)> {
    let states = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .filter_map(|name| pod["status"][name].as_array())
        .flatten();
    for container in states {
        let name = container["name"].as_str().unwrap_or_default();
        if let Some(waiting) = container["state"].get("waiting") {
            let reason = waiting["reason"].as_str().unwrap_or_default();
            if STUCK.contains(&reason) {
                // The words of the last end say more than those of the pause before the next start.
                let last = &container["lastState"]["terminated"];
                let ended = last["exitCode"].as_i64().map(|code| {
                    format!(
                        "; its last run ended with exit code {code} ({})",
                        clipped(&words(last))
                    )
                });
                let text = format!(
                    "{name}: {}{}",
                    clipped(&words(waiting)),
                    ended.unwrap_or_default()
                );
                return Some((text, true));
            }
        }
        let code = container["state"]["terminated"]["exitCode"].as_i64();
        if let Some(code) = code.filter(|code| *code != 0) {
            let words = clipped(&words(&container["state"]["terminated"]));
            return Some((
                format!("{name}: ended with exit code {code} ({words})"),
                false,
            ));
        }
    }
    let unscheduled = condition(pod, "PodScheduled").filter(|it| it["status"] == "False")?;
    Some((clipped(&words(unscheduled)), false))
}

fn clipped(text: &str) -> String {
    if text.len() <= MESSAGE_LIMIT {
        return text.to_owned();
    }
    let end = (0..=MESSAGE_LIMIT)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    format!("{}…", &text[..end.unwrap_or_default()])
}
