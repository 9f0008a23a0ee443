//! What is to be recorded, in a file until the database has it: it outlives a host that is killed
//! and a database that is away. Entries are numbered, so that none is recorded twice.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bounds;
use super::entry::Entry;

/// Bytes that the file may grow to while the database is away: some 200,000 records.
pub(super) const MOST: u64 = 256 << 20;
/// The writer's id in hexadecimal, and a line's end.
const HEADER: u64 = 33;

pub(super) struct Spool {
    file: File,
    pub writer: [u8; 16],
    /// The number of the next entry; the first one is 1.
    next: i64,
    /// How many entries the file had when it was opened.
    found: usize,
    /// What is before this is in the database.
    stored: u64,
    end: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    n: i64,
    entry: Entry,
}

/// Entries that wait, in order.
#[derive(Default)]
pub(super) struct Batch {
    /// The number of the first.
    pub first: i64,
    pub entries: Vec<Entry>,
    /// Lines that are none: the disk's fault.
    pub unreadable: u64,
    /// Where the next batch begins.
    through: u64,
}

impl Spool {
    /// Opens the file, with what a host before this one left in it.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = File::options();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = options.open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // A line that was cut off in the middle was never said to be kept.
        let end = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |it| it + 1);
        let lines = text.get(HEADER as usize..end).unwrap_or_default();
        let numbers = lines.split_inclusive(|byte| *byte == b'\n');
        let read = numbers.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        let (found, last) = read.fold((0, None), |(count, _), line| (count + 1, Some(line)));
        let writer = text
            .get(..32)
            .and_then(|id| u128::from_str_radix(std::str::from_utf8(id).ok()?, 16).ok());
        let mut spool = Self {
            file,
            writer: writer.unwrap_or_default().to_be_bytes(),
            next: last.as_ref().map_or(1, |line: &Line| line.n + 1),
            found,
            stored: HEADER,
            end: end as u64,
        };
        if writer.is_none() || last.is_none() {
            // Nothing waits: numbers begin anew, and so does who counts them.
            spool.writer = rand::random();
            spool.file.set_len(0)?;
            spool.file.seek(SeekFrom::Start(0))?;
            writeln!(spool.file, "{:032x}", u128::from_be_bytes(spool.writer))?;
            spool.end = HEADER;
        }
        spool.file.set_len(spool.end)?;
        Ok(spool)
    }

    pub(super) fn push(&mut self, entry: Entry) -> std::io::Result<()> {
        let line = Line {
            n: self.next,
            entry,
        };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        if self.end + bytes.len() as u64 > MOST {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        // Where it fails in the middle, the next one is written over it.
        self.file.write_all_at(&bytes, self.end)?;
        self.end += bytes.len() as u64;
        self.next += 1;
        Ok(())
    }

    /// How many entries an earlier host had left.
    pub(super) fn count(&self) -> usize {
        self.found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stored == self.end
    }

    /// What waits, up to so many bytes.
    pub(super) fn waiting(&self, most: usize) -> std::io::Result<Vec<u8>> {
        let length = usize::try_from(self.end - self.stored).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(most.max(bounds::RECORD))];
        self.file.read_exact_at(&mut bytes, self.stored)?;
        Ok(bytes)
    }

    /// Reads what [waits](Self::waiting).
    pub(super) fn batch(bytes: &[u8], most: usize) -> Batch {
        let mut batch = Batch::default();
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |it| it + 1);
        for line in bytes[..whole].split_inclusive(|byte| *byte == b'\n') {
            if batch.entries.len() == most {
                break;
            }
            match serde_json::from_slice::<Line>(line) {
                // A number that is missing in between would have the ones after it counted wrongly.
                Ok(Line { n, .. })
                    if !batch.entries.is_empty()
                        && n != batch.first + batch.entries.len() as i64 =>
                {
                    break;
                }
                Ok(Line { n, entry }) => {
                    if batch.entries.is_empty() {
                        batch.first = n;
                    }
                    batch.entries.push(entry);
                }
                Err(_) => batch.unreadable += 1,
            }
            batch.through += line.len() as u64;
        }
        batch
    }

    /// The database has a batch. A file of which nothing waits becomes empty.
    pub(super) fn is_stored(&mut self, batch: &Batch) -> std::io::Result<()> {
        self.stored += batch.through;
        if self.is_empty() {
            self.file.set_len(HEADER)?;
            (self.stored, self.end) = (HEADER, HEADER);
        }
        Ok(())
    }

    /// To be written to the disk by whoever may wait for it.
    pub(super) fn file(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Cause, Outcome};

    fn entry(kit: &str) -> Entry {
        let at = jiff::Timestamp::UNIX_EPOCH;
        Entry::new(
            at,
            "acme",
            "platform",
            Some(kit.into()),
            Cause::Commit,
            Outcome::Applied,
        )
    }

    fn batch(spool: &Spool, most: usize) -> Batch {
        Spool::batch(&spool.waiting(1 << 20).unwrap(), most)
    }

    fn kits(batch: &Batch) -> Vec<&str> {
        batch
            .entries
            .iter()
            .filter_map(|it| it.kit.as_deref())
            .collect()
    }

    #[test]
    fn what_waits_outlives_a_host_and_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/spool");
        let mut spool = Spool::open(&path).unwrap();
        let writer = spool.writer;
        for kit in ["a", "b", "c"] {
            spool.push(entry(kit)).unwrap();
        }
        let first = batch(&spool, 2);
        assert_eq!((first.first, kits(&first)), (1, vec!["a", "b"]));
        spool.is_stored(&first).unwrap();
        assert_eq!(kits(&batch(&spool, 9)), ["c"]);
        drop(spool);

        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let mut spool = Spool::open(&path).unwrap();
        assert_eq!(spool.writer, writer);
        spool.push(entry("d")).unwrap();
        let all = batch(&spool, 9);
        assert_eq!((all.first, kits(&all)), (1, vec!["a", "b", "d"]));
        spool.is_stored(&all).unwrap();
        assert!(spool.is_empty());
        spool.push(entry("e")).unwrap();
        assert_eq!(batch(&spool, 9).first, 4, "numbers go on");
        spool.is_stored(&batch(&spool, 9)).unwrap();
        drop(spool);
        assert_ne!(
            Spool::open(&path).unwrap().writer,
            writer,
            "who counts from 1 is another one"
        );
    }

    #[test]
    fn a_damaged_line_is_passed_over_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let mut spool = Spool::open(&path).unwrap();
        for kit in ["a", "b", "c"] {
            spool.push(entry(kit)).unwrap();
        }
        drop(spool);
        let damaged = std::fs::read_to_string(&path)
            .unwrap()
            .replace("\"b\"", "\"b");
        std::fs::write(&path, damaged).unwrap();
        let mut spool = Spool::open(&path).unwrap();
        let first = batch(&spool, 9);
        assert_eq!((kits(&first), first.unreadable), (vec!["a"], 1));
        spool.is_stored(&first).unwrap();
        let second = batch(&spool, 9);
        assert_eq!((second.first, kits(&second)), (3, vec!["c"]));
    }
}
