//! What is held at a revision by a person, and evaluated so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::kit::{KitPath, RepositorySpec, Supplied};
use crate::manifest::Finding;
use crate::pipeline::{Evaluation, Evaluator, Pin, Revisions, Superseded};
use crate::source::{Commit, Mirror, Revision, Snapshot, SourceError};

use super::finishing::Done;
use super::repository::Actor;

/// What was evaluated, and how long that took.
pub(super) struct Found {
    pub commit: Arc<Commit>,
    pub evaluation: Evaluation,
    pub took: Duration,
}

/// What came of an evaluation.
pub(super) type Evaluated = Result<Result<Found, Superseded>, NotEvaluated>;

/// Why there is no evaluation.
pub(super) enum NotEvaluated {
    /// There is no such revision to hold the platform at.
    Held(Box<Finding>),
    Source(SourceError),
}

impl From<SourceError> for NotEvaluated {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// What is to be evaluated.
pub(super) struct Asked {
    pub mirror: Arc<Mirror>,
    pub newest: Arc<Commit>,
    pub spec: RepositorySpec,
    pub pins: BTreeMap<KitPath, String>,
    /// The revision of each kit that is live.
    pub live: BTreeMap<KitPath, Revision>,
    pub supplied: Supplied,
    /// Of kits that took long.
    pub done: Done,
}

impl Asked {
    /// Blocking.
    pub(super) fn evaluate(self, evaluator: &mut Evaluator, superseded: &AtomicBool) -> Evaluated {
        let begun = Instant::now();
        self.done
            .take()
            .into_iter()
            .for_each(|it| evaluator.put(it));
        let newest = self.mirror.snapshot(&self.newest.revision)?;
        let held = match &self.spec.revision {
            Some(name) => Some(self.held(name)?),
            None => None,
        };
        let snapshot = held.as_ref().unwrap_or(&newest);
        let commit = match held.as_ref().and_then(Snapshot::commit) {
            Some(commit) => Arc::new(commit.clone()),
            None => self.newest.clone(),
        };
        let mut found: HashMap<&str, Result<Snapshot, SourceError>> = HashMap::new();
        let pins = self.pins.iter().map(|(kit, asked)| {
            let at = found.entry(asked).or_insert_with(|| self.at(asked));
            Pin {
                kit: kit.clone(),
                asked: asked.clone(),
                at: at.clone(),
            }
        });
        let pins: Vec<Pin> = pins.collect();
        let revisions = Revisions {
            snapshot,
            newest: &newest,
            pins: &pins,
            supplied: self.supplied.clone(),
        };
        let mut evaluated = evaluator.evaluate_all(&revisions, &self.spec, superseded)?;
        // What was good once is to stay in reach.
        if let (Ok(evaluation), None) = (&mut evaluated, &held) {
            let at = |revision: &Revision| self.mirror.snapshot(revision);
            evaluator.judge_changes(&newest, &self.spec, evaluation, &self.live, at)?;
        }
        Ok(evaluated.map(|evaluation| Found {
            commit,
            evaluation,
            took: begun.elapsed(),
        }))
    }

    fn at(&self, name: &str) -> Result<Snapshot, SourceError> {
        let commit = self.mirror.commit(name)?;
        // The mirror also has what signatures have kept from being taken up.
        let newest = &self.newest.revision;
        if self.spec.verify.is_some() && !self.mirror.leads_to(&commit.revision, newest)? {
            return Err(SourceError::NoRevision {
                name: name.to_owned(),
                reason: "it is not part of the history that is verified".into(),
            });
        }
        self.mirror.snapshot(&commit.revision)
    }

    fn held(&self, name: &str) -> Result<Snapshot, NotEvaluated> {
        self.at(name).map_err(|error| match error {
            SourceError::NoRevision { .. } => {
                let message = format!("the platform cannot be held: {error}; what is live stays");
                let finding = Finding::host_error("pin", message).field("/spec/revision");
                let hint = "name a revision of status.history, or take spec.revision out: `trimtab resume --all`";
                NotEvaluated::Held(Box::new(finding.hint(hint)))
            }
            error => NotEvaluated::Source(error),
        })
    }
}

impl Actor {
    /// Kits that are held, and where, as their objects say.
    pub(super) fn pinned(&self) -> BTreeMap<KitPath, String> {
        let kits = self
            .shared
            .kits
            .of_repository(&self.namespace(), &self.name());
        let held = kits
            .iter()
            .filter(|kit| kit.metadata.deletion_timestamp.is_none());
        held.filter_map(|kit| Some((kit.path()?, kit.spec.revision.clone()?)))
            .collect()
    }
}
