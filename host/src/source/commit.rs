//! A commit of the repository that a working directory belongs to.

use std::path::Path;

use super::{Revision, Snapshot, SourceError};

impl Snapshot {
    /// The files of a directory as they were where its HEAD and a revision (`main`, `HEAD~3`,
    /// `v1.2`, an id) parted: what was committed there since is not this directory's change.
    pub fn of_base(root: &Path, name: &str) -> Result<Self, SourceError> {
        let missing = |reason: String| SourceError::NoBase {
            name: name.to_owned(),
            reason,
        };
        let told = |error: git2::Error| missing(error.message().to_owned());
        let store = git2::Repository::discover(root).map_err(told)?;
        let within = {
            let work = store
                .workdir()
                .ok_or_else(|| missing("the repository has no files".into()))?;
            let canonical = |path: &Path| {
                path.canonicalize()
                    .map_err(|error| missing(error.to_string()))
            };
            let (work, root) = (canonical(work)?, canonical(root)?);
            root.strip_prefix(&work).unwrap_or(Path::new("")).to_owned()
        };
        let (tree, commit) = {
            let named = store
                .revparse_single(name)
                .and_then(|object| object.peel_to_commit())
                .map_err(told)?;
            let head = store
                .head()
                .and_then(|head| head.peel_to_commit())
                .map_err(told)?;
            let parted = store.merge_base(named.id(), head.id()).map_err(|_| {
                missing(
                    "it and HEAD have no commit in common; a shallow clone needs more depth".into(),
                )
            })?;
            let commit = store.find_commit(parted).map_err(told)?;
            let root = commit.tree().map_err(told)?;
            let tree = match within.as_os_str().is_empty() {
                true => root.id(),
                // What did not exist had no files.
                false => match root.get_path(&within) {
                    Ok(entry) => entry.id(),
                    Err(_) => store
                        .treebuilder(None)
                        .and_then(|it| it.write())
                        .map_err(told)?,
                },
            };
            (tree, super::exchange::describe(&commit, None))
        };
        Ok(Self::new(store, tree, Some(commit)))
    }

    /// The files of a commit of the repository that a directory belongs to, by its id.
    pub fn of_commit(root: &Path, id: &str) -> Result<Self, SourceError> {
        let missing = |error: git2::Error| SourceError::NoRevision {
            name: id.to_owned(),
            reason: error.message().to_owned(),
        };
        let store = git2::Repository::discover(root).map_err(missing)?;
        let (tree, commit) = {
            let id = git2::Oid::from_str(id).map_err(missing)?;
            let commit = store.find_commit(id).map_err(missing)?;
            (commit.tree_id(), super::exchange::describe(&commit, None))
        };
        Ok(Self::new(store, tree, Some(commit)))
    }

    /// The commit's id; of a working directory, that of nothing.
    pub fn revision(&self) -> Revision {
        match self.commit() {
            Some(commit) => commit.revision.clone(),
            None => Revision::new(""),
        }
    }
}
