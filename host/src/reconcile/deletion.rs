//! A Repository that is deleted: its objects first, if its policy is to prune. Git is not asked.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;

use crate::kit::{DeletionPolicy, KitPath, PRUNE_FINALIZER};
use crate::pipeline::Evaluation;
use crate::signature::SignatureState;
use crate::source::{Commit, Revision};

use super::repository::{Actor, Job};

/// Between two tries to take the finalizer off.
const RETRY: Duration = Duration::from_secs(5);

impl Actor {
    /// Puts the finalizer on a Repository that prunes, and takes it off one that does not: what
    /// orphans is never held up, whether a host runs or not.
    pub(super) async fn hold(&self) {
        let held = self
            .repository
            .finalizers()
            .iter()
            .any(|it| it == PRUNE_FINALIZER);
        let deleted = self.repository.metadata.deletion_timestamp.is_some();
        let hold = self.repository.spec.deletion_policy == DeletionPolicy::Prune;
        if held == hold || deleted && hold {
            return;
        }
        if let Err(error) = self
            .shared
            .cluster
            .hold_repository(&self.repository, hold)
            .await
        {
            tracing::warn!(repository = %self.name(), %error, "the finalizer was not taken");
        }
    }

    /// Begins to delete all that the Repository's kits own. False if it is not being deleted.
    pub(super) fn delete(&mut self) -> bool {
        let held = self
            .repository
            .finalizers()
            .iter()
            .any(|it| it == PRUNE_FINALIZER);
        if self.repository.metadata.deletion_timestamp.is_none() || !held {
            return false;
        }
        if std::mem::replace(&mut self.deleting, true) {
            return true;
        }
        tracing::info!(repository = %self.name(), "the Repository is being deleted, and its kits' objects before it");
        if let Some(pause) = self.pause.take() {
            pause.abort();
        }
        self.evaluation = Arc::new(Evaluation::default());
        let commit = self
            .head
            .clone()
            .unwrap_or_else(|| Arc::new(self.last_known()));
        let kits = self
            .shared
            .kits
            .of_repository(&self.namespace(), &self.name());
        let paths: Vec<KitPath> = kits.iter().filter_map(|kit| kit.path()).collect();
        for path in &paths {
            self.remove(path, &commit, false);
        }
        if paths.is_empty() {
            self.let_go_later(Duration::ZERO);
        }
        true
    }

    /// The commit that the status tells of: Git may be away.
    fn last_known(&self) -> Commit {
        let known = self.status.revision.clone();
        let (revision, author, subject) = known
            .map(|known| (known.revision, known.author, known.subject))
            .unwrap_or_default();
        Commit {
            revision: Revision::new(revision),
            committer: author.clone(),
            author,
            subject,
            time: 0,
            tag: None,
            signature: SignatureState::default(),
        }
    }

    fn let_go_later(&mut self, delay: Duration) {
        self.jobs.spawn(async move {
            tokio::time::sleep(delay).await;
            Job::LetGo
        });
    }

    /// Lets the Repository go once nothing of its kits is left.
    pub(super) async fn all_deleted(&mut self) {
        if !self.deleting {
            return;
        }
        let left = self
            .shared
            .kits
            .of_repository(&self.namespace(), &self.name());
        if !left.is_empty() {
            return;
        }
        if let Err(error) = self
            .shared
            .cluster
            .hold_repository(&self.repository, false)
            .await
        {
            tracing::warn!(repository = %self.name(), %error, "the finalizer cannot be taken off; will be tried again");
            self.let_go_later(RETRY);
        }
    }
}
