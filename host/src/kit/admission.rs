//! How direct changes to objects in kits' namespaces are judged at the API server's door.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API server gives no webhook more.
const LONGEST: u32 = 30;

/// What the API server does with a change that could not be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailurePolicy {
    /// It is refused.
    #[default]
    Fail,
    /// It is let through.
    Ignore,
}

/// What is made of errors of guardrails at the door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DoorEnforcement {
    /// The change is refused.
    #[default]
    Deny,
    /// It is let through with a warning.
    Warn,
}

/// How direct changes are judged, by a host that runs with `--admission`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AdmissionPolicy {
    pub failure_policy: FailurePolicy,
    /// How long the API server waits for a verdict.
    #[schemars(with = "i32", range(min = 1, max = 30))]
    pub timeout_seconds: u32,
    pub enforce: DoorEnforcement,
}

impl Default for AdmissionPolicy {
    fn default() -> Self {
        Self {
            failure_policy: FailurePolicy::default(),
            timeout_seconds: 5,
            enforce: DoorEnforcement::default(),
        }
    }
}

impl AdmissionPolicy {
    /// How long a verdict may take: the answer that there is none must come before the API server
    /// gives up.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_seconds) * 800)
    }

    pub(super) fn fault(&self) -> Option<String> {
        let fits = (1..=LONGEST).contains(&self.timeout_seconds);
        (!fits).then(|| {
            format!(
                "spec.admission.timeoutSeconds is {}, but the API server takes 1 to {LONGEST}",
                self.timeout_seconds
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_of_a_verdict_is_before_the_api_servers_own() {
        for timeout_seconds in [1, 5, 30] {
            let policy = AdmissionPolicy {
                timeout_seconds,
                ..AdmissionPolicy::default()
            };
            let timeout = Duration::from_secs(u64::from(timeout_seconds));
            assert!(timeout - policy.deadline() >= Duration::from_millis(200));
            assert_eq!(policy.fault(), None);
        }
    }
}
