//! Which commit each line of a file comes from.
//! libgit2's own blame cannot be stopped, and compares whole trees for renames; this walk asks for
//! lines alone, stops at a deadline, and looks for a rename only where a file begins.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::path::Path;
use std::time::Instant;

use git2::{DiffOptions, Oid, Patch, Repository};

use super::exchange::describe;
use super::{Commit, Mirror, Revision, SourceError};

/// Lines of one file that are asked for at once.
const LINES: usize = 20_000;
/// Bytes of a file that is compared by lines; a larger one comes from the commit that changed it.
const BYTES: usize = 4 << 20;
/// Files that a commit took away, and that a file which begins in it is compared with.
const RENAMES: usize = 50;
/// Changes of one commit that are looked through for a rename.
const DELTAS: usize = 20_000;

/// Where a line comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blamed {
    pub commit: Commit,
    /// The path and line that it had there; line 0 stands for the file as a whole.
    pub path: String,
    pub line: u32,
}

impl Mirror {
    /// For each of these lines (from 1; 0 means the file as a whole) of a file as a revision has
    /// it, the commit that made it what it is. Symbolic links on the way are to be followed before.
    /// What is not found until then, or within bounds, is left out. Blocking.
    pub fn blame(
        &self,
        revision: &Revision,
        path: &str,
        lines: &BTreeSet<u32>,
        until: Instant,
    ) -> Result<BTreeMap<u32, Blamed>, SourceError> {
        let damaged = |error: git2::Error| SourceError::Damaged {
            what: format!("the history of {path}"),
            reason: error.message().to_owned(),
        };
        let store = self.store().map_err(damaged)?;
        let start = Oid::from_str(revision.as_str()).map_err(damaged)?;
        let mut walk = Walk {
            store: &store,
            deadline: until,
            queue: BinaryHeap::new(),
            pending: HashMap::new(),
            found: BTreeMap::new(),
        };
        let asked = lines.iter().take(LINES).map(|line| (*line, *line));
        walk.hand(start, path, asked.collect()).map_err(damaged)?;
        walk.run().map_err(damaged)?;
        Ok(walk.found)
    }
}

/// A file of a commit.
type Place = (Oid, String);

struct Walk<'r> {
    store: &'r Repository,
    deadline: Instant,
    /// Newest first, so that lines that come by several ways are looked at once.
    queue: BinaryHeap<(i64, Place)>,
    /// Lines as they stand there, with the lines that were asked for.
    pending: HashMap<Place, Vec<(u32, u32)>>,
    found: BTreeMap<u32, Blamed>,
}

impl Walk<'_> {
    fn hand(&mut self, commit: Oid, path: &str, lines: Vec<(u32, u32)>) -> Result<(), git2::Error> {
        if lines.is_empty() {
            return Ok(());
        }
        let place = (commit, path.to_owned());
        match self.pending.get_mut(&place) {
            Some(waiting) => waiting.extend(lines),
            None => {
                let time = self.store.find_commit(commit)?.time().seconds();
                self.pending.insert(place.clone(), lines);
                self.queue.push((time, place));
            }
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), git2::Error> {
        while let Some((_, place)) = self.queue.pop() {
            if Instant::now() >= self.deadline {
                return Ok(());
            }
            if let Some(lines) = self.pending.remove(&place) {
                self.look(place, lines)?;
            }
        }
        Ok(())
    }

    /// Hands what a parent has on to it; the rest comes from this commit.
    fn look(&mut self, (id, path): Place, mut lines: Vec<(u32, u32)>) -> Result<(), git2::Error> {
        let commit = self.store.find_commit(id)?;
        let Some(blob) = blob(&commit, &path) else {
            return Ok(());
        };
        // A parent that the mirror does not have ends the history here, as a shallow clone's does.
        let parents: Vec<git2::Commit<'_>> = commit.parents().collect();
        let there: Vec<Option<Oid>> = parents.iter().map(|it| self::blob(it, &path)).collect();
        if let Some(same) = there.iter().position(|it| *it == Some(blob)) {
            return self.hand(parents[same].id(), &path, lines);
        }
        let begins = there.iter().all(Option::is_none);
        for (parent, before) in parents.iter().zip(there) {
            let (before, old_path) = match before {
                Some(before) => (before, path.clone()),
                None if begins => match self.renamed(&commit, parent, blob, &path)? {
                    Some(renamed) => renamed,
                    None => continue,
                },
                None => continue,
            };
            let (kept, changed) = self.compare(before, blob, lines)?;
            self.hand(parent.id(), &old_path, kept)?;
            lines = changed;
        }
        let described = describe(&commit, None);
        for (line, asked) in lines {
            let blamed = Blamed {
                commit: described.clone(),
                path: path.clone(),
                line,
            };
            self.found.insert(asked, blamed);
        }
        Ok(())
    }

    /// Lines that another version has as well, by its numbers, and those that it has not.
    #[expect(clippy::type_complexity, reason = "two lists of the same pairs")]
    fn compare(
        &self,
        before: Oid,
        after: Oid,
        lines: Vec<(u32, u32)>,
    ) -> Result<(Vec<(u32, u32)>, Vec<(u32, u32)>), git2::Error> {
        if before == after {
            return Ok((lines, Vec::new()));
        }
        let Some(hunks) = self.hunks(before, after)? else {
            return Ok((Vec::new(), lines));
        };
        let (mut kept, mut changed) = (Vec::new(), Vec::new());
        for (line, asked) in lines {
            match line_before(&hunks, line) {
                Some(old) => kept.push((old, asked)),
                None => changed.push((line, asked)),
            }
        }
        Ok((kept, changed))
    }

    /// Where two blobs differ; `None` if they are not compared by lines.
    fn hunks(&self, before: Oid, after: Oid) -> Result<Option<Vec<Hunk>>, git2::Error> {
        let odb = self.store.odb()?;
        for id in [before, after] {
            if odb.read_header(id)?.0 > BYTES {
                return Ok(None);
            }
        }
        let (before, after) = (self.store.find_blob(before)?, self.store.find_blob(after)?);
        let mut options = DiffOptions::new();
        options.context_lines(0).interhunk_lines(0).force_text(true);
        let patch = Patch::from_blobs(&before, None, &after, None, Some(&mut options))?;
        let mut hunks = Vec::new();
        for index in 0..patch.num_hunks() {
            let (hunk, _) = patch.hunk(index)?;
            hunks.push(Hunk {
                old_lines: hunk.old_lines(),
                new_start: hunk.new_start(),
                new_lines: hunk.new_lines(),
            });
        }
        Ok(Some(hunks))
    }

    /// The file that this one was before a commit that took that one away: the same bytes, or at
    /// least half of its lines.
    fn renamed(
        &self,
        commit: &git2::Commit<'_>,
        parent: &git2::Commit<'_>,
        blob: Oid,
        path: &str,
    ) -> Result<Option<(Oid, String)>, git2::Error> {
        let (before, after) = (parent.tree()?, commit.tree()?);
        let mut options = DiffOptions::new();
        options.skip_binary_check(true);
        let diff = self
            .store
            .diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options))?;
        let mut gone: Vec<(Oid, String)> = Vec::new();
        for delta in diff.deltas().take(DELTAS) {
            if delta.status() == git2::Delta::Deleted
                && let Some(old) = delta.old_file().path().and_then(Path::to_str)
            {
                if delta.old_file().id() == blob {
                    return Ok(Some((blob, old.to_owned())));
                }
                gone.push((delta.old_file().id(), old.to_owned()));
            }
        }
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        gone.sort_by_key(|(_, old)| name(old) != name(path));
        let lines = |id: Oid| -> Result<u32, git2::Error> {
            let blob = self.store.find_blob(id)?;
            let ends = blob.content().iter().filter(|byte| **byte == b'\n');
            Ok(ends.count().try_into().unwrap_or(u32::MAX))
        };
        let mut best: Option<(u32, Oid, String)> = None;
        for (id, old) in gone.into_iter().take(RENAMES) {
            if Instant::now() >= self.deadline {
                break;
            }
            let Some(hunks) = self.hunks(id, blob)? else {
                continue;
            };
            let new: u32 = hunks.iter().map(|hunk| hunk.new_lines).sum();
            let (total, longest) = (lines(blob)?, lines(id)?.max(lines(blob)?));
            let kept = total.saturating_sub(new);
            if kept > 0
                && kept * 2 >= longest
                && best.as_ref().is_none_or(|(most, ..)| kept > *most)
            {
                best = Some((kept, id, old));
            }
        }
        Ok(best.map(|(_, id, old)| (id, old)))
    }
}

/// Lines that one version has in the place of the other's.
struct Hunk {
    old_lines: u32,
    new_start: u32,
    new_lines: u32,
}

/// The number that a line had before; `None` if it is new, or stands for the file as a whole.
fn line_before(hunks: &[Hunk], line: u32) -> Option<u32> {
    if line == 0 {
        return None;
    }
    let mut before = i64::from(line);
    for hunk in hunks {
        // A hunk that only takes lines away stands behind the line that it names.
        let first = hunk.new_start + u32::from(hunk.new_lines == 0);
        if line < first {
            break;
        }
        if line < first + hunk.new_lines {
            return None;
        }
        before += i64::from(hunk.old_lines) - i64::from(hunk.new_lines);
    }
    u32::try_from(before).ok()
}

fn blob(commit: &git2::Commit<'_>, path: &str) -> Option<Oid> {
    let entry = commit.tree().ok()?.get_path(Path::new(path)).ok()?;
    (entry.kind() == Some(git2::ObjectType::Blob)).then(|| entry.id())
}

#[cfg(test)]
#[path = "blame_tests.rs"]
mod tests;
