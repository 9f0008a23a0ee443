//! What the API server would make of a step, without doing it.

use kube::api::{Patch, PatchParams, ValidationDirective};
use serde_json::Value;

use crate::manifest::Finding;
use crate::plan::Step;

use super::apply::{failure, managers_in_conflict, rival};
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

impl Cluster {
    /// Sends a step as [`Cluster::apply`] would, for a dry run: admission is heard and defaults are
    /// filled in, and nothing is kept. The inventory does not hear of it. A refusal is a finding.
    pub async fn dry_run(
        &self,
        step: &Step,
        field_manager: &str,
    ) -> Result<Result<DryRun, Box<Finding>>, ClusterError> {
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
                Ok(Err(Box::new(failure(step, &error))))
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
