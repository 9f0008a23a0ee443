//! What the API server would make of a step, without doing it.

use kube::api::{Patch, PatchParams, ValidationDirective};
use serde_json::Value;

use crate::manifest::Finding;
use crate::plan::Step;

use super::apply::failure;
use super::conflicts::{managers_in_conflict, rival};
use super::connect::WRITE_DEADLINE;
use super::{Cluster, ClusterError};

/// What a step would come to. Objects are as the API server has them, and may be Secrets.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// What is live now.
    pub before: Option<Value>,
    pub after: Value,
    /// Field managers that fields would be taken back from.
    pub rivals: Vec<String>,
}

/// Why nothing came of a dry run.
#[derive(Clone, Debug)]
pub enum NoDryRun {
    /// It would be refused.
    Refused(Box<Finding>),
    /// It cannot be told: why, and what to do.
    Unsupported(String),
}

/// The admission webhook that takes no dry run, if that is why. Its configuration says so itself, and
/// the API server asks it nothing then.
fn unsupported(error: &ClusterError) -> Option<String> {
    let ClusterError::Refused { message, .. } = error else {
        return None;
    };
    let (before, _) = message.split_once(" does not support dry run")?;
    let (_, named) = before.rsplit_once("admission webhook ")?;
    let named = named.trim_matches('"');
    Some(format!(
        "cannot be told: the admission webhook {named} takes no dry run; its configuration must say `sideEffects: None` or `NoneOnDryRun`, if that is true of it"
    ))
}

impl Cluster {
    /// Sends a step as [`Cluster::apply`] would, for a dry run: admission is heard and defaults are
    /// filled in, and nothing is kept. The inventory does not hear of it. A refusal is a finding.
    pub async fn dry_run(
        &self,
        step: &Step,
        field_manager: &str,
    ) -> Result<Result<DryRun, NoDryRun>, ClusterError> {
        let namespace = step.key.namespace.as_deref();
        let before = self.live(&step.gvk, namespace, &step.key.name).await?;
        let manager = match step.owner {
            Some(_) => field_manager,
            None => "trimtab",
        };
        // The door must not take it for somebody else's change.
        let _writing = self.writing.begin(&step.key, self.account.as_ref());
        let mut rivals = Vec::new();
        let tried = match self
            .try_step(step, manager, step.takes_from.is_some())
            .await
        {
            Err(error) if error.is_conflict() => match rival(&error, manager) {
                // What a kit that gave it up has left is taken over before the apply.
                Some(refusal) if step.takes_from.is_none() => Err(refusal),
                _ => {
                    rivals = managers_in_conflict(&error);
                    self.try_step(step, manager, true).await
                }
            },
            other => other,
        };
        match tried {
            Ok(after) => Ok(Ok(DryRun {
                before,
                after,
                rivals,
            })),
            Err(error @ ClusterError::Refused { code, .. }) if code != 429 && code < 500 => {
                let refused = || NoDryRun::Refused(Box::new(failure(step, &error)));
                Ok(Err(
                    unsupported(&error).map_or_else(refused, NoDryRun::Unsupported)
                ))
            }
            Err(error) => Err(error),
        }
    }

    async fn try_step(
        &self,
        step: &Step,
        manager: &str,
        force: bool,
    ) -> Result<Value, ClusterError> {
        let (api, _) = self.api_of(step)?;
        let params = PatchParams {
            dry_run: true,
            force,
            field_manager: Some(manager.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
        };
        let patch = Patch::Apply(&step.body);
        let sent = api.patch(&step.key.name, &params, &patch);
        let answer = tokio::time::timeout(WRITE_DEADLINE, sent).await;
        let answer = answer.map_err(|_| ClusterError::TimedOut(WRITE_DEADLINE.as_secs()))?;
        serde_json::to_value(answer?).map_err(|error| ClusterError::Unreadable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(message: &str) -> ClusterError {
        ClusterError::Refused {
            code: 400,
            reason: "BadRequest".into(),
            message: message.into(),
            causes: Vec::new(),
        }
    }

    #[test]
    fn a_webhook_that_takes_no_dry_run_has_refused_nothing() {
        // As k8s.io/apiserver's NewDryRunUnsupportedErr says it.
        let words = r#"admission webhook "quota.example.org" does not support dry run"#;
        let told = unsupported(&answered(words)).expect("it is no refusal");
        let expected = "cannot be told: the admission webhook quota.example.org takes no dry run;";
        assert!(told.starts_with(expected), "{told}");
        let words = r#"admission webhook "quota.example.org" denied the request: too many"#;
        assert_eq!(unsupported(&answered(words)), None);
    }
}
