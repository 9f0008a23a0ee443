//! What renderers gave, kept on disk. An answer depends on the renderer, on the request and on what
//! the guest was told of paths, and on nothing else: so it is the answer again where all of these are
//! the same. What was told is kept as digests, and looked for again before an answer is used.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cache::{self, own_folder, remove_oldest};
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
        let mut left: Vec<(PathBuf, File, Told)> = files
            .filter_map(|(_, _, path)| {
                let mut file = open(&path)?;
                let told = read(&path, &mut file)?;
                Some((path, file, told))
            })
            .collect();
        // A guest that was told the same until now asks for the same next.
        for at in 0.. {
            let (_, _, first) = left.first()?;
            let Some((path, _)) = first.get(at) else {
                break;
            };
            let now = (path.clone(), print(&look(path)));
            left.retain(|(_, _, told)| told.get(at) == Some(&now));
        }
        // Only now: an answer may be large.
        let (path, mut file, _) = left.into_iter().next()?;
        let outcome = read(&path, &mut file)?;
        // What was used last is kept longest; a disk that cannot be written does not hurt here.
        let _ = file.set_modified(SystemTime::now());
        Some(outcome)
    }

    /// Keeps it, if there is room on the disk.
    fn put(&self, key: &str, told: &Told, outcome: &Outcome) {
        let folder = self.folder.join(key);
        match write(&folder, told, outcome) {
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
                    self.sweep(self.bytes);
                }
            }
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "what was rendered is not kept");
                if let ErrorKind::StorageFull | ErrorKind::QuotaExceeded = error.kind() {
                    // Whatever else is on it is worth more.
                    self.sweep(0);
                }
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
    fn sweep(&self, most: u64) {
        // Of no weight where nothing can be written.
        let _ = std::fs::write(self.folder.join(SWEPT), "");
        let Ok(folders) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let folders: Vec<PathBuf> = folders.flatten().map(|it| it.path()).collect();
        let all = folders.iter().flat_map(|it| files(it)).collect();
        remove_oldest(all, EXTENSION, most);
        for folder in folders {
            // It stays if anything is in it.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// What a guest was told, and the bytes of its paths; nothing once it is too much.
type Recording = Option<(Told, usize)>;

/// Writes down what a guest is told.
fn recorded(mut look: Lookup, recording: &Arc<Mutex<Recording>>) -> Lookup {
    let recording = recording.clone();
    Box::new(move |path| {
        let seen = look(path);
        let mut recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((told, bytes)) = recording.as_mut() {
            *bytes += path.len();
            told.push((path.to_owned(), print(&seen)));
            if told.len() > LOOKS || *bytes > PATHS {
                *recording = None;
            }
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

fn on_disk(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK) + BLOCK
}

/// When each was used last, its bytes on the disk and its path.
fn files(folder: &Path) -> Vec<(SystemTime, u64, PathBuf)> {
    let files = cache::files(folder).into_iter();
    let files = files.map(|(used, bytes, path)| (used, on_disk(bytes), path));
    files.collect()
}

fn open(path: &Path) -> Option<File> {
    is_named(path).then(|| File::open(path).ok()).flatten()
}

/// The next of a file's two parts: what was told, and the outcome. Each is a checksum, a length in
/// bytes and JSON.
fn read<T: DeserializeOwned>(path: &Path, file: &mut File) -> Option<T> {
    let mut head = [0; CHECKSUM + size_of::<u64>()];
    let mut text = Vec::new();
    let begun = file.read_exact(&mut head).is_ok();
    let (checksum, length) = head.split_at(CHECKSUM);
    let length = u64::from_le_bytes(length.try_into().ok()?);
    // What cannot be read now is not damaged for that.
    file.take(length).read_to_end(&mut text).ok()?;
    let whole = begun && Sha256::digest(&text)[..] == *checksum;
    let part = whole.then(|| serde_json::from_slice(&text).ok()).flatten();
    if part.is_none() {
        tracing::warn!(file = %path.display(), "damaged; it is rendered anew");
        // It is put there anew, if it can be.
        let _ = std::fs::remove_file(path);
    }
    part
}

fn write(folder: &Path, told: &Told, outcome: &Outcome) -> std::io::Result<u64> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let parts = [serde_json::to_vec(told)?, serde_json::to_vec(outcome)?];
    let name = hex(&Sha256::digest(&parts[0]));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for part in &parts {
        file.write_all(&Sha256::digest(part))?;
        file.write_all(&(part.len() as u64).to_le_bytes())?;
        file.write_all(part)?;
    }
    let bytes = file.as_file().metadata()?.len();
    let path = folder.join(name).with_extension(EXTENSION);
    file.persist(path).map_err(|error| error.error)?;
    Ok(on_disk(bytes))
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
        let recording = Arc::new(Mutex::new(Some(Default::default())));
        let rendered = self.render(kind, request, recorded(look, &recording));
        let limits = &self.shared.limits;
        let recording = recording.lock().map_or(None, |mut it| it.take());
        if let (Some((told, _)), Some(outcome), Some(digest)) =
            (recording, Outcome::of(&rendered, limits), self.digest(kind))
        {
            kept.put(&key(kind, &digest, limits, request), &told, &outcome);
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
    pub(super) fn digest(&self, kind: RendererKind) -> Option<Digest> {
        let mut digests = self.shared.digests();
        if let Some((_, known)) = digests.iter().find(|(it, _)| *it == kind) {
            return Some(known.clone());
        }
        let digest = Digest::of(&self.bytes(kind).ok()?);
        digests.push((kind, digest.clone()));
        Some(digest)
    }

    /// Whether this is all that a render may ever take.
    pub fn is_whole(&self, fuel: u64) -> bool {
        fuel >= self.shared.limits.fuel
    }

    fn keeps(&self) -> Option<&Kept> {
        self.kept.as_deref().filter(|_| self.pace != Pace::Anew)
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
