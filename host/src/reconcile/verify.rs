//! `/v1/verify`: is what is live what its revision renders to?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cluster::ClusterError;
use crate::kit::{KitPath, KitStatus, RevisionStatus};
use crate::manifest::{Manifest, ObjectKey, Scopes};
use crate::pipeline::{Rendered, Reproduced, Verdict, reproduce, settle};
use crate::plan::Reason;
use crate::source::{Commit, Revision};
use crate::web::{Ask, Refusal};

use super::asked::{ANSWER, View, blocking, refused, views, within};
use super::host::Shared;
use super::recorded::{others, recorded, why};

/// Objects of one kit that are named.
const NAMED: usize = 100;

/// The answer to `/v1/verify`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    pub kits: Vec<KitVerdict>,
}

/// Whether a kit could be reproduced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KitVerdict {
    pub kit: String,
    pub namespace: String,
    pub repository: String,
    /// The revision that was rendered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionStatus>,
    /// Nothing where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduced: Option<bool>,
    /// Of the objects as they were rendered when they were applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// Of the objects as they are rendered now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered: Option<String>,
    /// Live objects that are as they are rendered; only where the revision is live.
    #[serde(default)]
    pub objects: usize,
    /// Those that are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differing: Vec<Differing>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An object that is not as it is rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Differing {
    /// `Service manufracture/vision`.
    pub object: String,
    /// In words.
    pub how: String,
}

/// `namespace`, `repository`, `kit` and `revision`; all kits, and what is live of each, where
/// nothing is said.
pub(super) async fn verify(shared: &Arc<Shared>, ask: &Ask) -> Result<Value, Refusal> {
    let views = views(shared, ask).await?;
    let turn = Arc::new(shared.desk.turn().await?);
    let until = Instant::now() + ANSWER;
    let mut told = Verification::default();
    for view in views {
        let name = ask.get("revision").map(str::to_owned);
        let (work, turn) = (shared.clone(), turn.clone());
        let (view, again) = blocking(move || {
            let _turn = turn;
            let again = render_again(&work, &view, name.as_deref(), until)?;
            Ok((view, again))
        })
        .await?;
        for again in again {
            told.kits.push(verdict(shared, &view, again).await);
        }
    }
    serde_json::to_value(told).map_err(|error| Refusal::failed(error.to_string()))
}

/// A kit, rendered again or not.
pub(super) struct Again {
    pub path: KitPath,
    pub status: KitStatus,
    pub commit: Option<Arc<Commit>>,
    pub reproduced: Result<Reproduced, String>,
}

/// All kits of one revision are rendered at once.
fn render_again(
    shared: &Shared,
    view: &View,
    name: Option<&str>,
    until: Instant,
) -> Result<Vec<Again>, Refusal> {
    let (mirror, head) = view.source()?;
    let asked = name.map(|name| view.commit(Some(name))).transpose()?;
    let mut by_revision: BTreeMap<Revision, BTreeSet<KitPath>> = BTreeMap::new();
    let mut all = Vec::new();
    for path in view.kits.keys() {
        let kit = shared.kits.get(&view.namespace(), &path.object_name());
        let status = kit.and_then(|kit| kit.status.clone()).unwrap_or_default();
        let live = status.applied.as_ref();
        let live = live.map(|it| Revision::new(it.revision.as_str()));
        let revision = match &asked {
            Some(commit) => Some(commit.revision.clone()),
            None => live,
        };
        let mut again = Again {
            path: path.clone(),
            status,
            commit: None,
            reproduced: Err("nothing of it is live yet".into()),
        };
        if let Some(revision) = revision {
            let kits = by_revision.entry(revision.clone()).or_default();
            kits.insert(path.clone());
            again.reproduced = Err(format!(
                "revision {} does not have the kit",
                revision.short()
            ));
        }
        all.push(again);
    }
    for (revision, paths) in by_revision {
        let rendered = mirror.snapshot(&revision).and_then(|snapshot| {
            let newest = mirror.snapshot(&head.revision)?;
            let evaluation = &view.evaluation;
            let settings = (&view.repository.spec, &evaluation.supplied);
            let found = within(until, |over| {
                reproduce(
                    (&snapshot, &newest),
                    settings,
                    &paths,
                    &evaluation.defined,
                    &shared.plugins,
                    over,
                )
            })?;
            Ok((snapshot.commit().cloned().map(Arc::new), found))
        });
        let of_it = all.iter_mut().filter(|it| paths.contains(&it.path));
        match rendered {
            Err(error) => {
                let words = refused(error).message;
                of_it.for_each(|it| it.reproduced = Err(words.clone()));
            }
            Ok((commit, found)) => {
                for again in of_it {
                    again.commit.clone_from(&commit);
                    match found.iter().find(|it| it.kit.path == again.path) {
                        Some(kit) => again.reproduced = Ok(kit.clone()),
                        None if Instant::now() >= until => {
                            let words =
                                "there was no time left to render it; ask for this kit alone";
                            again.reproduced = Err(words.into());
                        }
                        None => {}
                    }
                }
            }
        }
    }
    Ok(all)
}

async fn verdict(shared: &Arc<Shared>, view: &View, again: Again) -> KitVerdict {
    let mut told = KitVerdict {
        kit: again.path.to_string(),
        namespace: view.namespace(),
        repository: view.name(),
        revision: again
            .commit
            .as_ref()
            .map(|it| RevisionStatus::new(it, None)),
        reproduced: None,
        recorded: None,
        rendered: None,
        objects: 0,
        differing: Vec::new(),
        notes: Vec::new(),
    };
    let (reproduced, commit) = match (&again.reproduced, &again.commit) {
        (Ok(reproduced), Some(commit)) => (reproduced, commit.clone()),
        (reproduced, _) => {
            told.notes.extend(reproduced.as_ref().err().cloned());
            return told;
        }
    };
    let others = match recorded(shared, view, &again, &commit.revision).await {
        Ok(found) => {
            told.recorded = found.digest;
            others(found.values.as_deref(), reproduced)
        }
        Err(words) => {
            told.notes.push(words);
            return told;
        }
    };
    told.notes.extend(others.clone());
    let digests: Vec<String> = reproduced
        .renderings
        .iter()
        .map(|it| it.digest.to_string())
        .collect();
    let same = digests
        .iter()
        .position(|it| Some(it) == told.recorded.as_ref());
    let rendered = &reproduced.renderings[same.unwrap_or(0)];
    told.rendered = Some(rendered.digest.to_string());
    if told.recorded.is_none() {
        told.notes.push(format!(
            "what the kit was rendered to when {} was applied is not recorded",
            commit.revision.short()
        ));
        return told;
    }
    // With other values it is another thing, and that says nothing of it.
    told.reproduced = Some(same.is_some()).filter(|same| *same || others.is_none());
    if same.is_none() && others.is_none() {
        told.notes.push(why(&again.status, reproduced, rendered));
    }
    let live = again.status.applied.as_ref().map(|it| it.revision.as_str());
    if live == Some(commit.revision.as_str())
        && told.reproduced.is_some()
        && let Err(error) = compare(shared, view, &commit, reproduced, rendered, &mut told).await
    {
        // What is another already stays so.
        told.reproduced = told.reproduced.filter(|same| !same);
        told.notes
            .push(format!("what is live cannot be told: {error}"));
    }
    told
}

/// The live objects, by the digest that each bears and by the fields that its kit owns.
async fn compare(
    shared: &Arc<Shared>,
    view: &View,
    commit: &Arc<Commit>,
    reproduced: &Reproduced,
    rendered: &Arc<Rendered>,
    told: &mut KitVerdict,
) -> Result<(), ClusterError> {
    let mut manifests = rendered.manifests.clone();
    let mut scopes = Scopes::default();
    let kinds = manifests.iter().map(Manifest::gvk);
    shared.cluster.learn_kinds(kinds, &mut scopes).await?;
    settle(&mut manifests, &reproduced.kit.grants, &scopes);
    let verdict = Verdict {
        kit: reproduced.kit.clone(),
        rendered: rendered.clone(),
        ..Verdict::nothing_of((*reproduced.kit).clone())
    };
    let task = view.task(
        shared,
        verdict,
        commit.clone(),
        view.evaluation.clone(),
        false,
    );
    let name = reproduced.kit.path.object_name();
    let Some(kit) = shared.kits.get(&view.namespace(), &name) else {
        return Ok(());
    };
    let plan = task.plan(&kit, &manifests);
    let mut differ = |object: String, how: String| {
        if told.differing.len() < NAMED {
            told.differing.push(Differing { object, how });
        }
    };
    for step in &plan.steps {
        let how = match &step.reason {
            Reason::NotInInventory | Reason::NamespaceMissing => "it is not there".to_owned(),
            Reason::ManifestChanged { from } => {
                format!(
                    "it was applied as {from}, and is rendered as {}",
                    step.digest
                )
            }
            Reason::Drifted { fields } => format!("others have changed {}", fields.join(", ")),
            Reason::HandedOver { .. } => "another kit has it".into(),
            Reason::Unsure => "what was applied last is not known for sure".into(),
        };
        differ(step.key.to_string(), how);
    }
    for refused in plan.refused.iter().filter_map(|it| it.object.as_ref()) {
        differ(refused.to_string(), "it is another's".into());
    }
    for key in &plan.awaited {
        differ(key.to_string(), "it is being deleted".into());
    }
    let mut reported = 0;
    for drift in &plan.drift {
        if !plan.steps.iter().any(|step| step.key == drift.key) {
            reported += 1;
            let how = format!(
                "others have changed {}, and the kit leaves it so",
                drift.fields.join(", ")
            );
            differ(drift.key.to_string(), how);
        }
    }
    let keys: BTreeSet<ObjectKey> = manifests.iter().map(Manifest::key).collect();
    let set = task.set();
    let extra: Vec<ObjectKey> = shared.cluster.watched().read(|inventory| {
        let live = inventory.owned_by(&set).map(|(key, _)| key.clone());
        live.filter(|key| !keys.contains(key)).collect()
    });
    for key in extra {
        differ(
            key.to_string(),
            "the kit has it live, and does not render it".into(),
        );
    }
    told.objects = plan.left.len() - reported;
    if !told.differing.is_empty() {
        told.reproduced = Some(false);
    }
    Ok(())
}
