//! `/v1/diff`: what a revision would change, by the same plan as an attempt's, and a dry run of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kit::{KitPath, KitSource, RevisionStatus};
use crate::manifest::Finding;
use crate::pipeline::{Evaluation, Evaluator, Revisions, Verdict};
use crate::source::{Commit, Mirror};
use crate::web::{Ask, Refusal};

use super::asked::{ANSWER, View, blocking, first_error, refused, views, within};
use super::host::Shared;

/// Kits that are looked at at once.
const KITS: usize = 4;
/// Bytes of all differences of one answer.
const TEXT: usize = 4 << 20;

/// The answer to `/v1/diff`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// In the order of Repositories and kits; of those where nothing changes only the name.
    pub kits: Vec<KitDiff>,
}

/// What would become of a kit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KitDiff {
    pub kit: String,
    pub namespace: String,
    pub repository: String,
    /// The revision that was looked at.
    pub revision: RevisionStatus,
    /// The one that is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<RevisionStatus>,
    pub state: KitState,
    /// What would be found; errors keep the kit from the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectDiff>,
    /// Objects that are as they would be.
    #[serde(default)]
    pub unchanged: usize,
    /// What to know of it: that the kit is suspended, say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KitState {
    /// Nothing would change.
    Same,
    Changes,
    /// Nothing would be sent, for there are errors.
    Refused,
    /// It cannot be told.
    Unknown,
}

/// What would become of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDiff {
    /// `Service manufracture/vision`.
    pub object: String,
    pub change: ObjectChange,
    /// Why it is sent.
    pub reason: String,
    /// `kits/manufracture/vision/service.yaml:1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// RFC 6901 pointers into the live object; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// A unified diff of YAML, with what Secrets hold masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectChange {
    Create,
    Update,
    Delete,
    /// It stays in the cluster and is the kit's no longer.
    Release,
    /// Another kit takes it over.
    HandOver,
    /// Others have changed it, and the kit leaves it so.
    Drift,
    /// It would be sent, and what would come of it cannot be told.
    Unknown,
}

/// `namespace`, `repository`, `kit` and `revision`; all kits and the newest revision, where nothing
/// is said.
pub(super) async fn diff(shared: &Arc<Shared>, ask: &Ask) -> Result<Value, Refusal> {
    let views = views(shared, ask).await?;
    let turn = Arc::new(shared.desk.turn().await?);
    let until = Instant::now() + ANSWER;
    let mut told = Diff::default();
    for view in views {
        let name = ask.get("revision").map(str::to_owned);
        let kit = ask.get("kit").is_some();
        let (work, turn) = (shared.clone(), turn.clone());
        let (view, aim) = blocking(move || {
            // As long as it is worked on, whether somebody waits for it or not.
            let _turn = turn;
            let aim = Aim::of(&work, &view, name.as_deref(), kit, until)?;
            Ok((view, aim))
        })
        .await?;
        let (view, aim) = (&view, &aim);
        let kits = aim.kits.iter().map(|(verdict, gone)| {
            let told = foreseen(shared, view, aim, verdict, *gone, until);
            Box::pin(told) as BoxFuture<'_, KitDiff>
        });
        // Made before they are run: the compiler cannot tell otherwise how long they may live.
        let kits: Vec<_> = kits.collect();
        let kits: Vec<_> = futures::stream::iter(kits).buffered(KITS).collect().await;
        told.kits.extend(kits);
    }
    bound(&mut told);
    serde_json::to_value(told).map_err(|error| Refusal::failed(error.to_string()))
}

/// The revision that is asked about, and what it makes of the kits.
struct Aim {
    commit: Arc<Commit>,
    evaluation: Arc<Evaluation>,
    /// Those to be told of, and whether the revision lacks each.
    kits: Vec<(Verdict, bool)>,
}

impl Aim {
    fn of(
        shared: &Shared,
        view: &View,
        name: Option<&str>,
        one: bool,
        until: Instant,
    ) -> Result<Self, Refusal> {
        let (mirror, _) = view.source()?;
        let commit = view.commit(name)?;
        let taken = view.taken.as_ref().map(|it| &it.revision);
        // As it is taken up, kits that are held are as they are held.
        let newest = name.is_none() && taken == Some(&commit.revision);
        let paths: BTreeSet<KitPath> = view.kits.keys().cloned().collect();
        // What is late is not known there yet.
        let late = one && paths.iter().any(|it| view.evaluation.is_late(it));
        let newest = newest && !late;
        let mut evaluation = view.evaluation.clone();
        let verdicts: Vec<Verdict> = if newest {
            let wanted = |it: &&Verdict| !one || paths.contains(&it.kit.path);
            evaluation.verdicts.iter().filter(wanted).cloned().collect()
        } else if one {
            // Beside the others as they are, as a kit that is rolled back.
            alone(shared, view, &mirror, &commit, &paths)?
        } else {
            evaluation = Arc::new(evaluated(shared, view, &mirror, &commit, until)?);
            evaluation.verdicts.clone()
        };
        let present: BTreeSet<KitPath> = verdicts.iter().map(|it| it.kit.path.clone()).collect();
        let mut kits: Vec<(Verdict, bool)> = verdicts.into_iter().map(|it| (it, false)).collect();
        let gone = paths.into_iter().filter(|path| !present.contains(path));
        kits.extend(gone.map(|path| {
            let budget = KitSource::left_out(&path, &view.repository.spec).budget;
            let source = KitSource {
                budget,
                ..KitSource::without_files(path)
            };
            (Verdict::nothing_of(source), true)
        }));
        kits.sort_by(|(a, _), (b, _)| a.kit.path.cmp(&b.kit.path));
        Ok(Self {
            commit,
            evaluation,
            kits,
        })
    }
}

fn alone(
    shared: &Shared,
    view: &View,
    mirror: &Mirror,
    commit: &Commit,
    paths: &BTreeSet<KitPath>,
) -> Result<Vec<Verdict>, Refusal> {
    let snapshot = mirror.snapshot(&commit.revision).map_err(refused)?;
    let newest = &view.evaluation;
    let settings = (&view.repository.spec, &newest.supplied);
    let evaluator = Evaluator::new(shared.plugins.clone(), shared.options.workers);
    let head = view.commit(None)?;
    let head = mirror.snapshot(&head.revision).map_err(refused)?;
    let found = evaluator.evaluate_kits(&snapshot, &head, settings, paths, &newest.defined);
    let mut verdicts = found.map_err(refused)?;
    for verdict in &mut verdicts {
        let path = &verdict.kit.path;
        let others = newest.verdicts.iter().filter(|it| it.kit.path != *path);
        let others: Vec<Verdict> = others.cloned().collect();
        let clashes = evaluator.clashes(&snapshot, verdict, newest.verdict(path), &others);
        verdict.cross = clashes;
    }
    Ok(verdicts)
}

fn evaluated(
    shared: &Shared,
    view: &View,
    mirror: &Mirror,
    commit: &Commit,
    until: Instant,
) -> Result<Evaluation, Refusal> {
    let snapshot = mirror.snapshot(&commit.revision).map_err(refused)?;
    let mut evaluator = Evaluator::new(shared.plugins.clone(), shared.options.workers);
    let (spec, head) = (&view.repository.spec, view.commit(None)?);
    let head = mirror.snapshot(&head.revision).map_err(refused)?;
    let revisions = Revisions {
        snapshot: &snapshot,
        newest: &head,
        pins: &[],
        supplied: view.evaluation.supplied.clone(),
    };
    let found = within(until, |over| evaluator.evaluate_all(&revisions, spec, over));
    found.map_err(refused)?.map_err(|_| {
        Refusal::unavailable(format!(
            "all kits of {} take longer than {} s",
            commit.revision.short(),
            ANSWER.as_secs()
        ))
        .hint("ask for one kit")
    })
}

fn nothing_of(view: &View, aim: &Aim, path: &KitPath, shared: &Shared) -> KitDiff {
    let kit = shared.kits.get(&view.namespace(), &path.object_name());
    let status = kit.and_then(|kit| kit.status.clone());
    KitDiff {
        kit: path.to_string(),
        namespace: view.namespace(),
        repository: view.name(),
        revision: RevisionStatus::new(&aim.commit, None),
        live: status.and_then(|status| status.applied),
        state: KitState::Unknown,
        findings: Vec::new(),
        objects: Vec::new(),
        unchanged: 0,
        notes: Vec::new(),
    }
}

async fn foreseen(
    shared: &Arc<Shared>,
    view: &View,
    aim: &Aim,
    verdict: &Verdict,
    gone: bool,
    until: Instant,
) -> KitDiff {
    let path = &verdict.kit.path;
    let mut told = nothing_of(view, aim, path, shared);
    let commit = match &verdict.pinned {
        Some(pinned) => {
            let words = format!(
                "the kit is held at {}, until `trimtab resume`",
                pinned.asked
            );
            told.notes.push(words);
            pinned.commit.clone().unwrap_or_else(|| aim.commit.clone())
        }
        None => aim.commit.clone(),
    };
    told.revision = RevisionStatus::new(&commit, None);
    if Instant::now() >= until {
        let words = "there was no time left to look at it; ask for this kit alone";
        told.notes.push(words.into());
        return told;
    }
    let evaluation = aim.evaluation.clone();
    let task = view.task(shared, verdict.clone(), commit, evaluation, gone);
    let (mirror, before) = (view.mirror.clone(), view.kits.get(path));
    let bad = before.and_then(|it| it.quarantine.as_ref());
    if let Some(bad) = bad.filter(|it| it.inputs == verdict.kit.inputs.to_string()) {
        let words = "it was rolled back, and is not tried again until a commit changes the kit";
        told.notes.push(format!("{words}: {}", bad.message));
    }
    let before = before.map(|it| it.verdict.rendered.clone());
    match task.foresee(mirror, before, &mut told).await {
        Ok(()) if told.findings.iter().any(Finding::is_error) => told.state = KitState::Refused,
        Ok(())
            if told
                .objects
                .iter()
                .any(|it| it.change == ObjectChange::Unknown) => {}
        Ok(())
            if told
                .objects
                .iter()
                .all(|it| it.change == ObjectChange::Drift) =>
        {
            told.state = KitState::Same;
        }
        Ok(()) => told.state = KitState::Changes,
        Err(error) => {
            told.objects.clear();
            told.notes.push(format!("it cannot be told: {error}"));
        }
    }
    if told.state == KitState::Refused {
        tracing::debug!(kit = %path, error = first_error(&told.findings), "would be refused");
    }
    told
}

/// Keeps an answer small: the differences that are too much are named, and not shown.
fn bound(told: &mut Diff) {
    let mut left = TEXT;
    let objects = told.kits.iter_mut().flat_map(|kit| &mut kit.objects);
    for object in objects {
        let size = object.diff.as_ref().map_or(0, String::len);
        if size > left {
            object.diff = None;
            object.note =
                Some("too large to be shown with all others; ask for its kit alone".into());
        } else {
            left -= size;
        }
    }
}
