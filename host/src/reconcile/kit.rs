//! One kit at one revision: from the pipeline's verdict to the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource as _, ResourceExt as _};

use crate::cluster::{ClusterError, Unserved};
use crate::kit::{Kit, KitPath, Repository};
use crate::manifest::{Finding, GroupKind, Manifest, Scope, Scopes, Severity};
use crate::pipeline::{Verdict, settle};
use crate::plan::{Desired, Plan, SetId, field_manager, parent_metadata, plan};
use crate::source::Commit;

use super::host::Shared;
use super::status::{Attempt, Outcome, kit_note, kit_status};

/// All that one attempt needs. Dropping its future is how a newer revision takes over: whatever
/// was sent is known to the inventory as unsure, and is looked at again.
pub(super) struct Task {
    pub shared: Arc<Shared>,
    pub repository: Arc<Repository>,
    pub commit: Arc<Commit>,
    pub verdict: Verdict,
    /// Kinds that the revision's CRDs define, and by which kit.
    pub defined: Arc<BTreeMap<GroupKind, (Scope, KitPath)>>,
    /// The revision no longer has the kit.
    pub gone: bool,
}

/// What the attempt came to.
pub(super) struct Done {
    pub outcome: Outcome,
    /// Objects sent and taken.
    pub changed: usize,
    /// It defined kinds or namespaces that others may wait for.
    pub defines: bool,
}

/// What is decided before the status is written.
struct Decision {
    outcome: Outcome,
    findings: Vec<Finding>,
    kit: Option<Arc<Kit>>,
    changed: usize,
}

impl Task {
    fn namespace(&self) -> String {
        self.repository.namespace().unwrap_or_default()
    }

    fn object_name(&self) -> String {
        self.verdict.kit.path.object_name()
    }

    pub(super) fn set(&self) -> SetId {
        SetId::of_kit(&self.object_name(), &self.namespace())
    }

    pub(super) async fn run(self) -> Result<Done, ClusterError> {
        let existing = self.shared.kits.get(&self.namespace(), &self.object_name());
        let decision = self.decide(existing.clone()).await?;
        let changed = decision.changed;
        let outcome = decision.outcome.clone();
        self.report(decision, existing).await?;
        let defines = changed > 0
            && self.verdict.rendered.manifests.iter().any(|manifest| {
                matches!(
                    &*manifest.gvk().kind,
                    "CustomResourceDefinition" | "Namespace"
                )
            });
        Ok(Done {
            outcome,
            changed,
            defines,
        })
    }

    async fn decide(&self, existing: Option<Arc<Kit>>) -> Result<Decision, ClusterError> {
        let mut findings: Vec<Finding> = self.verdict.findings().cloned().collect();
        let decided = |outcome, findings, kit, changed| {
            Ok(Decision {
                outcome,
                findings,
                kit,
                changed,
            })
        };
        if self.gone {
            return decided(Outcome::Gone, findings, existing, 0);
        }
        if existing.as_ref().is_some_and(|kit| kit.spec.suspend) {
            return decided(Outcome::Suspended, findings, existing, 0);
        }
        if let Some(finding) = self.foreign(existing.as_deref()) {
            findings.push(finding);
        }
        if findings.iter().any(Finding::is_error) {
            return decided(Outcome::Refused, findings, existing, 0);
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
        self.shared.cluster.watch_kinds(&kinds).await;
        let kit = self.kit_object(existing, kinds, &manifests).await?;
        self.carry_out(findings, kit, &manifests).await
    }

    async fn carry_out(
        &self,
        mut findings: Vec<Finding>,
        kit: Arc<Kit>,
        manifests: &[Manifest],
    ) -> Result<Decision, ClusterError> {
        let plan = self.plan(manifests);
        if !plan.refused.is_empty() {
            findings.extend(plan.refused);
            return Ok(Decision {
                outcome: Outcome::Refused,
                findings,
                kit: Some(kit),
                changed: 0,
            });
        }
        findings.extend(plan.prune.iter().map(|left| {
            let mut finding = Finding::host_error(
                "left-behind",
                format!(
                    "{} is no longer in the kit; it stays in the cluster",
                    left.key
                ),
            )
            .about(left.key.clone())
            .hint("delete it by hand if nobody needs it");
            finding.severity = Severity::Info;
            finding.origin.clone_from(&left.origin);
            finding
        }));
        let manager = field_manager(&self.object_name(), &self.namespace());
        let applied = self.shared.cluster.apply(&plan, &manager).await;
        if applied.changed > 0 {
            // Kinds that the kit has just defined are watched from now on as well.
            let kinds = manifests
                .iter()
                .map(|manifest| manifest.gvk().group_kind())
                .collect();
            self.shared.cluster.watch_kinds(&kinds).await;
        }
        let outcome = if applied.failures.is_empty() {
            Outcome::Applied {
                changed: applied.changed,
                left: plan.left.len(),
            }
        } else {
            Outcome::Failed
        };
        findings.extend(applied.failures);
        Ok(Decision {
            outcome,
            findings,
            kit: Some(kit),
            changed: applied.changed,
        })
    }

    fn plan(&self, manifests: &[Manifest]) -> Plan {
        let grants = &self.verdict.kit.grants;
        let desired = Desired {
            kit: &self.verdict.kit.path,
            owner: self.set(),
            revision: &self.commit.revision,
            manifests,
            namespace: grants
                .namespace
                .as_deref()
                .filter(|_| grants.create_namespace),
        };
        self.shared
            .cluster
            .watched()
            .read(|inventory| plan(&desired, inventory, |set| self.shared.sets.kit_of(set)))
    }

    /// A `Kit` object of this name that another Repository has.
    fn foreign(&self, existing: Option<&Kit>) -> Option<Finding> {
        let owner = existing?.labels().get("trimtab.io/repository")?;
        (*owner != self.repository.name_any()).then(|| {
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

    fn defines(&self, unserved: &Unserved) -> bool {
        self.defined
            .get(&unserved.gvk.group_kind())
            .is_some_and(|(_, kit)| *kit == self.verdict.kit.path)
    }

    fn waiting(&self, unserved: &[Unserved]) -> Option<Outcome> {
        unserved.iter().find_map(|missing| {
            let (_, definer) = self.defined.get(&missing.gvk.group_kind())?;
            (*definer != self.verdict.kit.path).then(|| Outcome::Waiting {
                kind: missing.gvk.group_kind().to_string(),
                definer: definer.to_string(),
            })
        })
    }

    fn unknown_kind(&self, missing: &Unserved) -> Finding {
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

    /// The kit's object, made if it is missing, with metadata that names every kind and namespace
    /// that the set has or is about to have: it is written before any member is.
    async fn kit_object(
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
        let metadata = parent_metadata(&set, &kinds, &namespaces);
        let new = existing.is_none();
        if let Some(kit) = existing.filter(|kit| has_metadata(kit, &metadata)) {
            return Ok(kit);
        }
        let name = self.object_name();
        self.shared
            .cluster
            .put_kit(
                &namespace,
                &name,
                &self.repository.name_any(),
                &self.repository,
                &metadata,
                new,
            )
            .await
            .map(Arc::new)
    }

    async fn report(
        &self,
        decision: Decision,
        existing: Option<Arc<Kit>>,
    ) -> Result<(), ClusterError> {
        let kit = match decision.kit {
            Some(kit) => kit,
            // Its owner's label tells that the object is not this Repository's to write.
            None if self.foreign(existing.as_deref()).is_some() => return Ok(()),
            // Nobody needs an object that says that nothing is there.
            None if self.gone => return Ok(()),
            None => self.kit_object(existing, BTreeSet::new(), &[]).await?,
        };
        if self.foreign(Some(&kit)).is_some() {
            return Ok(());
        }
        let set = self.set();
        let objects = self
            .shared
            .cluster
            .watched()
            .read(|inventory| inventory.owned_by(&set).count());
        let attempt = Attempt {
            outcome: &decision.outcome,
            commit: &self.commit,
            findings: &decision.findings,
            inputs: self.verdict.kit.inputs.to_string(),
            digest: self.verdict.rendered.digest.to_string(),
            objects,
            generation: kit.metadata.generation,
        };
        let mut before = kit.status.clone().unwrap_or_default();
        before.repository = self.repository.name_any();
        before.path = self.verdict.kit.path.to_string();
        let after = kit_status(&before, &attempt, &jiff::Timestamp::now().to_string());
        if kit.status.as_ref() == Some(&after) {
            return Ok(());
        }
        let (namespace, name) = (self.namespace(), self.object_name());
        self.shared
            .cluster
            .put_kit_status(&namespace, &name, &after)
            .await?;
        if let Some(note) = kit_note(&before, &after, &attempt) {
            self.shared.cluster.publish(&reference(&kit), &note).await;
        }
        self.shared.kits.put(Kit {
            status: Some(after),
            ..Kit::clone(&kit)
        });
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
    all("labels", kit.labels()) && all("annotations", kit.annotations())
}
