//! What people ask about Repositories: an actor shows how things are at that moment, and the answer
//! is worked out beside it, so that no question holds anything up.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::ResourceExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::cluster::ClusterError;
use crate::kit::{KitPath, Quarantine, Repository};
use crate::manifest::{Finding, ObjectKey};
use crate::pipeline::{Evaluation, Verdict};
use crate::source::{Commit, Follow, Mirror, SourceError};
use crate::web::{Ask, Refusal};

use super::host::Shared;
use super::kit::Task;
use super::repository::{Actor, Message};
use super::sent::Sent;

/// How long an answer may be worked on: the one who asks gives up a little later.
pub(super) const ANSWER: Duration = Duration::from_secs(40);
/// How long an actor may take until it shows how things are.
const PATIENCE: Duration = Duration::from_secs(10);
/// Questions that are worked on at once: each may render, and kits come first.
const AT_ONCE: usize = 2;

/// Namespace and name of a Repository.
type Id = (String, String);

/// The way to the actors.
pub(super) struct Desk {
    actors: Mutex<HashMap<Id, mpsc::WeakUnboundedSender<Message>>>,
    turns: Arc<Semaphore>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            actors: Mutex::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Desk {
    /// Does not keep the actor alive.
    pub(super) fn put(&self, id: &Id, actor: &mpsc::UnboundedSender<Message>) {
        let mut actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
        actors.retain(|_, it| it.strong_count() > 0);
        actors.insert(id.clone(), actor.downgrade());
    }

    /// Waits until it may be worked on.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let turn = self.turns.clone().acquire_owned().await;
        turn.map_err(|_| Refusal::unavailable("the host is ending"))
    }

    /// How things are at a Repository. Nothing if there is none of this name.
    pub(super) async fn view(&self, id: &Id, kit: Option<&str>) -> Result<Option<View>, Refusal> {
        let actor = {
            let actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
            actors.get(id).and_then(mpsc::WeakUnboundedSender::upgrade)
        };
        let Some(actor) = actor else { return Ok(None) };
        let (reply, shown) = oneshot::channel();
        let kit = kit.map(str::to_owned);
        if actor.send(Message::Show { kit, reply }).is_err() {
            return Ok(None);
        }
        drop(actor);
        match tokio::time::timeout(PATIENCE, shown).await {
            Ok(Ok(view)) => Ok(Some(view)),
            Ok(Err(_)) => Ok(None),
            Err(_) => Err(Refusal::unavailable(format!(
                "the Repository {}/{} is busy; try again in a moment",
                id.0, id.1
            ))),
        }
    }
}

/// A Repository as its actor has it.
pub(super) struct View {
    pub repository: Arc<Repository>,
    pub mirror: Option<Arc<Mirror>>,
    /// The newest commit that was fetched.
    pub head: Option<Arc<Commit>>,
    /// The commit that was taken up, which `evaluation` is of; what is held apart is in it as it is
    /// held.
    pub taken: Option<Arc<Commit>>,
    pub evaluation: Arc<Evaluation>,
    pub kits: BTreeMap<KitPath, KitView>,
    deleting: bool,
    trouble: Option<String>,
}

/// A kit as its actor has it.
#[derive(Clone)]
pub(super) struct KitView {
    pub verdict: Verdict,
    pub emptied: bool,
    pub quarantine: Option<Quarantine>,
    held: BTreeMap<ObjectKey, Duration>,
}

impl Actor {
    pub(super) fn view(&self, kit: Option<&str>) -> View {
        let now = tokio::time::Instant::now();
        let kits = self.kits.iter().filter(|(path, _)| {
            kit.is_none_or(|kit| path.as_str() == kit || path.object_name() == kit)
        });
        let kits = kits.map(|(path, state)| {
            let view = KitView {
                verdict: state.verdict.clone(),
                emptied: state.emptied,
                quarantine: state.quarantine.clone(),
                held: state.fights.held(now),
            };
            (path.clone(), view)
        });
        View {
            repository: self.repository.clone(),
            mirror: self.mirror.clone(),
            head: self.head.clone(),
            taken: self.taken.clone(),
            evaluation: self.evaluation.clone(),
            kits: kits.collect(),
            deleting: self.deleting,
            trouble: self.source_error.as_ref().map(|(_, words)| words.clone()),
        }
    }
}

impl View {
    pub(super) fn namespace(&self) -> String {
        self.repository.namespace().unwrap_or_default()
    }

    pub(super) fn name(&self) -> String {
        self.repository.name_any()
    }

    /// The mirror and the newest commit.
    pub(super) fn source(&self) -> Result<(Arc<Mirror>, Arc<Commit>), Refusal> {
        match (&self.mirror, &self.head) {
            (Some(mirror), Some(head)) => Ok((mirror.clone(), head.clone())),
            _ => {
                let why = match &self.trouble {
                    Some(words) => format!(": {words}"),
                    None => String::new(),
                };
                let (namespace, name) = (self.namespace(), self.name());
                Err(Refusal::unavailable(format!(
                    "the Repository {namespace}/{name} has no commit yet{why}"
                ))
                .hint("see `trimtab status`"))
            }
        }
    }

    pub(super) fn follow(&self) -> Follow {
        let follow = self.repository.spec.follow();
        follow.unwrap_or_else(|_| Follow::Branch("main".into()))
    }

    /// What a person calls a revision; the one that was taken up if nothing is said. Blocking.
    pub(super) fn commit(&self, name: Option<&str>) -> Result<Arc<Commit>, Refusal> {
        let (mirror, head) = self.source()?;
        let verify = self.repository.spec.verify.is_some();
        let Some(newest) = self.taken.as_ref().or((!verify).then_some(&head)) else {
            return Err(Refusal::unavailable(
                "no revision is taken up yet: the newest one is not verified",
            )
            .hint("see `trimtab status`"));
        };
        let Some(name) = name else {
            return Ok(newest.clone());
        };
        let found = mirror.named(name, &head.revision, &self.follow());
        let found = found.map_err(refused)?;
        // The mirror also has what signatures have kept from being taken up.
        let verified = !verify
            || mirror
                .leads_to(&found.revision, &newest.revision)
                .map_err(refused)?;
        match verified {
            true => Ok(Arc::new(found)),
            false => Err(Refusal::missing(format!(
                "revision {} is not part of the history that is verified",
                found.revision.short()
            ))),
        }
    }

    /// An attempt on a kit, as it would be begun now. Only what would come of it is asked.
    pub(super) fn task(
        &self,
        shared: &Arc<Shared>,
        verdict: Verdict,
        commit: Arc<Commit>,
        evaluation: Arc<Evaluation>,
        gone: bool,
    ) -> Task {
        let state = self.kits.get(&verdict.kit.path);
        Task {
            shared: shared.clone(),
            repository: self.repository.clone(),
            commit,
            held: state.map(|it| it.held.clone()).unwrap_or_default(),
            quarantine: None,
            stays: Vec::new(),
            carried: 0,
            were: None,
            unmet: Vec::new(),
            emptied: state.is_some_and(|it| gone && it.emptied),
            deleting: self.deleting,
            evaluated: None,
            sent: Sent::default(),
            verdict,
            evaluation,
            gone,
        }
    }
}

/// The Repositories that a question is about, each with the kits that it names: by `namespace`,
/// `repository` and `kit`; all where nothing is said.
pub(super) async fn views(shared: &Shared, ask: &Ask) -> Result<Vec<View>, Refusal> {
    let (namespace, repository) = (ask.get("namespace"), ask.get("repository"));
    let kit = ask.get("kit");
    let ids = shared
        .repositories
        .all()
        .into_iter()
        .filter(|(here, name)| {
            namespace.is_none_or(|it| it == here) && repository.is_none_or(|it| it == name)
        });
    let mut views = Vec::new();
    for id in ids {
        views.extend(shared.desk.view(&id, kit).await?);
    }
    if views.is_empty() {
        let said = match (namespace, repository) {
            (None, None) => "this host follows no Repository".to_owned(),
            (Some(here), None) => format!("this host follows no Repository in {here}"),
            (_, Some(name)) => format!("this host follows no Repository {name} there"),
        };
        return Err(Refusal::missing(said).hint("`trimtab host` shows those that it follows"));
    }
    let Some(kit) = kit else { return Ok(views) };
    let unknown: Vec<String> = views
        .iter()
        .filter_map(|view| view.source().err())
        .map(|it| it.message)
        .collect();
    views.retain(|view| !view.kits.is_empty());
    match &views[..] {
        [_] => Ok(views),
        [] => match unknown.into_iter().next() {
            Some(words) => Err(Refusal::unavailable(words)),
            None => Err(Refusal::missing(format!("there is no kit {kit}"))
                .hint("`trimtab status` shows the kits")),
        },
        several => {
            let places: Vec<String> = several.iter().map(View::namespace).collect();
            let places = places.join(", ");
            Err(
                Refusal::unclear(format!("there is a kit {kit} in the namespaces {places}"))
                    .hint("say --namespace"),
            )
        }
    }
}

/// Why something of a Git repository cannot be had.
pub(super) fn refused(error: SourceError) -> Refusal {
    match error {
        SourceError::NoRevision { .. } | SourceError::NotFound { .. } => {
            Refusal::missing(error.to_string())
        }
        SourceError::Damaged { .. } => Refusal::unavailable(error.to_string())
            .hint("the commit may be gone from the remote, or the mirror is being fetched anew"),
        other => Refusal::failed(other.to_string()),
    }
}

/// Runs what blocks where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Refusal::failed(format!(
            "it could not be worked out: {error}"
        )))
    })
}

/// Does work that looks up now and then, and is to end at a certain time. Blocking.
pub(super) fn within<T>(until: Instant, work: impl FnOnce(&AtomicBool) -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let over = &over;
        scope.spawn(move || {
            let left = until.saturating_duration_since(Instant::now());
            if ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                over.store(true, Ordering::Relaxed);
            }
        });
        let result = work(over);
        drop(done);
        result
    })
}

/// The API server could not be asked.
pub(super) fn away(error: ClusterError) -> Refusal {
    Refusal::unavailable(error.to_string())
}

/// The first errors, in words.
pub(super) fn first_error(findings: &[Finding]) -> String {
    let error = findings.iter().find(|it| it.is_error());
    error.map_or_else(String::new, ToString::to_string)
}
