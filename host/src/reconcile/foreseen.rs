//! What an attempt on a kit would do, without doing any of it.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;

use crate::cluster::{Cluster, ClusterError, DryRun, NoDryRun};
use crate::kit::{AdoptPolicy, Kit, KitSpec};
use crate::manifest::{Finding, Manifest, ObjectKey, Scopes, Severity};
use crate::pipeline::{Rendered, Secrets, files, settle};
use crate::plan::{Plan, Reason, Stage, Step, Turn, field_manager};
use crate::source::Mirror;

use super::adoption::refusal;
use super::asked::{blocking, refused};
use super::diff::{KitDiff, ObjectChange, ObjectDiff};
use super::differing::difference;
use super::kit::Task;
use super::others::allows_changes;

/// Objects that are tried at once.
const AT_ONCE: usize = 4;
/// Objects of one kit that are tried; of the others only the reason is told.
const STEPS: usize = 500;

impl Task {
    /// `before` is what the host has of the kit now: its Secrets are hidden as well.
    pub(super) async fn foresee(
        &self,
        mirror: Option<Arc<Mirror>>,
        before: Option<Arc<Rendered>>,
        told: &mut KitDiff,
    ) -> Result<(), ClusterError> {
        let existing = self.shared.kits.get(&self.namespace(), &self.object_name());
        told.findings = self.found(existing.as_deref());
        if existing.as_ref().is_some_and(|kit| kit.spec.suspend) {
            told.notes
                .push("the kit is suspended: nothing is sent until `trimtab resume`".into());
        }
        told.findings.extend(self.foreign(existing.as_deref()));
        if told.findings.iter().any(Finding::is_error) {
            return Ok(());
        }
        let mut manifests = self.verdict.rendered.manifests.clone();
        let mut scopes = Scopes::default();
        for (kind, (scope, _)) in &self.evaluation.defined {
            scopes.learn(kind.clone(), *scope);
        }
        let kinds = manifests.iter().map(Manifest::gvk);
        let unserved = self.shared.cluster.learn_kinds(kinds, &mut scopes).await?;
        for missing in &unserved {
            match self.evaluation.defined.get(&missing.gvk.group_kind()) {
                Some(_) => {}
                None => told.findings.push(self.unknown_kind(missing)),
            }
        }
        let settled = settle(&mut manifests, &self.verdict.kit.grants, &scopes);
        let known = &self.verdict.rendered.findings;
        told.findings
            .extend(settled.into_iter().filter(|it| !known.contains(it)));
        if told.findings.iter().any(Finding::is_error) {
            return Ok(());
        }
        let kit = existing.unwrap_or_else(|| {
            let mut kit = Kit::new(&self.object_name(), KitSpec::default());
            kit.metadata.namespace = Some(self.namespace());
            Arc::new(kit)
        });
        let mut plan = self.plan(&kit, &manifests);
        told.findings.extend(plan.warnings.iter().cloned());
        told.findings.extend(plan.refused.iter().cloned());
        let cluster = self.shared.cluster.acting_as(self.account(&kit).as_ref())?;
        let policy = self.verdict.kit.policy.adopt;
        if policy != AdoptPolicy::Always {
            let found = cluster.found(&plan).await?;
            let refused = found
                .iter()
                .filter_map(|(key, live)| refusal(policy, key, live, &manifests));
            // What others have is not the kit's to be shown.
            let refused: Vec<Finding> = refused.collect();
            let keys: Vec<&ObjectKey> =
                refused.iter().filter_map(|it| it.object.as_ref()).collect();
            plan.steps.retain(|step| !keys.contains(&&step.key));
            told.findings.extend(refused);
        }
        told.unchanged = plan.left.len();
        let mut secrets = self.secrets(mirror).await;
        secrets.add_objects(manifests.iter().map(|it| &it.object));
        let were = before.iter().flat_map(|it| &it.manifests);
        secrets.add_objects(were.map(|it| &it.object));
        secrets.join(&self.verdict.rendered.given);
        before.iter().for_each(|it| secrets.join(&it.given));
        let secrets = self.steps(&cluster, &plan, secrets, told).await?;
        told.objects.extend(others(&plan, &secrets));
        for key in &plan.awaited {
            told.notes
                .push(format!("{key} is being deleted, and is waited for"));
        }
        Ok(())
    }

    /// What an attempt would tell of before it looks at the cluster.
    fn found(&self, existing: Option<&Kit>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.verdict.findings().cloned().collect();
        if allows_changes(existing, &self.commit.revision) {
            let changes = &self.verdict.changes;
            for finding in findings.iter_mut().filter(|it| changes.contains(it)) {
                finding.severity = Severity::Info;
            }
        }
        findings
    }

    /// What the kit's files hold that transformers take away.
    async fn secrets(&self, mirror: Option<Arc<Mirror>>) -> Secrets {
        let Some(mirror) = mirror.filter(|_| !self.gone) else {
            return Secrets::default();
        };
        let (revision, kit) = (self.commit.revision.clone(), self.verdict.kit.clone());
        let plugins = self.shared.plugins.clone();
        let read = blocking(move || {
            let snapshot = mirror.snapshot(&revision).map_err(refused)?;
            let read = files(&snapshot, &kit, &plugins);
            let mut secrets = Secrets::default();
            secrets.add_objects(read.iter().map(|it| &it.object));
            Ok(secrets)
        });
        // What cannot be read has been rendered by nobody.
        read.await.unwrap_or_default()
    }

    async fn steps(
        &self,
        cluster: &Cluster,
        plan: &Plan,
        mut secrets: Secrets,
        told: &mut KitDiff,
    ) -> Result<Secrets, ClusterError> {
        let manager = field_manager(&self.object_name(), &self.namespace());
        // What is not there yet cannot be tried.
        let made: Vec<&ObjectKey> = plan.steps.iter().map(|step| &step.key).collect();
        let ahead = |step: &Step| {
            let into = step.key.namespace.as_ref().is_some_and(|namespace| {
                made.iter()
                    .any(|key| &*key.group_kind.kind == "Namespace" && key.name == *namespace)
                    && self
                        .shared
                        .cluster
                        .watched()
                        .read(|it| it.namespace(namespace).is_none())
            });
            into || !cluster.serves(&step.gvk) || step.replaces.is_some()
        };
        let tried = plan.steps.iter().take(STEPS).map(|step| {
            let tried = tried(cluster, step, &manager, ahead(step));
            Box::pin(tried) as BoxFuture<'_, Result<Tried<'_>, ClusterError>>
        });
        let tried: Vec<_> = tried.collect();
        let tried: Vec<_> = futures::stream::iter(tried)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut outcomes = Vec::with_capacity(tried.len());
        let mut untried = Vec::new();
        for outcome in tried {
            let (step, outcome) = outcome?;
            let dry_run = match outcome {
                None => None,
                Some(Ok(dry_run)) => {
                    secrets.add_objects(dry_run.before.iter().chain([&dry_run.after]));
                    Some(dry_run)
                }
                Some(Err(NoDryRun::Refused(finding))) => {
                    told.findings.push(*finding);
                    continue;
                }
                Some(Err(NoDryRun::Unsupported(words))) => {
                    untried.push((step, words));
                    continue;
                }
            };
            outcomes.push((step, dry_run));
        }
        for finding in &mut told.findings {
            finding.message = secrets.masked(&finding.message);
        }
        let unknown = untried
            .into_iter()
            .map(|(step, words)| untold(step, words, &secrets));
        told.objects.extend(unknown);
        for (step, dry_run) in outcomes {
            let (before, after) = match &dry_run {
                Some(dry_run) => (dry_run.before.as_ref(), &dry_run.after),
                None => (None, &step.body),
            };
            let names = (
                format!("live {}", step.key),
                format!("{} {}", told.revision.short, step.origin),
            );
            let different = difference(before, Some(after), (&names.0, &names.1), &secrets);
            let Some(different) = different else {
                // Only what the host keeps on it, or nothing at all.
                told.unchanged += 1;
                continue;
            };
            let rivals = dry_run
                .as_ref()
                .map(|it| it.rivals.join(", "))
                .unwrap_or_default();
            told.objects.push(ObjectDiff {
                object: step.key.to_string(),
                change: match before {
                    Some(_) => ObjectChange::Update,
                    None => ObjectChange::Create,
                },
                reason: reason(&step.reason, &secrets),
                origin: Some(step.origin.to_string()),
                note: note(step, dry_run.is_some(), &rivals, different.text.is_none()),
                fields: different.fields,
                diff: different.text,
            });
        }
        let more = plan.steps.len().saturating_sub(STEPS);
        if more > 0 {
            told.notes.push(format!(
                "{more} more objects would be sent, and are not shown"
            ));
        }
        Ok(secrets)
    }
}

/// A step, and what the API server makes of it, if it can be asked.
type Tried<'s> = (&'s Step, Option<Result<DryRun, NoDryRun>>);

async fn tried<'s>(
    cluster: &Cluster,
    step: &'s Step,
    manager: &str,
    ahead: bool,
) -> Result<Tried<'s>, ClusterError> {
    match ahead {
        true => Ok((step, None)),
        false => Ok((step, Some(cluster.dry_run(step, manager).await?))),
    }
}

/// What the API server could not try, which says nothing of whether it would take it.
fn untold(step: &Step, words: String, secrets: &Secrets) -> ObjectDiff {
    ObjectDiff {
        object: step.key.to_string(),
        change: ObjectChange::Unknown,
        reason: reason(&step.reason, secrets),
        origin: Some(step.origin.to_string()),
        fields: Vec::new(),
        diff: None,
        note: Some(words),
    }
}

fn reason(reason: &Reason, secrets: &Secrets) -> String {
    match reason {
        Reason::NotInInventory => "it is not the kit's yet".into(),
        Reason::ManifestChanged { .. } => "the manifest is another".into(),
        Reason::Unsure => "what was applied last is not known for sure".into(),
        Reason::NamespaceMissing => "the kit's namespace is missing".into(),
        Reason::Drifted { fields } => {
            let fields: Vec<String> = masked(fields, secrets);
            format!("others have changed {}", fields.join(", "))
        }
        Reason::HandedOver { .. } => "another kit gives it up".into(),
    }
}

fn masked(fields: &[String], secrets: &Secrets) -> Vec<String> {
    let masked = fields.iter().map(|it| secrets.masked_pointer(it));
    masked.collect()
}

/// When a hook is sent.
fn turned(turn: &Turn, place: &str) -> String {
    let weight = turn.weight;
    let waits = match turn.run {
        Some(_) => "; what comes after it waits until it is complete",
        None => "",
    };
    format!("a hook, {place}, of weight {weight}{waits}")
}

fn note(step: &Step, tried: bool, rivals: &str, large: bool) -> Option<String> {
    let mut notes = Vec::new();
    if step.replaces.is_some() {
        notes.push("what is there is deleted first: Jobs and Pods cannot be changed".to_owned());
    } else if !tried {
        notes.push("as the manifest has it: its namespace or kind is not there yet, so the API server was not asked".to_owned());
    }
    if !rivals.is_empty() {
        notes.push(format!("taken back from {rivals}"));
    }
    match &step.stage {
        Stage::Before(turn) => notes.push(turned(turn, "before the others")),
        Stage::After(turn) => notes.push(turned(turn, "after the others")),
        Stage::Definitions | Stage::Objects | Stage::Admission => {}
    }
    if step.takes_from.is_some() {
        notes.push("what the other kit had set, and this one does not have, goes as well".into());
    }
    if large {
        notes.push("too large to be compared".into());
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// What is not sent: deletions, and what stays.
fn others(plan: &Plan, secrets: &Secrets) -> Vec<ObjectDiff> {
    let pruning = &plan.pruning;
    let told = |key: &ObjectKey, change, reason: String| ObjectDiff {
        object: key.to_string(),
        change,
        reason,
        origin: None,
        fields: Vec::new(),
        diff: None,
        note: None,
    };
    let mut all = Vec::new();
    for prune in &pruning.now {
        let mut object = told(
            &prune.key,
            ObjectChange::Delete,
            "the kit no longer has it".into(),
        );
        object.origin = prune.origin.as_ref().map(ToString::to_string);
        all.push(object);
    }
    let later = pruning.later.iter().map(|key| {
        told(
            key,
            ObjectChange::Delete,
            "the kit no longer has it; it goes after the others".into(),
        )
    });
    all.extend(later);
    for prune in &pruning.released {
        let reason = "the kit no longer has it; it is kept, and nobody's".into();
        all.push(told(&prune.key, ObjectChange::Release, reason));
    }
    for (key, kit) in &pruning.handed_over {
        all.push(told(
            key,
            ObjectChange::HandOver,
            format!("kit {kit} takes it over"),
        ));
    }
    let sent = |key: &ObjectKey| plan.steps.iter().any(|step| step.key == *key);
    for drift in plan.drift.iter().filter(|drift| !sent(&drift.key)) {
        let by = drift.by.as_ref().map_or("somebody", |by| &*by.manager);
        let mut object = told(
            &drift.key,
            ObjectChange::Drift,
            format!("changed by {by}, and left so"),
        );
        object.origin = Some(drift.origin.to_string());
        object.fields = masked(&drift.fields, secrets);
        all.push(object);
    }
    all
}
