//! Carrying out a plan by server-side apply.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::Api;
use kube::api::{Patch, PatchParams, ValidationDirective};
use kube::core::ApiResource;
use kube::runtime::wait::{await_condition, conditions};

use crate::manifest::{Finding, ObjectKey, Scope};
use crate::plan::{PART_OF_LABEL, Plan, Reason, SetId, Stage, Step};

use super::conflicts::{managers_in_conflict, rival};
use super::connect::WRITE_DEADLINE;
use super::managed_fields::{ObjectApi, absorbed, is_applied_by, is_kit, is_tool, rewrite};
use super::seen::{Seen, metadata_is_enough};
use super::{Cluster, ClusterError};

/// How long a new CRD may take until it is served.
const ESTABLISHED_DEADLINE: Duration = Duration::from_secs(30);
/// Tries of one object, with 0.1, 0.2, 0.4 … s between them.
const TRIES: u32 = 5;

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is sent as soon as there is a turn for it, and may be taken from now on.
    Begun,
    Taken,
    Refused,
}

/// What became of a plan.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Objects that were sent and taken.
    pub changed: usize,
    /// Objects of which fields were taken back from other field managers, and their names.
    pub overridden: Vec<(ObjectKey, Vec<String>)>,
    /// Each object that was not taken, and why. The others were: applying goes on past an error
    /// within a stage, so that all errors are known at once, but no later stage is begun.
    pub failures: Vec<Finding>,
}

impl Cluster {
    /// Sends every step that is for now, stage by stage, and tells of each what becomes of it.
    /// Dropping the future stops it between requests.
    pub async fn apply(
        &self,
        plan: &Plan,
        field_manager: &str,
        told: &(dyn Fn(&Step, Progress) + Send + Sync),
    ) -> Applied {
        let mut applied = Applied::default();
        for steps in plan.now().chunk_by(|a, b| a.stage == b.stage) {
            let mut results = FuturesUnordered::new();
            for step in steps {
                told(step, Progress::Begun);
                results.push(self.send_named(step, field_manager));
            }
            while let Some((step, result)) = results.next().await {
                match result {
                    Ok(rivals) => {
                        applied.changed += 1;
                        told(step, Progress::Taken);
                        if !rivals.is_empty() {
                            applied.overridden.push((step.key.clone(), rivals));
                        }
                    }
                    Err(error) => {
                        told(step, Progress::Refused);
                        applied.failures.push(failure(step, &error));
                    }
                }
            }
            drop(results);
            let defined = steps.iter().filter(|it| it.stage == Stage::Definitions);
            if applied.failures.is_empty() {
                applied.failures.extend(self.established(defined).await);
            }
            if !applied.failures.is_empty() {
                break;
            }
        }
        applied.failures.sort_by(|a, b| a.object.cmp(&b.object));
        applied
    }

    async fn send_named<'s>(
        &self,
        step: &'s Step,
        manager: &str,
    ) -> (&'s Step, Result<Vec<String>, ClusterError>) {
        (step, self.send(step, manager).await)
    }

    /// Gives the field managers that fields were taken back from.
    async fn send(&self, step: &Step, field_manager: &str) -> Result<Vec<String>, ClusterError> {
        let manager = if step.owner.is_some() {
            field_manager
        } else {
            "trimtab"
        };
        let sending = self.watched.sending(&step.key);
        let _writing = self.writing.begin(&step.key, self.account.as_ref());
        let result = self.send_until_answered(step, manager).await;
        sending.answered();
        result
    }

    async fn send_until_answered(
        &self,
        step: &Step,
        manager: &str,
    ) -> Result<Vec<String>, ClusterError> {
        self.take_over(step, manager).await?;
        let mut tries = 0;
        let mut rivals = Vec::new();
        let seen = loop {
            tries += 1;
            let result = match self.patch(step, manager, false).await {
                Err(error) if error.is_conflict() => match rival(&error, manager) {
                    Some(_) if self.takes_leftovers(step, manager).await? => {
                        self.patch(step, manager, false).await
                    }
                    Some(refusal) => Err(refusal),
                    None => {
                        rivals = managers_in_conflict(&error);
                        self.patch(step, manager, true).await
                    }
                },
                other => other,
            };
            let result = match result {
                Err(error) if error.is_invalid() => {
                    let Some(cleared) = self.clear_the_way(step, manager, &error).await? else {
                        return Err(error);
                    };
                    let again = self.patch(step, manager, true).await;
                    if again.is_err() {
                        self.give_back(step, &cleared).await?;
                    }
                    rivals.extend(cleared.from);
                    again
                }
                other => other,
            };
            match result {
                Ok(seen) => break seen,
                Err(error) if tries < TRIES && may_pass_soon(&error) => {
                    tracing::debug!(object = %step.key, %error, tries, "will be tried again");
                    tokio::time::sleep(pause(tries)).await;
                }
                Err(error) => return Err(error),
            }
        };
        let managers = &seen.metadata.managed_fields;
        let seen = match step.reason {
            Reason::NotInInventory if managers.iter().flatten().any(is_tool) => {
                self.adopt(step, manager).await?
            }
            _ => seen,
        };
        match &step.owner {
            Some(_) => self.watched.applied(step, &seen),
            None => self.watched.made_namespace(&step.key.name, &seen.metadata),
        }
        tracing::debug!(object = %step.key, reason = ?step.reason, "applied");
        Ok(rivals)
    }

    /// Makes the fields of the kit that had the object until now this kit's own.
    async fn take_over(&self, step: &Step, manager: &str) -> Result<(), ClusterError> {
        let (Some(from), Some(api)) = (&step.takes_from, self.object_api(&step.key)) else {
            return Ok(());
        };
        let renamed = |metadata: &ObjectMeta| {
            let entries = metadata.managed_fields.as_deref().unwrap_or_default();
            let theirs = |entry: &ManagedFieldsEntry| is_applied_by(entry, from);
            entries
                .iter()
                .any(theirs)
                .then(|| absorbed(entries, theirs, manager))
        };
        rewrite(&api, &step.key.name, &[], renamed).await?;
        Ok(())
    }

    /// Takes what a hand-over that was cut off left with a kit that did not come to have the
    /// object: whose it is, its label says. False if it is another's, or nothing is left.
    async fn takes_leftovers(&self, step: &Step, manager: &str) -> Result<bool, ClusterError> {
        let (Some(own), Some(api)) = (&step.owner, self.object_api(&step.key)) else {
            return Ok(false);
        };
        let taken = AtomicBool::new(false);
        let absorbed = |metadata: &ObjectMeta| {
            let label = metadata.labels.as_ref()?.get(PART_OF_LABEL)?;
            let owner = SetId::from_label(label);
            let handed = matches!(&step.reason, Reason::HandedOver { from } if *from == owner);
            let entries = metadata.managed_fields.as_deref().unwrap_or_default();
            let left = |entry: &ManagedFieldsEntry| {
                let by = entry.manager.as_deref().unwrap_or_default();
                is_kit(by) && by != manager && is_applied_by(entry, by)
            };
            let take = (owner == *own || handed) && entries.iter().any(left);
            taken.store(take, Ordering::Relaxed);
            take.then(|| absorbed(entries, left, manager))
        };
        rewrite(&api, &step.key.name, &[], absorbed).await?;
        Ok(taken.into_inner())
    }

    /// Makes what other tools set on an object the kit's, and applies once more: what the manifest
    /// does not have goes.
    async fn adopt(&self, step: &Step, manager: &str) -> Result<Seen, ClusterError> {
        if let Some(api) = self.object_api(&step.key) {
            let absorbed = |metadata: &ObjectMeta| {
                let entries = metadata.managed_fields.as_deref().unwrap_or_default();
                Some(absorbed(entries, is_tool, manager))
            };
            rewrite(&api, &step.key.name, &[], absorbed).await?;
        }
        self.patch(step, manager, true).await
    }

    /// What of these steps is there already, and is no kit's.
    pub async fn found(&self, plan: &Plan) -> Result<Vec<(ObjectKey, ObjectMeta)>, ClusterError> {
        let steps = plan.steps.iter();
        let mut found = Vec::new();
        for step in steps.filter(|step| step.reason == Reason::NotInInventory) {
            if let Some(api) = self.object_api(&step.key)
                && let Some(live) = api.get_metadata_opt(&step.key.name).await?
            {
                found.push((step.key.clone(), live.metadata));
            }
        }
        Ok(found)
    }

    async fn patch(&self, step: &Step, manager: &str, force: bool) -> Result<Seen, ClusterError> {
        let (api, resource) = self.api_of(step)?;
        let params = PatchParams {
            force,
            field_manager: Some(manager.to_owned()),
            // A field that the schema does not have is a typing error, not a wish.
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        let patch = Patch::Apply(&step.body);
        let name = &step.key.name;
        let write = tokio::time::timeout(WRITE_DEADLINE, async {
            if metadata_is_enough(&resource) {
                let answer = api.patch_metadata(name, &params, &patch).await?;
                return Ok(Seen::of_metadata(answer));
            }
            let answer = api.patch(name, &params, &patch).await?;
            Ok(Seen::of_object(
                answer,
                &resource,
                self.watched.health_rules(),
            ))
        });
        match self.writes.take(write).await {
            Ok(answer) => answer,
            Err(_) => Err(ClusterError::TimedOut(WRITE_DEADLINE.as_secs())),
        }
    }

    /// Where a step is sent, and as whom.
    pub(super) fn api_of(&self, step: &Step) -> Result<(ObjectApi, ApiResource), ClusterError> {
        let Some((resource, scope)) = self.kinds.get(&step.gvk) else {
            return Err(ClusterError::Refused {
                code: 404,
                reason: "NotServed".into(),
                message: format!(
                    "the cluster does not serve {} {}",
                    step.gvk.api_version(),
                    step.gvk.kind
                ),
                causes: Vec::new(),
            });
        };
        // A namespace that the Repository has made for the kit is the host's to make.
        let client = match step.owner {
            Some(_) => self.acting.clone(),
            None => self.client.clone(),
        };
        let api = match (&step.key.namespace, scope) {
            (Some(namespace), Scope::Namespaced) => {
                Api::namespaced_with(client, namespace, &resource)
            }
            _ => Api::all_with(client, &resource),
        };
        Ok((api, resource))
    }

    /// Waits until the CRDs among the steps are served.
    async fn established(&self, steps: impl Iterator<Item = &Step>) -> Vec<Finding> {
        let mut failures = Vec::new();
        for step in steps.filter(|step| &*step.key.group_kind.kind == "CustomResourceDefinition") {
            let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
            let served = await_condition(api, &step.key.name, conditions::is_crd_established());
            if matches!(
                tokio::time::timeout(ESTABLISHED_DEADLINE, served).await,
                Ok(Ok(_))
            ) {
                self.kinds.define(&step.body);
            } else {
                let reason = format!("not established after {} s", ESTABLISHED_DEADLINE.as_secs());
                failures.push(failure(step, &ClusterError::Unreachable(reason)));
            }
        }
        failures
    }
}

/// Between one try and the next: 0.1, 0.2, 0.4 … s.
pub(super) fn pause(tries: u32) -> Duration {
    Duration::from_millis(100 << tries.saturating_sub(1).min(10))
}

/// A kind that was just defined is not served at once, and a namespace that was just made may not
/// be known to every admission plugin yet.
fn may_pass_soon(error: &ClusterError) -> bool {
    let young =
        matches!(error, ClusterError::Refused { code: 404, reason, .. } if reason != "NotServed");
    error.is_passing() || young
}

pub(super) fn failure(step: &Step, error: &ClusterError) -> Finding {
    let (rule, hint) = match error {
        ClusterError::Refused { reason, .. } if reason == "OwnedByAnotherKit" => (
            "owned-by-another-kit",
            "remove it from one of the two, or give it another name",
        ),
        ClusterError::Refused { code: 403, .. } => (
            "apply-forbidden",
            "the account that the kit acts as, or the host's, needs this right; or an admission rule forbids it",
        ),
        ClusterError::Refused {
            code: 400 | 422, ..
        } => (
            "apply-invalid",
            "mend the object if its API refuses it as it is; it will be tried again, more and more slowly",
        ),
        _ => ("apply-failed", "it will be tried again"),
    };
    let mut finding = Finding::host_error(rule, message(step, error))
        .about(step.key.clone())
        .hint(hint);
    if step.origin.line > 0 {
        finding = finding.at(step.origin.clone());
    }
    finding
}

/// The API server's message; for a Secret only its first words, for messages quote values.
fn message(step: &Step, error: &ClusterError) -> String {
    if step.key.group_kind.group.is_empty() && &*step.key.group_kind.kind == "Secret" {
        let reason = match error {
            ClusterError::Refused { reason, .. } => reason.clone(),
            other => other.to_string(),
        };
        return format!(
            "{} was not taken: {reason} (details withheld: it is a Secret)",
            step.key
        );
    }
    format!("{} was not taken: {error}", step.key)
}
