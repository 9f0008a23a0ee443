//! The convention of conditions.

use serde_json::Value;

use super::Health;

/// A condition of an object's status: `Some(true)` only if it is there and True.
pub(super) fn condition<'o>(object: &'o Value, kind: &str) -> Option<&'o Value> {
    let all = object["status"]["conditions"].as_array()?;
    all.iter().find(|condition| condition["type"] == kind)
}

pub(super) fn is(object: &Value, kind: &str, status: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == status)
}

/// `Reason: message` of a condition, as far as it has them.
pub(super) fn words(condition: &Value) -> String {
    let text = |name: &str| condition[name].as_str().unwrap_or_default();
    match (text("reason"), text("message")) {
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

/// kstatus: `Stalled` and `Reconciling` are abnormal where they are True, `Ready` where it is not.
/// An object with none of them is current.
pub(super) fn conventional(object: &Value) -> Health {
    let holds = |kind: &str| condition(object, kind).filter(|it| it["status"] == "True");
    if let Some(stalled) = holds("Stalled") {
        return Health::Failed(words(stalled));
    }
    if let Some(reconciling) = holds("Reconciling") {
        return Health::Progressing(words(reconciling));
    }
    match condition(object, "Ready") {
        Some(ready) if ready["status"] != "True" => {
            let words = words(ready);
            Health::Progressing(if words.is_empty() {
                "it is not Ready".into()
            } else {
                words
            })
        }
        _ => Health::Current,
    }
}
