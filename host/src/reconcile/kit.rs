//! One kit at one revision: from the pipeline's verdict to the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::ResourceExt as _;

use crate::cluster::{ClusterError, Unserved};
use crate::kit::{
    DeletionPolicy, HookStatus, Kit, KitPath, PRUNE_FINALIZER, Quarantine, Repository,
};
use crate::manifest::{Finding, GroupKind, Manifest, ObjectKey, Scopes, Severity};
use crate::pipeline::{Evaluation, Rendered, Verdict, settle};
use crate::plan::SetId;
use crate::source::{Commit, Revision};

use super::drift::Drifted;
use super::fetching;
use super::host::Shared;
use super::others::allows_changes;
use super::outcome::{Outcome, Wait};
use super::sent::Sent;

/// All that one attempt needs. Dropping its future is how a newer revision takes over: whatever
/// was sent is known to the inventory as unsure, and is looked at again.
pub(super) struct Task {
    pub shared: Arc<Shared>,
    pub repository: Arc<Repository>,
    pub commit: Arc<Commit>,
    pub verdict: Verdict,
    /// What this host had of it before, for the record.
    pub were: Option<Arc<Rendered>>,
    /// All kits of the newest revision.
    pub evaluation: Arc<Evaluation>,
    /// Objects that are fought over and left alone for now, and the pause of each.
    pub held: BTreeMap<ObjectKey, Duration>,
    /// The revision that this one is instead of.
    pub quarantine: Option<Quarantine>,
    /// Why it could not be rolled back.
    pub stays: Vec<Finding>,
    /// Changes of attempts before this one that no status tells of.
    pub carried: usize,
    /// Kits that must be live before this one, or, if it is gone, gone before it.
    pub unmet: Vec<KitPath>,
    /// The revision no longer has the kit.
    pub gone: bool,
    /// The revision that took it out has no kit that was known before.
    pub emptied: bool,
    /// Its Repository is being deleted, and its objects before it.
    pub deleting: bool,
    /// How long the evaluation took that it comes from, if nothing was tried of it before.
    pub evaluated: Option<Duration>,
    /// What of it no record tells yet.
    pub sent: Sent,
}

/// What the attempt came to.
pub(super) struct Done {
    pub outcome: Outcome,
    /// Objects sent and taken.
    pub changed: usize,
    /// Objects that others had changed, and that were put right.
    pub corrected: Vec<ObjectKey>,
    /// Changes that no status tells of yet.
    pub unreported: usize,
    pub retry: bool,
    pub handing_over: bool,
    /// When to look again, if nothing happens.
    pub look_in: Option<Duration>,
}

/// What is decided before the status is written.
pub(super) struct Decision {
    pub outcome: Outcome,
    pub findings: Vec<Finding>,
    pub kit: Option<Arc<Kit>>,
    pub changed: usize,
    pub drifted: Drifted,
    /// It is refused because of what is live, which may change.
    pub retry: bool,
    /// Another kit has yet to take some of its objects over.
    pub handing_over: bool,
    /// What the status is to keep of hooks, if it is to keep something else.
    pub hooks: Option<Vec<HookStatus>>,
    /// When to look again at the hook that it waits for.
    pub hook_look: Option<Duration>,
}

impl Task {
    pub(super) fn namespace(&self) -> String {
        self.repository.namespace().unwrap_or_default()
    }

    pub(super) fn object_name(&self) -> String {
        self.verdict.kit.path.object_name()
    }

    pub(super) fn set(&self) -> SetId {
        SetId::of_kit(&self.object_name(), &self.namespace())
    }

    pub(super) async fn run(self) -> Result<Done, ClusterError> {
        let begun = Instant::now();
        let existing = self.shared.kits.get(&self.namespace(), &self.object_name());
        let decision = self.decide(existing.clone()).await?;
        let changed = decision.changed;
        let outcome = decision.outcome.clone();
        let corrected = decision.drifted.objects.clone();
        let (retry, handing_over) = (decision.retry, decision.handing_over);
        let kit = decision.kit.clone();
        let look_in = self.look_in(kit.as_deref(), &outcome);
        let look_in = decision.hook_look.or(look_in);
        // What is on its way will most likely be there in a moment: one report does for both.
        let early = matches!(&outcome, Outcome::Applied { health, .. }
            if !health.objects.is_empty() && !health.is_bad());
        let unreported = match early && changed > 0 && corrected.is_empty() {
            true => {
                let after = kit.as_deref().map(|kit| {
                    let attempt = self.attempt(&decision, kit);
                    self.status_of(&attempt, kit).1
                });
                self.record(&decision, kit.as_deref(), after.as_ref(), begun.elapsed());
                self.carried + changed
            }
            false => {
                self.report(decision, existing, begun.elapsed()).await?;
                0
            }
        };
        Ok(Done {
            outcome,
            changed,
            corrected,
            unreported,
            retry,
            handing_over,
            look_in,
        })
    }

    async fn decide(&self, existing: Option<Arc<Kit>>) -> Result<Decision, ClusterError> {
        let told = self.verdict.findings().chain(&self.stays);
        let mut findings: Vec<Finding> = told.cloned().collect();
        if allows_changes(existing.as_deref(), &self.commit.revision) {
            let changes = &self.verdict.changes;
            for finding in findings.iter_mut().filter(|it| changes.contains(it)) {
                finding.severity = Severity::Info;
                finding.exempt =
                    Some("spec.allowChanges of the Kit lets this revision through".into());
            }
        }
        let decided = |outcome, findings, kit, changed| {
            Ok(Decision {
                outcome,
                findings,
                kit,
                changed,
                drifted: Drifted::default(),
                retry: false,
                handing_over: false,
                hooks: None,
                hook_look: None,
            })
        };
        if let Some(kit) = existing.as_ref().filter(|kit| self.deletes(kit)) {
            let held = kit.finalizers().iter().any(|it| it == PRUNE_FINALIZER);
            return match kit.spec.deletion_policy {
                DeletionPolicy::Prune if held => self.carry_out(Vec::new(), kit.clone(), &[]).await,
                // It is let go, with what is live; if the repository has it, it is made anew.
                _ => decided(Outcome::Gone, Vec::new(), existing, 0),
            };
        }
        if existing
            .as_ref()
            .is_some_and(|kit| kit.spec.suspend && !self.deleting)
        {
            return decided(Outcome::Suspended, findings, existing, 0);
        }
        if let Some(finding) = self.foreign(existing.as_deref()) {
            findings.push(finding);
        }
        // What it is made of may fall ill later; a kit that is live is kept right all the same.
        let live = self.is_live(existing.as_deref());
        let wrong = findings.iter().any(Finding::is_error);
        if let Some(waiting) = self.unmet().filter(|_| !wrong && !live) {
            return decided(waiting, findings, existing, 0);
        }
        if self.gone {
            return match existing {
                Some(kit) if findings.is_empty() => self.carry_out(findings, kit, &[]).await,
                // Nobody needs an object that says that nothing is there.
                _ => decided(Outcome::Gone, findings, None, 0),
            };
        }
        if let Some(waiting) = fetching::awaited(&self.verdict, &findings) {
            // They say what it waits for, and nothing of the revision.
            findings
                .iter_mut()
                .for_each(|it| it.severity = Severity::Info);
            return decided(waiting, findings, existing, 0);
        }
        if let Some(waiting) = self.stands_still(live) {
            return decided(waiting, findings, existing, 0);
        }
        if let Some(waiting) = self.judged_too_early(&mut findings) {
            return decided(waiting, findings, existing, 0);
        }
        if findings.iter().any(Finding::is_error) {
            return decided(Outcome::Refused, findings, existing, 0);
        }
        if let Some(waiting) = self.awaited(live).await? {
            let mut decision = decided(waiting, findings, existing, 0)?;
            // A kind that is not served yet tells nobody when it is.
            decision.retry = true;
            return Ok(decision);
        }
        let mut scopes = Scopes::default();
        let kinds = self.verdict.rendered.manifests.iter().map(Manifest::gvk);
        let unserved = self.shared.cluster.learn_kinds(kinds, &mut scopes).await?;
        if let Some(waiting) = self.waiting(&unserved) {
            return decided(waiting, findings, existing, 0);
        }
        findings.extend(
            unserved
                .iter()
                .filter(|kind| !self.defines(kind))
                .map(|kind| self.unknown_kind(kind)),
        );
        let mut manifests = self.verdict.rendered.manifests.clone();
        findings.extend(
            settle(&mut manifests, &self.verdict.kit.grants, &scopes)
                .into_iter()
                .filter(|finding| !self.verdict.rendered.findings.contains(finding)),
        );
        if findings.iter().any(Finding::is_error) {
            let outcome = if unserved.is_empty() {
                Outcome::Refused
            } else {
                Outcome::Failed
            };
            return decided(outcome, findings, existing, 0);
        }
        let kinds: BTreeSet<GroupKind> = manifests.iter().map(|it| it.gvk().group_kind()).collect();
        let cluster = &self.shared.cluster;
        let rules = &self.verdict.kit.policy.health_rules[..];
        cluster.judge_by([(self.set(), rules)]);
        self.shared.cluster.watch_kinds(&kinds).await?;
        let kit = self.kit_object(existing, kinds, &manifests).await?;
        self.carry_out(findings, kit, &manifests).await
    }

    /// A `Kit` object of this name that another Repository has.
    pub(super) fn foreign(&self, existing: Option<&Kit>) -> Option<Finding> {
        let owner = existing?.repository()?;
        (owner != self.repository.name_any()).then(|| {
            Finding::host_error(
                "kit-of-another-repository",
                format!(
                    "the Kit object {} in namespace {} belongs to the Repository {owner}",
                    self.object_name(),
                    self.namespace(),
                ),
            )
            .hint("put the two Repositories into namespaces of their own, or rename the directory")
        })
    }

    /// The first object that no kit has, that this kit needs, and that is not healthy.
    async fn awaited(&self, live: bool) -> Result<Option<Outcome>, ClusterError> {
        if live {
            return Ok(None);
        }
        for key in &self.verdict.kit.depends_on_objects {
            let health = self.shared.cluster.awaited(key).await?;
            let why = match &health {
                Some(health) if health.is_current() => continue,
                Some(health) => health.message(),
                None => "it is not there",
            };
            return Ok(Some(Outcome::Waiting {
                reason: "WaitingForObject",
                message: format!("waits for {key}: {why}"),
                on: vec![Wait::Object(key.clone())],
            }));
        }
        Ok(None)
    }

    /// Whether what is live is what this attempt is about.
    pub(super) fn is_live(&self, kit: Option<&Kit>) -> bool {
        let status = kit.and_then(|kit| kit.status.as_ref());
        let inputs = self.verdict.kit.inputs.to_string();
        let revision = self.revision(kit);
        !self.gone
            && status.is_some_and(|status| {
                let applied = status.applied.as_ref();
                status.inputs.as_deref() == Some(inputs.as_str())
                    && applied.is_some_and(|applied| applied.revision == revision.as_str())
            })
    }

    fn unmet(&self) -> Option<Outcome> {
        let (first, others) = self.unmet.split_first()?;
        let more = match others.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let (reason, message) = if self.gone {
            let message = format!("is to be deleted after {first}{more}, which depends on it");
            ("WaitingForDependents", message)
        } else {
            (
                "WaitingForDependency",
                format!("waits for kit {first}{more}"),
            )
        };
        Some(Outcome::Waiting {
            reason,
            message,
            on: self.unmet.iter().cloned().map(Wait::Kit).collect(),
        })
    }

    /// The revision that the kit's inputs came with: a newer one that does not touch them is none
    /// of the kit's.
    pub(super) fn revision(&self, kit: Option<&Kit>) -> Revision {
        let status = kit.and_then(|kit| kit.status.as_ref());
        let inputs = self.verdict.kit.inputs.to_string();
        status
            .filter(|status| status.inputs.as_deref() == Some(inputs.as_str()))
            .and_then(|status| status.attempted.as_ref())
            .map_or_else(
                || self.commit.revision.clone(),
                |attempted| Revision::new(attempted.revision.as_str()),
            )
    }

    fn defines(&self, unserved: &Unserved) -> bool {
        self.evaluation
            .defined
            .get(&unserved.gvk.group_kind())
            .is_some_and(|(_, kit)| *kit == self.verdict.kit.path)
    }

    fn waiting(&self, unserved: &[Unserved]) -> Option<Outcome> {
        unserved.iter().find_map(|missing| {
            let kind = missing.gvk.group_kind();
            let Some((_, definer)) = self.evaluation.defined.get(&kind) else {
                // One that is not rendered yet may define it.
                return self.behind(
                    |kit| kit.grants.cluster_scoped,
                    |late| format!("waits for {kind}, which {late} may define"),
                );
            };
            (*definer != self.verdict.kit.path).then(|| Outcome::Waiting {
                reason: "WaitingForKind",
                message: format!("waits for {kind}, which kit {definer} defines"),
                on: vec![Wait::Definer(definer.clone())],
            })
        })
    }

    pub(super) fn unknown_kind(&self, missing: &Unserved) -> Finding {
        let manifest = self
            .verdict
            .rendered
            .manifests
            .iter()
            .find(|manifest| manifest.gvk() == missing.gvk);
        let message = format!(
            "the cluster does not serve {} {}",
            missing.gvk.api_version(),
            missing.gvk.kind
        );
        let hint = match &missing.other_versions[..] {
            [] => "install its CustomResourceDefinition, or add it to a kit".to_owned(),
            others => format!("it serves {}", others.join(", ")),
        };
        let finding = Finding::host_error("unknown-kind", message).hint(hint);
        match manifest {
            Some(manifest) => finding.about(manifest.key()).at(manifest.origin.clone()),
            None => finding,
        }
    }
}
