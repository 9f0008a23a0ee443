//! The commit that a person means.

use git2::Oid;

use super::exchange::describe;
use super::{Commit, Follow, Mirror, Revision, SourceError};

/// Hexadecimal digits that name a commit.
const SHORTEST: usize = 4;
/// How far back one step may lead.
const STEPS: usize = 100_000;

impl Mirror {
    /// An id or its first digits, a branch or tag that the mirror has, `HEAD` for what is
    /// followed (`head`); with `~3` or `^2` behind it, as git has them. Blocking.
    pub fn named(
        &self,
        name: &str,
        head: &Revision,
        follow: &Follow,
    ) -> Result<Commit, SourceError> {
        let missing = |reason: &str| SourceError::NoRevision {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let store = self.store().map_err(|error| missing(error.message()))?;
        let at = name.find(['~', '^']).unwrap_or(name.len());
        let (base, steps) = name.split_at(at);
        let followed = match follow {
            Follow::Branch(branch) => base == branch,
            Follow::Tag(tag) => base == tag,
            Follow::Semver(_) | Follow::Commit(_) | Follow::Files(_) | Follow::Named(_) => false,
        };
        let mut id = if base == "HEAD" || base == "@" || followed {
            Oid::from_str(head.as_str()).map_err(|error| missing(error.message()))?
        } else {
            base_of(&store, base).ok_or_else(|| {
                let hint = "the host has the commits of what it follows; name one by its id or the first digits of it, or from HEAD (HEAD~1)";
                missing(hint)
            })?
        };
        for (step, count) in
            steps_of(steps).ok_or_else(|| missing("behind a revision come ~N and ^N"))?
        {
            let times = if step == '~' { count } else { 1 };
            for _ in 0..times {
                let commit = store
                    .find_commit(id)
                    .map_err(|_| missing("the mirror lacks it"))?;
                let parent = if step == '~' { 1 } else { count };
                if parent == 0 {
                    continue;
                }
                let parent = commit.parent_id(parent - 1);
                id = parent.map_err(|_| missing("the history does not go back so far"))?;
            }
        }
        let commit = store
            .find_commit(id)
            .map_err(|_| missing("the mirror lacks it"))?;
        Ok(describe(&commit, None))
    }
}

/// A commit by its id, the beginning of one, or a ref of the mirror's.
fn base_of(store: &git2::Repository, base: &str) -> Option<Oid> {
    let digits = base.len() >= SHORTEST && base.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits
        && base.len() <= 40
        && let Ok(commit) = store.find_commit_by_prefix(base)
    {
        return Some(commit.id());
    }
    let full = |kind: &str| format!("refs/trimtab/{kind}/{base}");
    ["heads", "tags"].iter().find_map(|kind| {
        let found = store.find_reference(&full(kind)).ok()?;
        Some(found.peel_to_commit().ok()?.id())
    })
}

/// `~3^2` as its steps; `None` if it is something else.
fn steps_of(mut text: &str) -> Option<Vec<(char, usize)>> {
    let mut steps = Vec::new();
    while let Some(step) = text.chars().next() {
        if !matches!(step, '~' | '^') || steps.len() > 100 {
            return None;
        }
        let rest = &text[1..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let count = match &rest[..end] {
            "" => 1,
            digits => digits.parse().ok().filter(|count| *count <= STEPS)?,
        };
        steps.push((step, count));
        text = &rest[end..];
    }
    Some(steps)
}
