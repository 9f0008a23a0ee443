//! One Repository: polls, evaluates what it finds, and lets kits go their own ways.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, atomic::AtomicBool};
use std::time::Instant;

use kube::ResourceExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use crate::cluster::ClusterError;
use crate::kit::{KitPath, Quarantine, Repository, RepositoryStatus};
use crate::manifest::{Finding, ObjectKey};
use crate::pipeline::{Evaluation, Evaluator, Finished};
use crate::source::{Auth, Commit, Mirror, Pinned, Poll, RemoteError, SourceError};

use super::asked::View;
use super::fetching::Fetching;
use super::finishing::Finishing;
use super::host::{Settled, Shared};
use super::index::requested;
use super::kit::Done;
pub(super) use super::kit_state::KitState;
use super::notices::Notices;
use super::pins::Evaluated;
use super::repository_record::Recounted;
use super::rollback::Earlier;
use super::supplies::Supplies;
use super::verifying::Refusal;

/// What an actor is told.
pub(super) enum Message {
    Repository(Box<Repository>),
    /// A Kit's spec changed, or the object is gone.
    KitTouched {
        object_name: String,
    },
    /// A Kit's status is not what was written last.
    StatusTouched {
        object_name: String,
    },
    /// Somebody else changed, made or deleted an object of the kit.
    Touched {
        path: KitPath,
        /// Nothing but the health of an object changed.
        health: bool,
    },
    /// An object that kits may wait for changed.
    Awaited {
        key: ObjectKey,
    },
    NamespaceGone {
        name: Arc<str>,
    },
    /// How things are, for whoever has been asked: of the kits that this names, or of all.
    Show {
        kit: Option<String>,
        reply: oneshot::Sender<View>,
    },
}

/// What runs beside the actor and reports to it.
pub(super) enum Job {
    PollDue,
    /// The mirror, if it could be opened, and what the poll found.
    Polled {
        mirror: Option<Arc<Mirror>>,
        result: Result<Poll, RemoteError>,
        /// When it began, and requests to the API server until then.
        asked: (Instant, u64),
    },
    Evaluated {
        /// The newest revision that may be taken up.
        newest: Arc<Commit>,
        /// Why that is not the head.
        refusal: Option<Refusal>,
        result: Evaluated,
    },
    /// The head is not taken up, and nothing else is there to be evaluated, or none of it is news.
    Refused {
        refusal: Refusal,
    },
    Kit {
        path: KitPath,
        attempt: u64,
        result: Result<Done, ClusterError>,
    },
    RetryDue {
        path: KitPath,
        attempt: u64,
    },
    /// Whether a Kit's status is what was written last, or is so again.
    StatusDue {
        path: KitPath,
    },
    /// A kit is to be looked at, whatever it is at.
    Look {
        path: KitPath,
    },
    /// The last healthy revision of a kit, evaluated again.
    RollBack {
        path: KitPath,
        attempt: u64,
        commit: Arc<Commit>,
        quarantine: Quarantine,
        result: Result<Earlier, SourceError>,
    },
    /// What is of another place, and why it could not be fetched.
    Fetched {
        pinned: Option<Pinned>,
        failed: Option<String>,
    },
    FetchDue {
        pinned: Pinned,
    },
    /// What took long to render, and how many mirrors had been given up when that began.
    Finished {
        path: KitPath,
        given_up: u64,
        finished: Option<Box<Finished>>,
    },
    /// The Repository's status may be written again.
    SettleDue,
    /// A Repository that is being deleted may be let go.
    LetGo,
}

pub(super) struct Actor {
    pub(super) shared: Arc<Shared>,
    pub(super) repository: Arc<Repository>,
    pub(super) inbox: mpsc::UnboundedReceiver<Message>,
    pub(super) report: mpsc::UnboundedSender<Settled>,
    pub(super) jobs: JoinSet<Job>,
    pub(super) mirror: Option<Arc<Mirror>>,
    pub(super) auth: Option<Auth>,
    pub(super) evaluator: Arc<Mutex<Evaluator>>,
    /// The newest commit that was fetched.
    pub(super) head: Option<Arc<Commit>>,
    /// The commit that was taken up: the head, or the one that the platform is held at.
    pub(super) taken: Option<Arc<Commit>>,
    /// Kits that were held when the evaluation began, and where.
    pub(super) pins: BTreeMap<KitPath, String>,
    /// Set to stop the evaluation that is under way.
    pub(super) evaluating: Option<Arc<AtomicBool>>,
    /// The head, or the spec, changed since the evaluation began.
    pub(super) stale: bool,
    /// A poll is under way: a second one waits for it, for both write the mirror.
    pub(super) polling: bool,
    /// The spec changed since that poll began.
    pub(super) poll_again: bool,
    /// The pause until the next poll.
    pub(super) pause: Option<AbortHandle>,
    pub(super) failures: u32,
    pub(super) kits: BTreeMap<KitPath, KitState>,
    /// Of the newest revision that was taken up.
    pub(super) evaluation: Arc<Evaluation>,
    pub(super) status: RepositoryStatus,
    pub(super) findings: Vec<Finding>,
    /// Set while the newest revision has not settled: when it was found, and requests until then.
    pub(super) unsettled: Option<(Instant, u64)>,
    pub(super) source_error: Option<(String, String)>,
    /// Why the head is not taken up; the revision before it is kept right meanwhile.
    pub(super) refused: Option<Refusal>,
    /// What was recorded of it.
    pub(super) recounted: Recounted,
    /// The Repository is being deleted, and its objects before it.
    pub(super) deleting: bool,
    /// Whether the newest revision has been told of as applied.
    pub(super) applied: bool,
    /// When kits on their way were last told of.
    pub(super) progress_told: Option<Instant>,
    /// That is to be done again.
    pub(super) settle_due: bool,
    /// Who is told of it.
    pub(super) notices: Notices,
    /// What the platform team gives kits from the cluster.
    pub(super) supplies: Supplies,
    /// What kits have of other places.
    pub(super) fetching: Fetching,
    /// Kits that take long to render.
    pub(super) finishing: Finishing,
}

impl Actor {
    pub(super) fn new(
        shared: Arc<Shared>,
        repository: Repository,
        inbox: mpsc::UnboundedReceiver<Message>,
        report: mpsc::UnboundedSender<Settled>,
    ) -> Self {
        let evaluator = Evaluator::new(shared.plugins.clone(), shared.options.workers);
        let evaluator = evaluator.without_waiting();
        Self {
            recounted: Recounted::left(repository.status.as_ref()),
            status: repository.status.clone().unwrap_or_default(),
            repository: Arc::new(repository),
            inbox,
            report,
            jobs: JoinSet::new(),
            mirror: None,
            auth: None,
            evaluator: Arc::new(Mutex::new(evaluator)),
            head: None,
            taken: None,
            pins: BTreeMap::new(),
            evaluating: None,
            stale: false,
            polling: false,
            poll_again: false,
            pause: None,
            failures: 0,
            kits: BTreeMap::new(),
            evaluation: Arc::default(),
            findings: Vec::new(),
            unsettled: None,
            source_error: None,
            refused: None,
            deleting: false,
            applied: false,
            progress_told: None,
            settle_due: false,
            notices: Notices::default(),
            supplies: Supplies::default(),
            fetching: Fetching::default(),
            finishing: Finishing::default(),
            shared,
        }
    }

    pub(super) fn namespace(&self) -> String {
        self.repository.namespace().unwrap_or_default()
    }

    pub(super) fn name(&self) -> String {
        self.repository.name_any()
    }

    pub(super) async fn run(mut self) {
        self.wished_before();
        self.hold().await;
        self.open_outboxes();
        self.follow_supplies();
        self.close_the_door();
        if !self.delete() {
            self.poll().await;
        }
        loop {
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.told(message).await,
                    // The Repository is gone; what is live stays.
                    None => return,
                },
                () = self.supplies.changed() => self.supplied_anew(),
                Some(report) = self.notices.reports.recv() => self.told_target(report).await,
                Some(job) = self.jobs.join_next() => match job {
                    Ok(job) => self.finished(job).await,
                    Err(error) if error.is_cancelled() => {}
                    Err(error) => tracing::error!(repository = %self.name(), %error, "a task failed"),
                },
            }
        }
    }

    pub(super) async fn told(&mut self, message: Message) {
        match message {
            Message::Repository(new) => {
                let asked = requested(&*new) != requested(&*self.repository);
                let same = new.spec == self.repository.spec;
                let moved = new.spec.url != self.repository.spec.url;
                // What was followed until now says nothing of kits by the new spec.
                let other = new.spec.follow != self.repository.spec.follow;
                let reports = new.spec.reports != self.repository.spec.reports;
                let (held, suspended) = (
                    self.repository.spec.revision.clone(),
                    self.repository.spec.suspend,
                );
                self.repository = Arc::new(*new);
                self.wish_changed(held.as_deref(), suspended);
                self.hold().await;
                self.open_outboxes();
                self.follow_supplies();
                self.close_the_door();
                if self.delete() {
                    return;
                }
                if same && asked {
                    self.auth = None;
                    self.fetch_again();
                    self.poll().await;
                }
                if same {
                    return;
                }
                // No kit's inputs change by it, and each has a report to write or to delete.
                if reports {
                    let paths: Vec<KitPath> = self.kits.keys().cloned().collect();
                    paths.iter().for_each(|path| self.start(path));
                }
                self.auth = None;
                self.failures = 0;
                if moved {
                    self.give_up_late();
                    self.mirror = None;
                }
                if moved || other {
                    self.head = None;
                }
                if self.poll().await {
                    self.fetch_again();
                    self.evaluate();
                }
            }
            Message::KitTouched { object_name } => {
                let path = self.path_of(&object_name);
                let held_elsewhere = self.pinned() != self.pins;
                if self.poll().await && held_elsewhere {
                    self.evaluate();
                } else if let Some(path) = path {
                    self.start(&path);
                }
            }
            Message::StatusTouched { object_name } => self.look_at_status_later(&object_name),
            Message::Touched {
                path,
                health: false,
            } => self.touched(&path),
            Message::Touched { path, health: true } => self.look(&path),
            Message::Awaited { key } => self.object_touched(&key),
            Message::NamespaceGone { name } => self.namespace_gone(&name),
            // Whoever asked may have gone away.
            Message::Show { kit, reply } => drop(reply.send(self.view(kit.as_deref()))),
        }
    }

    pub(super) async fn finished(&mut self, job: Job) {
        match job {
            Job::PollDue => {
                self.poll().await;
            }
            Job::Polled {
                mirror,
                result,
                asked,
            } => self.polled(mirror, result, asked).await,
            Job::RollBack {
                path,
                attempt,
                commit,
                quarantine,
                result,
            } => {
                self.rolled_back(&path, attempt, commit, quarantine, result)
                    .await
            }
            Job::Look { path } => self.look(&path),
            Job::StatusDue { path } => self.look_at_status(&path),
            Job::SettleDue => {
                self.settle_due = false;
                self.settle().await;
            }
            Job::Fetched { pinned, failed } => self.fetched(pinned, failed),
            Job::FetchDue { pinned } => self.fetch_due(pinned),
            Job::Finished {
                path,
                given_up,
                finished,
            } => self.finished_rendering(&path, given_up, finished.map(|it| *it)),
            Job::LetGo => self.all_deleted().await,
            Job::Evaluated {
                newest,
                refusal,
                result,
            } => self.evaluated(newest, refusal, result).await,
            Job::Refused { refusal } => self.nothing_to_evaluate(refusal).await,
            Job::Kit {
                path,
                attempt,
                result,
            } => self.kit_done(&path, attempt, result).await,
            Job::RetryDue { path, attempt } => {
                if self
                    .kits
                    .get(&path)
                    .is_some_and(|kit| kit.attempt == attempt)
                {
                    self.start(&path);
                }
            }
        }
    }
}
