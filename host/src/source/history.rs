//! Commits of a mirror as signatures are judged: their own bytes, which are new, what each changes.
//! Bounded throughout: whoever can push can make a history of any shape.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::Path;

use git2::{ObjectType, Oid, Repository};

use super::changes::Changes;
use super::exchange::{TAG, describe};
use super::{Commit, Revision, SourceError};
use crate::signature::{CommitBytes, OBJECT_LIMIT, TagBytes};

/// Commits that are judged at once.
const NEW_LIMIT: usize = 5_000;
/// Commits that are looked at to find these.
const LOOKED_AT_LIMIT: usize = 500_000;
/// Bases of one merge; a history without criss-cross merges has one.
const BASES_LIMIT: usize = 8;

/// A mirror's commits.
pub struct History {
    store: Repository,
}

/// There are more new commits than are judged at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {NEW_LIMIT} commits are new")]
pub struct TooMany;

/// Why it cannot be said what a commit changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFault {
    #[error("what it changes cannot be told: {0}")]
    Unclear(String),
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A commit, and what of it is signed.
#[derive(Clone, Debug)]
pub struct SignedCommit {
    pub commit: Commit,
    /// Or what is wrong with the object.
    pub bytes: Result<CommitBytes, String>,
}

impl History {
    pub(super) fn open(folder: &Path) -> Result<Self, SourceError> {
        let store = Repository::open_bare(folder).map_err(damaged("its refs"))?;
        if store.is_shallow() {
            let what = "the beginning of its history".into();
            let reason = "it is shallow".into();
            return Err(SourceError::Damaged { what, reason });
        }
        Ok(Self { store })
    }

    pub fn has(&self, revision: &Revision) -> bool {
        let id = Oid::from_str(revision.as_str());
        id.is_ok_and(|id| self.store.find_commit(id).is_ok())
    }

    /// Whether `ancestor` is `revision` or one that it builds on.
    pub fn builds_on(&self, revision: &Revision, ancestor: &Revision) -> Result<bool, SourceError> {
        let (one, other) = (oid(revision)?, oid(ancestor)?);
        if one == other {
            return Ok(true);
        }
        let found = self.store.graph_descendant_of(one, other);
        found.map_err(damaged(revision.as_str()))
    }

    /// The commit where two lines of history part.
    pub fn parting(
        &self,
        one: &Revision,
        other: &Revision,
    ) -> Result<Option<Revision>, SourceError> {
        match self.store.merge_base(oid(one)?, oid(other)?) {
            Ok(base) => Ok(Some(Revision::new(base.to_string()))),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(damaged(one.as_str())(error)),
        }
    }

    pub fn commit(&self, revision: &Revision) -> Result<SignedCommit, SourceError> {
        let id = oid(revision)?;
        let damaged = damaged(revision.as_str());
        let found = self.store.find_commit(id).map_err(&damaged)?;
        Ok(SignedCommit {
            commit: describe(&found, None),
            bytes: self.bytes(id)?,
        })
    }

    fn bytes(&self, id: Oid) -> Result<Result<CommitBytes, String>, SourceError> {
        let object = self.object(id, ObjectType::Commit)?;
        Ok(object.and_then(|object| CommitBytes::read(&object)))
    }

    /// An object's bytes, or why they are not looked at.
    fn object(&self, id: Oid, kind: ObjectType) -> Result<Result<Vec<u8>, String>, SourceError> {
        let damaged = damaged(&id.to_string());
        let odb = self.store.odb().map_err(&damaged)?;
        let (size, found) = odb.read_header(id).map_err(&damaged)?;
        if found != kind {
            return Ok(Err(format!("{id} is no {kind}")));
        }
        if size > OBJECT_LIMIT {
            return Ok(Err(format!("it has {size} bytes, over {OBJECT_LIMIT}")));
        }
        let object = odb.read(id).map_err(&damaged)?;
        Ok(Ok(object.data().to_vec()))
    }

    /// The annotated tag of this name, if it is the one that is followed.
    pub fn tag(&self, name: &str) -> Result<Option<Result<TagBytes, String>>, SourceError> {
        let found = self.store.find_reference(&format!("{TAG}{name}"));
        let Some(id) = found.ok().and_then(|found| found.target()) else {
            return Ok(None);
        };
        let object = self.object(id, ObjectType::Tag)?;
        Ok(Some(object.and_then(|object| TagBytes::read(&object))))
    }

    /// Commits that `head` builds on and none of `known` does, each after those that it
    /// builds on.
    pub fn since(
        &self,
        head: &Revision,
        known: &[Revision],
    ) -> Result<Result<Vec<Revision>, TooMany>, SourceError> {
        let mut walk = Walk::default();
        walk.meet(self, oid(head)?, false)?;
        for revision in known {
            walk.meet(self, oid(revision)?, true)?;
        }
        // What is left once nothing new waits are ancestors of what is known.
        while !walk.new_ones.is_empty() {
            if walk.met.len() > LOOKED_AT_LIMIT {
                return Ok(Err(TooMany));
            }
            let Some((_, id)) = walk.queue.pop() else {
                break;
            };
            walk.new_ones.remove(&id);
            let Some(met) = walk.met.get_mut(&id) else {
                continue;
            };
            if met.followed.replace(met.known) == Some(met.known) {
                continue;
            }
            let known = met.known;
            let commit = self.store.find_commit(id);
            let commit = commit.map_err(damaged(&id.to_string()))?;
            let parents: Vec<Oid> = commit.parent_ids().collect();
            for parent in &parents {
                walk.meet(self, *parent, known)?;
            }
            if let Some(met) = walk.met.get_mut(&id) {
                met.parents = parents;
            }
        }
        if walk.met.values().filter(|met| !met.known).count() > NEW_LIMIT {
            return Ok(Err(TooMany));
        }
        let new = walk.in_order();
        let revisions = new.into_iter().map(|id| Revision::new(id.to_string()));
        Ok(Ok(revisions.collect()))
    }

    /// The files that a commit itself changes. Of a merge: those that are not simply as the one of
    /// its two parents has them that changed them, so that a merge which drops a change or brings
    /// an old file back has changed it. A merge of more than two changes all that they differ in.
    pub fn changed_by(&self, commit: &CommitBytes) -> Result<Vec<Vec<u8>>, ChangeFault> {
        let ids = commit.parents.iter().map(|id| parse(id));
        let parents: Vec<Oid> = ids.collect::<Result<_, _>>()?;
        let bases = match parents[..] {
            [one, other] => match self.store.merge_bases(one, other) {
                Ok(bases) => bases.iter().copied().collect(),
                Err(error) if error.code() == git2::ErrorCode::NotFound => Vec::new(),
                Err(error) => return Err(damaged(&one.to_string())(error).into()),
            },
            _ => Vec::new(),
        };
        if bases.len() > BASES_LIMIT {
            let why = format!("its parents have {} bases", bases.len());
            return Err(ChangeFault::Unclear(why));
        }
        let trees = |commits: &[Oid]| -> Result<Vec<Option<Oid>>, ChangeFault> {
            commits.iter().map(|id| self.tree(*id).map(Some)).collect()
        };
        let (olds, bases) = (trees(&parents)?, trees(&bases)?);
        Changes::new(&self.store).of(Some(parse(&commit.tree)?), &olds, &bases)
    }

    /// The files that differ between two revisions.
    pub fn changed_between(
        &self,
        old: Option<&Revision>,
        new: &Revision,
    ) -> Result<Vec<Vec<u8>>, ChangeFault> {
        let old = old.map(|old| self.tree(oid(old)?)).transpose()?;
        let new = self.tree(oid(new)?)?;
        Changes::new(&self.store).of(Some(new), &[old], &[])
    }

    fn tree(&self, commit: Oid) -> Result<Oid, ChangeFault> {
        let read = self.bytes(commit)?.map_err(ChangeFault::Unclear)?;
        parse(&read.tree)
    }
}

/// What is known of a commit that was met.
struct Met {
    time: i64,
    /// An ancestor of what is known.
    known: bool,
    /// Its parents were met, with this.
    followed: Option<bool>,
    parents: Vec<Oid>,
}

/// From new and known commits towards the root, the newest first.
#[derive(Default)]
struct Walk {
    queue: BinaryHeap<(i64, Oid)>,
    met: HashMap<Oid, Met>,
    /// Commits in the queue that are not known to be known.
    new_ones: HashSet<Oid>,
}

impl Walk {
    fn meet(&mut self, history: &History, id: Oid, known: bool) -> Result<(), SourceError> {
        if let Some(met) = self.met.get_mut(&id) {
            if known && !met.known {
                met.known = true;
                self.new_ones.remove(&id);
                self.queue.push((met.time, id));
            }
            return Ok(());
        }
        let commit = history.store.find_commit(id);
        let time = commit.map_err(damaged(&id.to_string()))?.time().seconds();
        let met = Met {
            time,
            known,
            followed: None,
            parents: Vec::new(),
        };
        self.met.insert(id, met);
        self.queue.push((time, id));
        if !known {
            self.new_ones.insert(id);
        }
        Ok(())
    }
}

impl Walk {
    /// The new ones, each after its parents; the oldest first where that leaves a choice.
    fn in_order(&self) -> Vec<Oid> {
        let is_new = |id: &Oid| self.met.get(id).is_some_and(|met| !met.known);
        let new = || self.met.iter().filter(|(_, met)| !met.known);
        let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
        let mut waits: HashMap<Oid, usize> = HashMap::new();
        let mut ready = BinaryHeap::new();
        for (id, met) in new() {
            // A parent may stand there twice.
            let parents: HashSet<Oid> = met.parents.iter().copied().filter(is_new).collect();
            if parents.is_empty() {
                ready.push(Reverse((met.time, *id)));
            }
            waits.insert(*id, parents.len());
            for parent in parents {
                children.entry(parent).or_default().push(*id);
            }
        }
        let mut order = Vec::with_capacity(waits.len());
        while let Some(Reverse((_, id))) = ready.pop() {
            order.push(id);
            for child in children.remove(&id).unwrap_or_default() {
                let left = waits.entry(child).or_default();
                *left = left.saturating_sub(1);
                if let (0, Some(met)) = (*left, self.met.get(&child)) {
                    ready.push(Reverse((met.time, child)));
                }
            }
        }
        order
    }
}

fn damaged(what: &str) -> impl Fn(git2::Error) -> SourceError + use<> {
    let what = what.to_owned();
    move |error| SourceError::Damaged {
        what: what.clone(),
        reason: error.message().to_owned(),
    }
}

fn oid(revision: &Revision) -> Result<Oid, SourceError> {
    Oid::from_str(revision.as_str()).map_err(damaged(revision.as_str()))
}

fn parse(id: &str) -> Result<Oid, ChangeFault> {
    Ok(Oid::from_str(id).map_err(damaged(id))?)
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
