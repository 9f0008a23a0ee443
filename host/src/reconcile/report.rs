//! What an attempt tells: the kit's object, its status, Events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource as _, ResourceExt as _};

use crate::cluster::ClusterError;
use serde_json::json;

use crate::kit::{DeletionPolicy, Kit, KitStatus, PATH_ANNOTATION, PRUNE_FINALIZER, Reports};
use crate::manifest::{Finding, GroupKind, Manifest, ObjectKey};
use crate::plan::parent_metadata;

use super::drift::told;
use super::kit::{Decision, Task};
use super::notable::events;
use super::outcome::Outcome;
use super::policy_report::{Reported, fingerprint, is_of};
use super::status::{Attempt, kit_note, kit_status};

impl Task {
    /// The kit's object, made if it is missing, with metadata that names every kind and namespace
    /// that the set has or is about to have: it is written before any member is.
    pub(super) async fn kit_object(
        &self,
        existing: Option<Arc<Kit>>,
        mut kinds: BTreeSet<GroupKind>,
        manifests: &[Manifest],
    ) -> Result<Arc<Kit>, ClusterError> {
        let namespace = self.namespace();
        let mut namespaces: BTreeSet<Arc<str>> = manifests
            .iter()
            .filter_map(|manifest| manifest.key().namespace)
            .collect();
        let set = self.set();
        self.shared.cluster.watched().read(|inventory| {
            for (key, _) in inventory.owned_by(&set) {
                kinds.insert(key.group_kind.clone());
                namespaces.extend(key.namespace.clone());
            }
        });
        namespaces.remove(&*namespace);
        let mut metadata = parent_metadata(&set, &kinds, &namespaces);
        metadata["annotations"][PATH_ANNOTATION] = self.verdict.kit.path.as_str().into();
        let policy = existing.as_ref().map(|kit| kit.spec.deletion_policy);
        metadata["finalizers"] = match policy {
            Some(DeletionPolicy::Prune) if !self.done_with(existing.as_deref()) => {
                json!([PRUNE_FINALIZER])
            }
            _ => json!([]),
        };
        let new = existing.is_none();
        if let Some(kit) = existing.filter(|kit| has_metadata(kit, &metadata)) {
            return Ok(kit);
        }
        let name = self.object_name();
        let kit = self
            .shared
            .cluster
            .put_kit(
                &namespace,
                &name,
                &self.repository.name_any(),
                &self.repository,
                &metadata,
                new,
            )
            .await?;
        self.shared.kits.put(kit.clone());
        let known = self.shared.kits.get(&namespace, &name);
        // Its status is what this host wrote last, if the answer has something else.
        Ok(known.unwrap_or_else(|| Arc::new(kit)))
    }

    pub(super) async fn report(
        &self,
        decision: Decision,
        existing: Option<Arc<Kit>>,
        took: Duration,
    ) -> Result<(), ClusterError> {
        let kit = match &decision.kit {
            Some(kit) => kit.clone(),
            // Its owner's label tells that the object is not this Repository's to write.
            None if self.foreign(existing.as_deref()).is_some() || self.gone => return Ok(()),
            None => self.kit_object(existing, BTreeSet::new(), &[]).await?,
        };
        if self.foreign(Some(&kit)).is_some() {
            return Ok(());
        }
        if decision.outcome == Outcome::Gone {
            self.shared.cluster.watched().forget_runs(&self.set());
            self.record(&decision, Some(&kit), None, took);
            return match self.deletes(&kit) {
                // The finalizer comes off, and the object goes.
                true => self
                    .kit_object(Some(kit), BTreeSet::new(), &[])
                    .await
                    .map(|_| ()),
                false => self.removed(&kit).await,
            };
        }
        let set = self.set();
        let attempt = self.attempt(&decision, &kit);
        let (before, mut after) = self.status_of(&attempt, &kit);
        self.record(&decision, Some(&kit), Some(&after), took);
        let drift = told(&before, &mut after, &decision.drifted);
        after.events = match self.has_webhooks() {
            true => events(
                &before,
                &after,
                drift.as_ref(),
                &jiff::Timestamp::now().to_string(),
            ),
            false => Vec::new(),
        };
        if decision.outcome != Outcome::Suspended {
            after.report = self.policy_report(&kit, &before, &decision.findings).await;
        }
        if !self.shared.kits.tells(&kit, &after) {
            return Ok(());
        }
        let (namespace, name) = (self.namespace(), self.object_name());
        let written = self
            .shared
            .cluster
            .put_kit_status(&namespace, &name, &after)
            .await?;
        let at = |status: &KitStatus| status.applied.as_ref()?.at.clone();
        if let Some(now) = at(&after).filter(|now| at(&before).as_ref() != Some(now)) {
            self.shared.ages.begin(set, &now);
        }
        if let Some(note) = drift {
            self.shared.cluster.publish(&reference(&kit), &note).await;
        }
        if let Some(note) = kit_note(&before, &after, &attempt) {
            self.shared.cluster.publish(&reference(&kit), &note).await;
        }
        self.shared.kits.taken(&after, written);
        Ok(())
    }

    pub(super) fn attempt<'d>(&'d self, decision: &'d Decision, kit: &'d Kit) -> Attempt<'d> {
        let set = self.set();
        let objects = self
            .shared
            .cluster
            .watched()
            .read(|inventory| inventory.owned_by(&set).count());
        let suspended = decision.outcome == Outcome::Suspended && kit.spec.reason.is_some();
        Attempt {
            outcome: &decision.outcome,
            commit: &self.commit,
            findings: &decision.findings,
            gone: self.gone,
            quarantine: self.quarantine.as_ref(),
            held: (self.verdict.pinned.is_some() || suspended).then_some(&kit.spec),
            inputs: self.verdict.kit.inputs.to_string(),
            digest: self.verdict.rendered.digest.to_string(),
            values: &self.verdict.kit.given.values,
            hooks: decision.hooks.as_deref(),
            objects,
            // An attempt that began before a person held the kit, or let it go, does not know it.
            generation: match self.verdict.pinned.as_ref().map(|it| &it.asked) {
                asked if asked == kit.spec.revision.as_ref() => kit.metadata.generation,
                _ => kit.status.as_ref().and_then(|it| it.observed_generation),
            },
        }
    }

    /// What the status said, with what is known of the kit now, and what it is to say.
    pub(super) fn status_of(&self, attempt: &Attempt<'_>, kit: &Kit) -> (KitStatus, KitStatus) {
        let mut before = kit.status.clone().unwrap_or_default();
        before.repository = self.repository.name_any();
        before.path = self.verdict.kit.path.to_string();
        let source = &self.verdict.kit;
        if !self.gone && (attempt.outcome.is_live() || before.applied.is_none()) {
            let prune = source.policy.prune.clone();
            before.prune = Some(prune).filter(|prune| !prune.is_default());
            let account = source.grants.service_account.as_ref();
            before.service_account = account.map(ToString::to_string);
            before.depends_on = source.depends_on.iter().map(ToString::to_string).collect();
        }
        let mut after = kit_status(&before, attempt, &jiff::Timestamp::now().to_string());
        after.held = self.pin();
        if let Some(hooks) = attempt.hooks {
            after.hooks = hooks.to_vec();
        }
        (before, after)
    }

    /// Writes the kit's report of findings if it says something else than the last one. Gives what
    /// the status is to say of it: what was written last, so that what failed is tried again.
    async fn policy_report(
        &self,
        kit: &Kit,
        before: &KitStatus,
        findings: &[Finding],
    ) -> Option<String> {
        let cluster = &self.shared.cluster;
        let (namespace, name) = (self.namespace(), self.object_name());
        let kind = self.repository.spec.reports.kind();
        let mut written = before.report.clone();
        let others = Reports::KINDS.iter().filter_map(|it| it.kind());
        for other in others.filter(|it| Some(it) != kind.as_ref()) {
            if written.as_deref().is_some_and(|it| is_of(it, &other)) {
                match cluster.delete_report(&other, &namespace, &name).await {
                    Ok(()) => written = None,
                    Err(error) => {
                        tracing::warn!(kit = %name, %error, "the report was not deleted");
                        return written;
                    }
                }
            }
        }
        let Some(kind) = kind else { return written };
        let reported = Reported {
            kind: &kind,
            kit,
            path: self.verdict.kit.path.as_str(),
            findings,
        };
        let versions: BTreeMap<ObjectKey, String> = self
            .verdict
            .rendered
            .manifests
            .iter()
            .map(|manifest| (manifest.key(), manifest.gvk().api_version()))
            .collect();
        let report = reported.report(|key| versions.get(key).cloned());
        let wanted = fingerprint(&kind, &report);
        if written.as_ref() == Some(&wanted) {
            return written;
        }
        match cluster.put_report(&kind, &namespace, &name, &report).await {
            Ok(true) => Some(wanted),
            Ok(false) => {
                let kind = kind.gvk.group_kind();
                tracing::warn!(kit = %name, %kind, "no report: the cluster has no such kind");
                None
            }
            Err(error) => {
                tracing::warn!(kit = %name, %error, "the report was not taken");
                written
            }
        }
    }

    fn has_webhooks(&self) -> bool {
        let notifications = self.repository.spec.notifications.as_ref();
        notifications.is_some_and(|it| !it.webhooks.is_empty())
    }

    /// Whether the Kit object itself is being deleted.
    pub(super) fn deletes(&self, kit: &Kit) -> bool {
        kit.metadata.deletion_timestamp.is_some()
    }

    /// Whether nothing holds a Kit that is being deleted any more.
    fn done_with(&self, kit: Option<&Kit>) -> bool {
        kit.is_some_and(|kit| self.deletes(kit)) && self.owned() == 0
    }

    /// Nothing of the kit is left: neither is its object.
    async fn removed(&self, kit: &Kit) -> Result<(), ClusterError> {
        let (namespace, name) = (self.namespace(), self.object_name());
        self.shared
            .cluster
            .delete_kit(&namespace, &name, kit.uid().as_deref())
            .await?;
        self.shared.kits.remove(&namespace, &name);
        self.shared.ages.forget(&self.set());
        Ok(())
    }
}

/// For Events.
pub(super) fn reference(kit: &Kit) -> ObjectReference {
    kit.object_ref(&())
}

/// Whether an object's labels and annotations have all of these.
fn has_metadata(kit: &Kit, wanted: &serde_json::Value) -> bool {
    let all = |part: &str, have: &BTreeMap<String, String>| {
        wanted[part].as_object().is_some_and(|map| {
            map.iter()
                .all(|(name, value)| have.get(name).map(String::as_str) == value.as_str())
        })
    };
    let held = kit.finalizers().iter().any(|it| it == PRUNE_FINALIZER);
    let hold = wanted["finalizers"]
        .as_array()
        .is_some_and(|all| !all.is_empty());
    all("labels", kit.labels()) && all("annotations", kit.annotations()) && held == hold
}
