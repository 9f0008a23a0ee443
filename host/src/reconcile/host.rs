//! The host: one actor a Repository, fed by watches.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use kube::ResourceExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::admission::{self, Door, DoorError, RepositoryId};
use crate::cluster::{
    Candidate, Cluster, ClusterError, KitChange, LeaseLost, RepositoryChange, Touched, Turns,
};
use crate::history::{HistoryError, Writer, WriterOptions};
use crate::kit::{Repository, custom_resource_definitions};
use crate::manifest::GroupKind;
use crate::pipeline::{PluginStore, finished_at_once};
use crate::plan::group_kinds_of;
use crate::source::Worker;
use crate::web::{self, Web, WebError};

use super::ages::Ages;
use super::answers::HostAnswers;
use super::asked::Desk;
use super::index::{KitIndex, RepositoryIndex, SetIndex, id_of};
use super::recording::Recorder;
use super::repository::{Actor, Message};

/// How a host runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where mirrors are kept; made if missing.
    pub cache: PathBuf,
    pub worker: Worker,
    /// Threads that render and validate at once.
    pub workers: NonZeroUsize,
    /// Only Repositories of this namespace; those of others are another host's.
    pub namespace: Option<String>,
    /// End when every Repository there is has been settled once.
    pub once: bool,
    /// The lease that this host waits for before it acts.
    pub candidate: Candidate,
    /// How it judges direct changes, if it does.
    pub admission: Option<admission::Options>,
    /// How it can be asked, if it can.
    pub web: Option<web::Options>,
    /// Where what is done is recorded, if it is.
    pub history: Option<WriterOptions>,
}

/// Why the host cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Lease(#[from] LeaseLost),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Admission(#[from] DoorError),
    #[error(transparent)]
    Web(#[from] WebError),
}

/// What `once` came to, for each Repository: whether all of it is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub namespace: String,
    pub repository: String,
    pub ready: bool,
    /// False if Git could not be asked.
    pub fetched: bool,
}

/// A kit that takes longer waits for something, and lets others begin.
const KIT_PATIENCE: Duration = Duration::from_secs(5);

/// How long the end waits for what is still to be recorded.
const RECORDED: Duration = Duration::from_secs(2);

/// Each is a child process.
const FETCHES: usize = 4;

/// What all actors share.
pub(super) struct Shared {
    pub cluster: Cluster,
    /// Kits that are worked on at once: enough to keep the API server busy. Each costs memory.
    pub turns: Turns,
    pub options: Options,
    pub plugins: Arc<PluginStore>,
    /// What is fetched of other places at once, of all Repositories.
    pub fetches: tokio::sync::Semaphore,
    /// Kits that take long and are rendered at once, of all Repositories.
    pub finishes: tokio::sync::Semaphore,
    pub repositories: RepositoryIndex,
    pub desk: Desk,
    pub kits: KitIndex,
    pub sets: SetIndex,
    pub ages: Ages,
    pub door: Option<Door>,
    /// What was done is recorded, unless the host is told not to.
    pub recorder: Option<Recorder>,
}

/// Runs until `shutdown` resolves, or, with `once`, until every Repository has settled.
pub async fn run(
    cluster: Cluster,
    plugins: Arc<PluginStore>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Result<Vec<Settled>, HostError> {
    let version = cluster.version().await?;
    tokio::pin!(shutdown);
    let candidate = options.candidate.clone();
    cluster.make_namespace(&candidate.namespace).await?;
    tokio::select! {
        () = &mut shutdown => return Ok(Vec::new()),
        led = cluster.lead(&candidate) => led?,
    }
    cluster.install(&custom_resource_definitions()).await?;
    cluster.discover().await?;
    tracing::info!(server = %version, "connected");
    let door = door(&cluster, &options).await?;
    let recorder = match &options.history {
        Some(history) => Some(Recorder::new(Writer::start(history.clone())?)),
        None => None,
    };
    let shared = Arc::new(Shared {
        turns: Turns::new(2 * cluster.concurrency(), KIT_PATIENCE),
        fetches: tokio::sync::Semaphore::new(FETCHES),
        finishes: tokio::sync::Semaphore::new(finished_at_once()),
        cluster,
        options,
        plugins,
        repositories: RepositoryIndex::default(),
        desk: Desk::default(),
        kits: KitIndex::default(),
        sets: SetIndex::default(),
        ages: Ages::default(),
        door,
        recorder,
    });
    let web = web(&shared).await?;
    let mut host = Host {
        shared,
        actors: HashMap::new(),
        running: JoinSet::new(),
        settled: HashMap::new(),
    };
    let cluster = host.shared.cluster.clone();
    let ended = tokio::select! {
        () = shutdown => Ok(Vec::new()),
        settled = host.follow() => Ok(settled),
        lost = cluster.keep_leading(&candidate) => Err(lost.into()),
    };
    // What is under way ends before another host is let in.
    let shared = host.shared.clone();
    drop((web, host));
    if let Some(recorder) = &shared.recorder {
        // What is not written by then is in the spool.
        recorder.writer().settled(RECORDED).await;
    }
    cluster.stop_leading(&candidate).await;
    ended
}

/// Before anything is sent: what a host before this one registered asks for an answer.
async fn door(cluster: &Cluster, options: &Options) -> Result<Option<Door>, HostError> {
    if let Some(admission) = &options.admission {
        return Ok(Some(Door::open(cluster, admission.clone()).await?));
    }
    // Nobody would answer any more.
    let name = admission::Options::configuration_of(options.namespace.as_deref());
    if let Err(error) = cluster.remove_webhooks(&name).await {
        tracing::debug!(%error, "an admission webhook of a host before this one may be left");
    }
    Ok(None)
}

/// Whoever asks is answered while this host acts.
async fn web(shared: &Arc<Shared>) -> Result<Option<Web>, HostError> {
    let Some(options) = &shared.options.web else {
        return Ok(None);
    };
    let answers = Arc::new(HostAnswers::new(shared.clone(), Timestamp::now()));
    let web = Web::open(&shared.cluster, options.clone(), answers).await?;
    Ok(Some(web))
}

struct Host {
    shared: Arc<Shared>,
    actors: HashMap<(String, String), mpsc::UnboundedSender<Message>>,
    running: JoinSet<()>,
    settled: HashMap<(String, String), Settled>,
}

impl Host {
    async fn follow(&mut self) -> Vec<Settled> {
        let (report, mut reports) = mpsc::unbounded_channel();
        let namespace = self.shared.options.namespace.clone();
        let mut kits = self.shared.cluster.watch_kits(namespace.as_deref()).boxed();
        let mut listed = HashSet::new();
        // Every Kit that there is must be known before any Repository is looked at.
        while let Some(change) = kits.next().await {
            if matches!(change, KitChange::Listed) {
                break;
            }
            self.kit_changed(change, &mut listed);
        }
        self.watch_what_is_owned().await;
        let mut repositories = self
            .shared
            .cluster
            .watch_repositories(namespace.as_deref())
            .boxed();
        let mut seen = HashSet::new();
        let mut all_listed = false;
        // Without a listener the other branches go on.
        let touched = self.shared.cluster.watched().touched();
        let mut touched = touched.unwrap_or_else(|| mpsc::unbounded_channel().1);
        loop {
            tokio::select! {
                Some(touched) = touched.recv() => self.touched(&touched),
                Some(change) = kits.next() => self.kit_changed(change, &mut listed),
                Some(change) = repositories.next() => {
                    all_listed |= matches!(change, RepositoryChange::Listed);
                    self.repository_changed(change, &mut seen, &report);
                }
                Some(settled) = reports.recv() => {
                    let settled: Settled = settled;
                    self.settled.insert((settled.namespace.clone(), settled.repository.clone()), settled);
                }
                else => break,
            }
            let done = self.actors.keys().all(|id| self.settled.contains_key(id));
            if self.shared.options.once && all_listed && done {
                break;
            }
        }
        self.settled.values().cloned().collect()
    }

    /// The inventory's kinds are those that the Kits name (KEP-3659).
    async fn watch_what_is_owned(&self) {
        let kinds: BTreeSet<GroupKind> = self
            .shared
            .kits
            .lock()
            .values()
            .flat_map(|kit| group_kinds_of(kit.annotations()))
            .collect();
        if let Err(error) = self.shared.cluster.watch_kinds(&kinds).await {
            // Only kits that have such objects stop because of it.
            tracing::warn!(%error, "not all that is owned can be watched");
        }
    }

    fn kit_changed(&mut self, change: KitChange, listed: &mut HashSet<(String, String)>) {
        match change {
            KitChange::Listing => listed.clear(),
            KitChange::Listed => {
                self.shared.kits.listed(listed);
            }
            KitChange::Gone { namespace, name } => {
                self.shared.kits.remove(&namespace, &name);
                self.tell_all(&namespace, &name, false);
            }
            KitChange::Put(kit) => {
                let (namespace, name) = id_of(&kit);
                listed.insert((namespace.clone(), name.clone()));
                let asks_anew = self.shared.kits.shows(&kit);
                self.shared.kits.put(*kit);
                if asks_anew {
                    self.tell_all(&namespace, &name, false);
                }
                if self.shared.kits.lost_status(&namespace, &name) {
                    self.tell_all(&namespace, &name, true);
                }
            }
        }
    }

    /// Tells the actors of a namespace that a Kit's spec changed, or that it is gone; or that its
    /// status is not what was written last.
    fn tell_all(&self, namespace: &str, name: &str, status: bool) {
        for ((_, _), actor) in self
            .actors
            .iter()
            .filter(|((place, _), _)| place == namespace)
        {
            // An actor that has ended is about to be removed.
            let object_name = name.to_owned();
            let _ = actor.send(match status {
                true => Message::StatusTouched { object_name },
                false => Message::KitTouched { object_name },
            });
        }
    }

    fn touched(&self, touched: &Touched) {
        // An actor that has ended is about to be removed.
        match touched {
            Touched::Set(set) | Touched::Health(set) => {
                let Some(member) = self.shared.sets.get(set) else {
                    return;
                };
                let path = member.path;
                if let Some(actor) = self.actors.get(&(member.namespace, member.repository)) {
                    let health = matches!(touched, Touched::Health(_));
                    let _ = actor.send(Message::Touched { path, health });
                }
            }
            Touched::Object(key) => {
                for actor in self.actors.values() {
                    let _ = actor.send(Message::Awaited { key: key.clone() });
                }
            }
            Touched::Namespace(name) => {
                for actor in self.actors.values() {
                    let _ = actor.send(Message::NamespaceGone { name: name.clone() });
                }
            }
        }
    }

    fn repository_changed(
        &mut self,
        change: RepositoryChange,
        seen: &mut HashSet<(String, String)>,
        report: &mpsc::UnboundedSender<Settled>,
    ) {
        match change {
            RepositoryChange::Listing => seen.clear(),
            RepositoryChange::Listed => {
                self.actors.retain(|id, _| seen.contains(id));
                self.shared.repositories.listed(seen);
                if let Some(door) = &self.shared.door {
                    door.listed(seen.iter().map(repository_id).collect());
                }
            }
            RepositoryChange::Gone { namespace, name } => {
                // Dropping the sender ends the actor; what is live stays.
                self.shared.sets.forget(&namespace, &name);
                let id = (namespace, name);
                self.shared.repositories.remove(&id);
                if let Some(door) = &self.shared.door {
                    door.forget(repository_id(&id));
                }
                self.actors.remove(&id);
            }
            RepositoryChange::Put(repository) => {
                let id = (
                    repository.namespace().unwrap_or_default(),
                    repository.name_any(),
                );
                seen.insert(id.clone());
                let record = repository.status.as_ref().and_then(|it| it.record.as_ref());
                self.shared.repositories.put(&id, record);
                self.put(id, *repository, report);
            }
        }
    }

    fn put(
        &mut self,
        id: (String, String),
        repository: Repository,
        report: &mpsc::UnboundedSender<Settled>,
    ) {
        let repository = match self.actors.get(&id) {
            None => repository,
            Some(actor) => match actor.send(Message::Repository(Box::new(repository))) {
                Ok(()) => return,
                Err(ended) => match ended.0 {
                    Message::Repository(repository) => *repository,
                    _ => return,
                },
            },
        };
        let (sender, inbox) = mpsc::unbounded_channel();
        self.shared.desk.put(&id, &sender);
        self.actors.insert(id, sender);
        let actor = Actor::new(self.shared.clone(), repository, inbox, report.clone());
        self.running.spawn(actor.run());
    }
}

fn repository_id((namespace, name): &(String, String)) -> RepositoryId {
    RepositoryId {
        namespace: namespace.clone(),
        name: name.clone(),
    }
}
