//! What renderers gave, kept on disk. An answer depends on the renderer, on the request and on what
//! the guest was told of paths, and on nothing else: so it is the answer again where all of these are
//! the same. What was told is kept as digests, and looked for again before an answer is used.

use std::fs::{DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cache::{ABANDONED, own_folder};
use super::{Digest, Look, Lookup, Pace, RenderError, RenderLimits, RendererKind, Renderers};

/// Bytes on the disk of all that is kept; what was not used for longest goes first.
const BYTES: u64 = 512 << 20;
/// What may be written before that is looked at.
const SWEEP: u64 = 32 << 20;
/// Answers to one request: several repositories, or revisions that are gone back to.
const ANSWERS: usize = 8;
/// Paths that an answer may depend on, and the bytes of them all.
const LOOKS: usize = 20_000;
const PATHS: usize = 4 << 20;
/// Bytes that a file takes at least, and its folder.
const BLOCK: u64 = 4096;
/// When the folder was swept last.
const SWEPT: &str = "swept";
const SWEEP_AFTER: Duration = Duration::from_secs(3600);
const EXTENSION: &str = "kept";
/// Bytes of a SHA-256.
const CHECKSUM: usize = 32;
/// Counts what changes in a file's form, or in what guests are told.
const FORM: u8 = 1;

/// A folder that only this user can write. Several hosts may have the same one.
pub(super) struct Kept {
    folder: PathBuf,
    bytes: u64,
    /// Since this process has swept the folder.
    written: AtomicU64,
}

/// What a guest was told, in the order in which it asked: paths, and digests of what is there.
type Told = Vec<(String, String)>;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Outcome {
    Answer { text: String, fuel: u64 },
    Fuel,
    Memory,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    told: Told,
    outcome: Outcome,
}

/// What an answer depends on, besides what its guest was told.
fn key(kind: RendererKind, renderer: &Digest, limits: &RenderLimits, request: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update([FORM]);
    // Where fuel runs out is wasmtime's, and so of the host's version.
    let version = env!("CARGO_PKG_VERSION");
    hash.update(format!("{version} {kind} {renderer} {limits:?}\n"));
    hash.update(request);
    hex(&hash.finalize())
}

impl Kept {
    /// # Errors
    /// Why the folder is not to be trusted, or cannot be had.
    fn open(folder: &Path) -> Result<Self, String> {
        own_folder(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            bytes: BYTES,
            written: AtomicU64::new(0),
        })
    }

    /// What the guest would end with, if that is known. `look` is asked no more than the guest itself
    /// would ask.
    fn get(&self, key: &str, look: &mut Lookup) -> Option<Outcome> {
        let mut files = files(&self.folder.join(key));
        files.sort_by(|a, b| b.cmp(a));
        let files = files.into_iter().take(ANSWERS);
        let mut left: Vec<(PathBuf, Entry)> = files
            .filter_map(|(_, _, path)| Some((path.clone(), read(&path)?)))
            .collect();
        // A guest that was told the same until now asks for the same next.
        for at in 0.. {
            let (file, first) = left.first()?;
            let Some((path, _)) = first.told.get(at) else {
                // What was used last is kept longest; a disk that cannot be written does not hurt here.
                let used = File::open(file);
                let _ = used.and_then(|it| it.set_modified(SystemTime::now()));
                break;
            };
            let now = (path.clone(), print(&look(path)));
            left.retain(|(_, entry)| entry.told.get(at) == Some(&now));
        }
        left.into_iter().next().map(|(_, entry)| entry.outcome)
    }

    /// Keeps it, if there is room on the disk.
    fn put(&self, key: &str, told: Told, outcome: Outcome) {
        let paths: usize = told
            .iter()
            .map(|(path, print)| path.len() + print.len())
            .sum();
        if told.len() > LOOKS || paths > PATHS {
            return;
        }
        let folder = self.folder.join(key);
        let entry = Entry { told, outcome };
        match write(&folder, &entry) {
            Ok(bytes) => {
                let all = self.written.fetch_add(bytes, Ordering::Relaxed) + bytes;
                let mut files = files(&folder);
                files.sort();
                let many = files.len().saturating_sub(ANSWERS);
                for (_, _, path) in files.into_iter().take(many) {
                    // Another host may have removed it.
                    let _ = std::fs::remove_file(path);
                }
                if all > SWEEP || self.is_due() {
                    self.written.store(0, Ordering::Relaxed);
                    self.sweep();
                }
            }
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "what was rendered is not kept");
            }
        }
    }

    /// Programs that write little and end are many.
    fn is_due(&self) -> bool {
        let swept = std::fs::metadata(self.folder.join(SWEPT)).and_then(|it| it.modified());
        let long_ago = |at: SystemTime| at.elapsed().is_ok_and(|it| it > SWEEP_AFTER);
        swept.map_or(true, long_ago)
    }

    /// Removes what was not used for longest, until the rest fits; and what a host that was killed
    /// has left.
    fn sweep(&self) {
        // Of no weight where nothing can be written.
        let _ = std::fs::write(self.folder.join(SWEPT), "");
        let Ok(folders) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let folders: Vec<PathBuf> = folders.flatten().map(|it| it.path()).collect();
        let mut all: Vec<_> = folders.iter().flat_map(|it| files(it)).collect();
        all.sort();
        let mut whole: u64 = all.iter().map(|(_, bytes, _)| bytes).sum();
        let left = SystemTime::now().checked_sub(ABANDONED);
        for (used, bytes, path) in all {
            let abandoned = !is_named(&path) && left.is_some_and(|left| used < left);
            if (abandoned || whole > self.bytes) && std::fs::remove_file(&path).is_ok() {
                whole -= bytes;
            }
        }
        for folder in folders {
            // It stays if anything is in it.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Writes down what a guest is told.
fn recorded(mut look: Lookup, told: &Arc<Mutex<Told>>) -> Lookup {
    let told = told.clone();
    Box::new(move |path| {
        let seen = look(path);
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() <= LOOKS {
            told.push((path.to_owned(), print(&seen)));
        }
        seen
    })
}

/// A digest of what a guest is told.
fn print(look: &Look) -> String {
    let mut hash = Sha256::new();
    let mut part = |kind: u8, bytes: &[u8]| {
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match look {
        Look::Nothing => part(0, b""),
        Look::File(bytes) => part(1, bytes),
        Look::Directory(names) => names.iter().for_each(|name| part(2, name.as_bytes())),
        Look::Link(path) => part(3, path.as_bytes()),
        Look::Refused(reason) => part(4, reason.as_bytes()),
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == EXTENSION)
}

/// When each was used last, its bytes on the disk and its path.
fn files(folder: &Path) -> Vec<(SystemTime, u64, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let files = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let about = entry.metadata().ok()?;
        let bytes = about.len().next_multiple_of(BLOCK) + BLOCK;
        Some((about.modified().ok()?, bytes, entry.path()))
    });
    files.collect()
}

fn read(path: &Path) -> Option<Entry> {
    if !is_named(path) {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut checksum = [0; CHECKSUM];
    let mut text = Vec::new();
    let begun = file.read_exact(&mut checksum).is_ok();
    // What cannot be read now is not damaged for that.
    file.read_to_end(&mut text).ok()?;
    let whole = begun && Sha256::digest(&text)[..] == checksum;
    let entry = whole.then(|| serde_json::from_slice(&text).ok()).flatten();
    if entry.is_none() {
        tracing::warn!(file = %path.display(), "damaged; it is rendered anew");
        // It is put there anew, if it can be.
        let _ = std::fs::remove_file(path);
    }
    entry
}

fn write(folder: &Path, entry: &Entry) -> std::io::Result<u64> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let text = serde_json::to_vec(entry)?;
    let name = hex(&Sha256::digest(serde_json::to_vec(&entry.told)?));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&Sha256::digest(&text))?;
    file.write_all(&text)?;
    let path = folder.join(name).with_extension(EXTENSION);
    file.persist(path).map_err(|error| error.error)?;
    Ok(((CHECKSUM + text.len()) as u64).next_multiple_of(BLOCK) + BLOCK)
}

impl Outcome {
    /// What is the same each time.
    fn of(rendered: &Result<(Vec<u8>, u64), RenderError>, limits: &RenderLimits) -> Option<Self> {
        match rendered {
            Ok((bytes, fuel)) => Some(Self::Answer {
                text: String::from_utf8(bytes.clone()).ok()?,
                fuel: *fuel,
            }),
            Err(RenderError::Fuel { limit }) if *limit == limits.fuel => Some(Self::Fuel),
            Err(RenderError::Memory { .. }) => Some(Self::Memory),
            Err(_) => None,
        }
    }

    fn rendered(self, limits: &RenderLimits) -> Result<(Vec<u8>, u64), RenderError> {
        match self {
            Self::Answer { text, fuel } => Ok((text.into_bytes(), fuel)),
            Self::Fuel => Err(RenderError::Fuel { limit: limits.fuel }),
            Self::Memory => Err(RenderError::Memory {
                limit: limits.memory,
            }),
        }
    }
}

impl Renderers {
    /// The same, with a folder that what was rendered is kept in.
    pub fn keeping(self, folder: &Path) -> Self {
        let kept = Kept::open(folder).map_err(|reason| {
            tracing::warn!(%reason, "what is rendered is not kept");
        });
        Self {
            kept: kept.ok().map(Arc::new),
            ..self
        }
    }

    /// Renders, and keeps what it came to: not for what a Secret has brought in.
    pub fn render_to_keep(
        &self,
        kind: RendererKind,
        request: &[u8],
        look: Lookup,
    ) -> Result<(Vec<u8>, u64), RenderError> {
        let Some(kept) = self.keeps() else {
            return self.render(kind, request, look);
        };
        let told: Arc<Mutex<Told>> = Arc::default();
        let rendered = self.render(kind, request, recorded(look, &told));
        let limits = &self.shared.limits;
        if let (Some(outcome), Some(digest)) = (Outcome::of(&rendered, limits), self.digest(kind)) {
            let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
            kept.put(&key(kind, &digest, limits, request), told, outcome);
        }
        rendered
    }

    /// What a render would come to, if that is kept and all that it read is the same still.
    pub fn recall(
        &self,
        kind: RendererKind,
        request: &[u8],
        mut look: Lookup,
    ) -> Option<Result<(Vec<u8>, u64), RenderError>> {
        let kept = self.keeps()?;
        let limits = &self.shared.limits;
        let key = key(kind, &self.digest(kind)?, limits, request);
        Some(kept.get(&key, &mut look)?.rendered(limits))
    }

    /// Of what is installed, whether or not it is loaded, or being compiled.
    fn digest(&self, kind: RendererKind) -> Option<Digest> {
        let mut digests = self.shared.digests();
        if let Some((_, known)) = digests.iter().find(|(it, _)| *it == kind) {
            return Some(known.clone());
        }
        let digest = Digest::of(&self.bytes(kind).ok()?);
        digests.push((kind, digest.clone()));
        Some(digest)
    }

    fn keeps(&self) -> Option<&Kept> {
        self.kept.as_deref().filter(|_| self.pace != Pace::Anew)
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
