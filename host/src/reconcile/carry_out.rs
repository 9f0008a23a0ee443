//! From a kit's manifests to the cluster: plan, apply, prune.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{Cluster, ClusterError, Note};
use crate::kit::{AdoptPolicy, Kit, KitPath, ServiceAccount};
use crate::manifest::{Finding, Manifest, ObjectKey, Severity};
use crate::pipeline::{SECRET_FIELDS_ANNOTATION, Secrets};
use crate::plan::{Desired, Hooks, Plan, Step, field_manager, plan};

use super::adoption::refusal;
use super::drift::Drifted;
use super::hooks::Carried;
use super::kit::{Decision, Task};
use super::others::Others;
use super::outcome::{Outcome, Wait};
use super::report::reference;

/// How long an attempt waits itself for what it deleted to be gone; most objects are at once.
/// For others the kit is woken.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many objects a message names.
const NAMED: usize = 3;

/// What deleting came to.
#[derive(Default)]
struct Deleted {
    /// Objects whose deletion was taken.
    gone: Vec<ObjectKey>,
    findings: Vec<Finding>,
    /// Objects that stay, and are the kit's no longer.
    kept: Vec<ObjectKey>,
    /// Objects that are still going, or wait for those that are.
    left: Vec<ObjectKey>,
}

impl Task {
    pub(super) async fn carry_out(
        &self,
        mut findings: Vec<Finding>,
        kit: Arc<Kit>,
        manifests: &[Manifest],
    ) -> Result<Decision, ClusterError> {
        let plan = self.plan(&kit, manifests);
        let decided = |outcome, findings| Decision {
            outcome,
            findings,
            kit: Some(kit.clone()),
            changed: 0,
            drifted: Drifted::default(),
            retry: false,
            handing_over: false,
            hooks: None,
            hook_look: None,
        };
        // What others have may come free.
        let refused = |findings| Decision {
            retry: true,
            ..decided(Outcome::Refused, findings)
        };
        findings.extend(plan.warnings.iter().cloned());
        if !plan.refused.is_empty() {
            findings.extend(plan.refused);
            return Ok(refused(findings));
        }
        // What is live is kept right, and gives up later what it has left.
        let live = self.is_live(Some(&kit));
        if let Some(waiting) = self.gives_up_too_early(&plan).filter(|_| !live) {
            return Ok(decided(waiting, findings));
        }
        let cluster = self.shared.cluster.acting_as(self.account(&kit).as_ref())?;
        let policy = self.verdict.kit.policy.adopt;
        if policy != AdoptPolicy::Always {
            let found = cluster.found(&plan).await?;
            let not_adopted = found
                .iter()
                .filter_map(|(key, live)| refusal(policy, key, live, manifests));
            findings.extend(not_adopted);
            if findings.iter().any(Finding::is_error) {
                return Ok(refused(findings));
            }
        }
        let Carried {
            plan,
            changed,
            left,
            drifted,
            failures,
        } = self.send(&cluster, &kit, manifests, plan).await;
        self.sent.left(left);
        findings.extend(drifted.findings.iter().cloned());
        if changed > 0 {
            // Kinds that the kit has just defined are watched from now on as well.
            let kinds = manifests
                .iter()
                .map(|manifest| manifest.gvk().group_kind())
                .collect();
            self.shared.cluster.watch_kinds(&kinds).await?;
        }
        let mut decision = Decision {
            changed,
            drifted,
            handing_over: !plan.pruning.handed_over.is_empty(),
            hooks: Some(self.ran(&kit, manifests, &plan, false)),
            ..decided(Outcome::Failed, findings)
        };
        if !failures.is_empty() {
            decision.findings.extend(failures);
            return Ok(decision);
        }
        if !plan.awaited.is_empty() {
            decision.outcome = awaited(&plan.awaited);
            return Ok(decision);
        }
        if let Some(hold) = &plan.hold {
            let (outcome, finding, look) = self.held_by(hold, manifests);
            decision.outcome = outcome;
            decision.findings.extend(finding);
            decision.hook_look = look;
            return Ok(decision);
        }
        let findings = &mut decision.findings;
        findings.extend(told(&plan));
        let deleted = if plan.pruning.is_empty() {
            Deleted::default()
        } else {
            self.delete(&cluster, &kit, manifests).await
        };
        if !deleted.kept.is_empty() {
            self.tell_kept(&kit, &deleted.kept).await;
        }
        let failed = deleted.findings.iter().any(Finding::is_error);
        findings.extend(deleted.findings);
        let owned = self.owned();
        let leaves = self.gone || self.deletes(&kit);
        decision.outcome = if failed {
            Outcome::Failed
        } else if !deleted.left.is_empty() {
            going(&deleted.left)
        } else if leaves && owned == 0 {
            Outcome::Gone
        } else if leaves && plan.pruning.handed_over.is_empty() {
            // What stays and is no longer to be deleted: a definition that is in use, say.
            Outcome::Failed
        } else if leaves {
            handing_over(&plan)
        } else {
            Outcome::Applied {
                changed: changed + self.carried,
                deleted: deleted.gone.len(),
                left: left.saturating_sub(self.carried),
                health: self.health(&kit, manifests, changed),
            }
        };
        decision.changed += deleted.gone.len();
        let live = decision.outcome.is_live();
        decision.hooks = Some(self.ran(&kit, manifests, &plan, live));
        Ok(decision)
    }

    pub(super) fn owned(&self) -> usize {
        let set = self.set();
        self.shared
            .cluster
            .watched()
            .read(|inventory| inventory.owned_by(&set).count())
    }

    /// Deletes stage by stage, as long as what was deleted is soon gone.
    async fn delete(&self, cluster: &Cluster, kit: &Kit, manifests: &[Manifest]) -> Deleted {
        let manager = field_manager(&self.object_name(), &self.namespace());
        let mut deleted = Deleted::default();
        loop {
            let pruning = self.plan(kit, manifests).pruning;
            let spared = self.shared.cluster.spare(&pruning.spared).await;
            let released = cluster.release(&pruning.released, &manager).await;
            let mut held = spared.is_err() || !released.findings.is_empty();
            deleted.findings.extend(spared.err().map(|error| {
                let message = format!("a namespace cannot be kept: {error}");
                Finding::host_error("delete-failed", message)
            }));
            deleted.findings.extend(released.findings);
            deleted.kept.extend(released.released);
            if held {
                // Nothing is deleted while what is kept is not safe.
                return deleted;
            }
            let propagation = self.prune_policy(kit).propagation;
            let granted = |key: &ObjectKey| self.sent.deleted(key);
            let pruned = cluster
                .prune(&pruning.now, &self.set(), propagation, &granted)
                .await;
            held |= !pruned.findings.is_empty();
            deleted.gone.extend(pruned.deleted.iter().cloned());
            deleted.findings.extend(pruned.findings);
            let mut waited: Vec<ObjectKey> = pruning.going;
            waited.extend(pruned.deleted);
            let gone = cluster
                .watched()
                .until(PATIENCE, |inventory| {
                    waited.iter().all(|key| match inventory.get(key) {
                        Some(live) => !live.terminating,
                        None => {
                            &*key.group_kind.kind != "Namespace"
                                || inventory.namespace(&key.name).is_none()
                        }
                    })
                })
                .await;
            if !gone {
                deleted.left = waited.into_iter().chain(pruning.later).collect();
                return deleted;
            }
            if held || pruning.later.is_empty() && self.plan(kit, manifests).pruning.is_empty() {
                return deleted;
            }
        }
    }

    async fn tell_kept(&self, kit: &Kit, kept: &[ObjectKey]) {
        let message = format!("left the kit and kept, no kit's any more: {}", named(kept));
        let note = Note {
            warning: false,
            reason: "Kept",
            message,
        };
        self.shared.cluster.publish(&reference(kit), &note).await;
    }

    /// As whom the kit acts.
    pub(super) fn account(&self, kit: &Kit) -> Option<ServiceAccount> {
        if !self.gone {
            return self.verdict.kit.grants.service_account.clone();
        }
        let status = kit.status.as_ref()?;
        ServiceAccount::parse(status.service_account.as_deref()?)
    }

    fn prune_policy(&self, kit: &Kit) -> crate::kit::PrunePolicy {
        if !self.gone {
            return self.verdict.kit.policy.prune.clone();
        }
        // Its kit.yaml is gone with it.
        let status = kit.status.as_ref();
        status
            .and_then(|status| status.prune.clone())
            .unwrap_or_default()
    }

    pub(super) fn plan(&self, kit: &Kit, manifests: &[Manifest]) -> Plan {
        let source = &self.verdict.kit;
        let grants = &source.grants;
        let revision = self.revision(Some(kit));
        let allowed = kit.spec.allow_deletions.as_deref();
        let status = kit.status.as_ref();
        let desired = Desired {
            kit: &source.path,
            owner: self.set(),
            revision: &revision,
            manifests,
            namespace: grants
                .namespace
                .as_deref()
                .filter(|_| grants.create_namespace),
            prune: &self.prune_policy(kit),
            drift: source.policy.drift,
            ignore: &source.policy.ignore,
            held: &self.held.keys().cloned().collect(),
            budget: source.budget,
            // Whoever deletes a Kit or a Repository that prunes means it.
            deletions_allowed: self.deleting
                || self.deletes(kit)
                || allowed.is_some_and(|allowed| revision.is_named_by(allowed)),
            emptied: manifests.is_empty() && (!self.gone || self.emptied),
            hooks: Hooks {
                upgrade: status.is_some_and(|status| status.applied.is_some()),
                ran: status.map_or(&[], |status| &status.hooks),
            },
        };
        let late = !(self.deleting || self.deletes(kit));
        let others = Others { task: self, late };
        let watched = self.shared.cluster.watched();
        let mut plan = watched.read(|inventory| plan(&desired, inventory, &others));
        let given = &self.verdict.rendered.given;
        if !given.is_empty() {
            plan.steps.iter_mut().for_each(|step| mark(step, given));
        }
        plan
    }
}

/// Notes on an object of the kit's what of it is a Secret's. Nobody else may write that there.
fn mark(step: &mut Step, given: &Secrets) {
    let fields = given.fields_of(&step.body);
    if let Some(fields) = fields.filter(|_| step.owner.is_some()) {
        step.body["metadata"]["annotations"][SECRET_FIELDS_ANNOTATION] = fields.into();
    }
}

fn named(keys: &[ObjectKey]) -> String {
    let mut names: Vec<String> = keys.iter().take(NAMED).map(ToString::to_string).collect();
    if keys.len() > NAMED {
        names.push(format!("{} more", keys.len() - NAMED));
    }
    names.join(", ")
}

pub(super) fn awaited(keys: &[ObjectKey]) -> Outcome {
    let on = keys.iter().map(|key| match &*key.group_kind.kind {
        "Namespace" => Wait::Namespace(key.name.to_string()),
        _ => Wait::Objects,
    });
    Outcome::Waiting {
        reason: "WaitingForDeletion",
        message: format!(
            "waits until {}, which is being deleted, is gone",
            named(keys)
        ),
        on: on.collect(),
    }
}

fn going(left: &[ObjectKey]) -> Outcome {
    Outcome::Waiting {
        reason: "Pruning",
        message: format!(
            "deletes what left the kit, and waits until it is gone: {}",
            named(left)
        ),
        on: left
            .iter()
            .filter(|key| &*key.group_kind.kind == "Namespace")
            .map(|key| Wait::Namespace(key.name.to_string()))
            .chain([Wait::Objects])
            .collect(),
    }
}

fn handing_over(plan: &Plan) -> Outcome {
    let kits: Vec<&KitPath> = plan
        .pruning
        .handed_over
        .iter()
        .map(|(_, kit)| kit)
        .collect();
    Outcome::Waiting {
        reason: "HandingOver",
        message: format!(
            "waits until its objects are taken over by {}",
            kits.first().map_or("another kit", |kit| kit.as_str())
        ),
        on: vec![Wait::Objects],
    }
}

/// What a plan leaves alone and a person would want to know.
fn told(plan: &Plan) -> impl Iterator<Item = Finding> {
    let warning = |rule: &str, key: &ObjectKey, message: String| {
        let mut finding = Finding::host_error(rule, message).about(key.clone());
        finding.severity = Severity::Warning;
        finding
    };
    plan.pruning.foreign.iter().map(move |key| {
        let message =
            format!("{key} bears this kit's label, and no kit has applied it; it is left alone");
        warning("foreign-label", key, message)
            .hint("take the label applyset.kubernetes.io/part-of off it")
    })
}
