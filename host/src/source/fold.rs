//! Packs: each fetch writes one, and an object is looked for in every one of them.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

/// More packs than this are folded into one.
const PACKS: usize = 50;
/// Names the packs that were folded. They go when packs are folded next, or the mirror is opened:
/// a snapshot that is in use may still read them.
const FOLDED: &str = "trimtab-folded";

/// Removes what an interrupted fetch left, and packs that were folded. Packs are complete only
/// under their final names.
pub(super) fn sweep(packs: &Path) {
    for pack in folded(packs) {
        remove(&packs.join(pack));
    }
    // What cannot be removed costs space, no more; the same holds below.
    let _ = fs::remove_file(packs.join(FOLDED));
    remove_unfinished(packs);
}

/// Removes what an interrupted fetch left. None may be under way.
pub(super) fn remove_unfinished(packs: &Path) {
    for entry in fs::read_dir(packs).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("pack_git2_") || name.starts_with("tmp_") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Folds all packs but the largest into one, if there are many. Costs what was fetched since the
/// first fetch, once in fifty fetches.
pub(super) fn fold(folder: &Path) -> Result<(), git2::Error> {
    let packs = folder.join("objects/pack");
    let old = folded(&packs);
    let broken = |error: std::io::Error| git2::Error::from_str(&error.to_string());
    let mut indexes: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&packs).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        if path.extension().is_some_and(|it| it == "idx") && !old.contains(&stem(&path)) {
            let size = fs::metadata(&path).map_err(broken)?.len();
            indexes.push((size, path));
        }
    }
    if indexes.len() <= PACKS {
        return Ok(());
    }
    indexes.sort();
    indexes.pop();
    let store = Repository::open_bare(folder)?;
    let mut builder = store.packbuilder()?;
    for (_, index) in &indexes {
        let bytes = fs::read(index).map_err(broken)?;
        for id in ids(&bytes).ok_or_else(|| git2::Error::from_str("an index cannot be read"))? {
            builder.insert_object(id, None)?;
        }
    }
    builder.write(&packs, 0)?;
    let new = format!("pack-{}", builder.name()?.unwrap_or_default());
    old.iter().for_each(|pack| remove(&packs.join(pack)));
    let names: Vec<String> = indexes
        .iter()
        .map(|(_, index)| stem(index))
        .filter(|name| *name != new)
        .collect();
    tracing::debug!(mirror = %folder.display(), packs = names.len(), "packs folded");
    fs::write(packs.join(FOLDED), names.join("\n")).map_err(broken)
}

fn folded(packs: &Path) -> Vec<String> {
    let text = fs::read_to_string(packs.join(FOLDED)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn stem(index: &Path) -> String {
    index
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into()
}

/// The pack goes first: an index alone is found to be stale, a pack alone is never looked into.
fn remove(pack: &Path) {
    let _ = fs::remove_file(pack.with_extension("pack"));
    let _ = fs::remove_file(pack.with_extension("idx"));
}

/// The ids in a pack's index of version 2 (gitformat-pack): a header of 8 bytes, 256 running
/// counts of 4 bytes, then the ids of 20 bytes.
fn ids(index: &[u8]) -> Option<Vec<Oid>> {
    let rest = index.strip_prefix(b"\xfftOc\0\0\0\x02")?;
    let count = rest.get(255 * 4..256 * 4)?.try_into().ok()?;
    let count = u32::from_be_bytes(count) as usize;
    let ids = rest.get(256 * 4..256 * 4 + count.checked_mul(20)?)?;
    ids.chunks_exact(20)
        .map(|id| Oid::from_bytes(id).ok())
        .collect()
}
