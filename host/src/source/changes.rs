//! What a commit changes against its parents, by its trees alone. A tree that two readers could
//! read differently is refused: else one would be judged and the other applied.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Oid, Repository};

use super::{ChangeFault, SourceError};

/// Entries of trees that are read for one commit.
const ENTRIES_LIMIT: usize = 1_000_000;
/// Files that one commit may change.
const FILES_LIMIT: usize = 100_000;
/// Directories within one another.
const DEPTH_LIMIT: usize = 200;
const DIRECTORY: i32 = 0o040_000;
const KIND: i32 = 0o170_000;

/// A file, a link or a submodule: its id and its mode.
type Leaf = Option<(Oid, i32)>;
/// A directory's entries by name.
type Entries = BTreeMap<Vec<u8>, (Oid, i32)>;

pub(super) struct Changes<'s> {
    store: &'s Repository,
    left: usize,
    found: Vec<Vec<u8>>,
}

impl<'s> Changes<'s> {
    pub(super) fn new(store: &'s Repository) -> Self {
        Self {
            store,
            left: ENTRIES_LIMIT,
            found: Vec::new(),
        }
    }

    /// Paths that are otherwise in `new` than its parents' trees explain; `bases` are those of
    /// two parents.
    pub(super) fn of(
        mut self,
        new: Option<Oid>,
        olds: &[Option<Oid>],
        bases: &[Option<Oid>],
    ) -> Result<Vec<Vec<u8>>, ChangeFault> {
        self.directory(&mut Vec::new(), new, olds, bases, 0)?;
        Ok(self.found)
    }

    fn directory(
        &mut self,
        path: &mut Vec<u8>,
        new: Option<Oid>,
        olds: &[Option<Oid>],
        bases: &[Option<Oid>],
        depth: usize,
    ) -> Result<(), ChangeFault> {
        if !is_changed(&new, olds, bases) {
            return Ok(());
        }
        if depth > DEPTH_LIMIT {
            return unclear(format!(
                "more than {DEPTH_LIMIT} directories are within one another"
            ));
        }
        let new = self.entries(new)?;
        let all = |this: &mut Self, trees: &[Option<Oid>]| {
            let entries = trees.iter().map(|tree| this.entries(*tree));
            entries.collect::<Result<Vec<Entries>, _>>()
        };
        let (olds, bases) = (all(self, olds)?, all(self, bases)?);
        let names: BTreeSet<&Vec<u8>> = [&new]
            .into_iter()
            .chain(&olds)
            .chain(&bases)
            .flat_map(|entries| entries.keys())
            .collect();
        for name in names {
            let before = path.len();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let get = |entries: &Entries| entries.get(name).copied();
            // A name may be a file's on one side and a directory's on the other.
            let leaf =
                |entries: &Entries| get(entries).filter(|(_, mode)| *mode & KIND != DIRECTORY);
            let tree = |entries: &Entries| {
                let found = get(entries).filter(|(_, mode)| *mode & KIND == DIRECTORY);
                found.map(|(id, _)| id)
            };
            let leaves = |all: &[Entries]| all.iter().map(leaf).collect::<Vec<Leaf>>();
            let trees = |all: &[Entries]| all.iter().map(tree).collect::<Vec<Option<Oid>>>();
            if is_changed(&leaf(&new), &leaves(&olds), &leaves(&bases)) {
                if self.found.len() == FILES_LIMIT {
                    return unclear(format!("it changes more than {FILES_LIMIT} files"));
                }
                self.found.push(path.clone());
            }
            self.directory(path, tree(&new), &trees(&olds), &trees(&bases), depth + 1)?;
            path.truncate(before);
        }
        Ok(())
    }

    fn entries(&mut self, tree: Option<Oid>) -> Result<Entries, ChangeFault> {
        let Some(id) = tree else {
            return Ok(Entries::new());
        };
        let found = self.store.find_tree(id);
        let found = found.map_err(|error| SourceError::Damaged {
            what: id.to_string(),
            reason: error.message().to_owned(),
        })?;
        let Some(left) = self.left.checked_sub(found.len()) else {
            return unclear(format!("its trees have more than {ENTRIES_LIMIT} entries"));
        };
        self.left = left;
        let mut entries = Entries::new();
        for entry in &found {
            let name = entry.name_bytes();
            // What `git fsck` calls badTree, fullPathname, hasDot, hasDotdot and hasDotgit.
            let odd = matches!(name, b"" | b"." | b".." | b".git") || name.contains(&b'/');
            let value = (entry.id(), entry.filemode_raw());
            if odd || entries.insert(name.to_vec(), value).is_some() {
                let shown = String::from_utf8_lossy(name);
                return unclear(format!(
                    "a directory has an entry {shown:?} that no Git makes"
                ));
            }
        }
        Ok(entries)
    }
}

fn unclear<T>(why: String) -> Result<T, ChangeFault> {
    Err(ChangeFault::Unclear(why))
}

/// Whether what stands somewhere is a change of the commit's own, and not one of its parents'. With
/// two parents it is none if it is what git-read-tree's trivial merge gives, for each base.
fn is_changed<T: PartialEq>(new: &Option<T>, olds: &[Option<T>], bases: &[Option<T>]) -> bool {
    match olds {
        [] => new.is_some(),
        [one, other] if one != other => {
            let merged = |base: &Option<T>| match (one == base, other == base) {
                (true, _) => new == other,
                (_, true) => new == one,
                _ => false,
            };
            match bases {
                [] => !merged(&None),
                bases => !bases.iter().all(merged),
            }
        }
        olds => olds.iter().any(|old| old != new),
    }
}

#[cfg(test)]
mod tests {
    use super::is_changed;

    /// What stands in the merge, in its parents, in their bases; and whether it is a change.
    type Row<'r> = (Option<u8>, &'r [Option<u8>], &'r [Option<u8>], bool);

    #[test]
    fn a_merge_changes_what_no_parent_s_own_change_explains() {
        let table: [Row<'_>; 14] = [
            (Some(1), &[], &[], true),
            (Some(1), &[Some(1)], &[], false),
            (None, &[Some(1)], &[], true),
            // One side changed it, and the merge has that.
            (Some(2), &[Some(1), Some(2)], &[Some(1)], false),
            (Some(2), &[Some(2), Some(1)], &[Some(1)], false),
            (None, &[Some(1), None], &[Some(1)], false),
            // One side changed it, and the merge has the old one.
            (Some(1), &[Some(1), Some(2)], &[Some(1)], true),
            (Some(1), &[None, Some(1)], &[Some(1)], true),
            // Both did; whichever it takes is a choice.
            (Some(2), &[Some(2), Some(3)], &[Some(1)], true),
            (Some(2), &[Some(2), Some(2)], &[Some(1)], false),
            (Some(3), &[Some(2), Some(2)], &[Some(1)], true),
            // Two bases that say different things.
            (Some(2), &[Some(1), Some(2)], &[Some(1), Some(3)], true),
            // No base: what only one side has is new there.
            (Some(2), &[None, Some(2)], &[], false),
            (Some(2), &[Some(1), Some(2)], &[], true),
        ];
        for (new, olds, bases, expected) in table {
            assert_eq!(
                is_changed(&new, olds, bases),
                expected,
                "{new:?} of {olds:?} from {bases:?}"
            );
        }
        // An octopus answers for all that its parents differ in.
        assert!(is_changed(&Some(1), &[Some(1), Some(1), Some(2)], &[]));
        assert!(!is_changed(&Some(1), &[Some(1), Some(1), Some(1)], &[]));
    }
}
