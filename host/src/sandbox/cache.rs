//! Compiled components on disk.

use std::fs::{DirBuilder, File};
use std::hash::{Hash as _, Hasher};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use super::Digest;

/// Bytes of all that is kept; what was not used for longest goes first.
const BYTES: u64 = 1 << 30;
const EXTENSION: &str = "cwasm";
/// A file without its name that is older than this is a killed host's.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Bytes of a SHA-256.
const CHECKSUM: usize = 32;

/// A folder that only this user can write. Several hosts may have the same one: a file is complete
/// as soon as it has its name, and never changes.
pub(super) struct Cache {
    folder: PathBuf,
    /// Names the whole engine configuration, and wasmtime's version: with another, the same
    /// component is other code.
    engine: String,
    bytes: u64,
}

impl Cache {
    /// # Errors
    /// Why the folder is not to be trusted, or cannot be had.
    pub(super) fn open(folder: &Path, engine: &Engine) -> Result<Self, String> {
        own_folder(folder)?;
        let mut hasher = Named(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.0.update(env!("CARGO_PKG_VERSION"));
        let engine: String = hasher.0.finalize()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            folder: folder.to_owned(),
            engine,
            bytes: BYTES,
        })
    }

    /// The code of a component, if it is there and whole.
    pub(super) fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let mut file = File::open(&path).ok()?;
        let mut checksum = [0; CHECKSUM];
        // A renderer's code is 50 MB: it is copied once.
        let length = file.metadata().ok()?.len() as usize;
        let mut code = Vec::with_capacity(length);
        let begun = file.read_exact(&mut checksum).is_ok();
        // What cannot be read now is not damaged for that.
        file.read_to_end(&mut code).ok()?;
        let whole = begun && !code.is_empty() && Sha256::digest(&code)[..] == checksum;
        if !whole {
            tracing::warn!(file = %path.display(), "damaged; it is compiled anew");
            // It is put there anew, if it can be.
            let _ = std::fs::remove_file(&path);
            return None;
        }
        // What was used last is kept longest; a disk that cannot be written does not hurt here.
        let _ = file.set_modified(SystemTime::now());
        Some(code)
    }

    /// Keeps it, if there is room on the disk.
    pub(super) fn put(&self, digest: &Digest, code: &[u8]) {
        let kept = tempfile::NamedTempFile::new_in(&self.folder).and_then(|mut file| {
            file.write_all(&Sha256::digest(code))?;
            file.write_all(code)?;
            file.persist(self.path(digest))
                .map_err(|error| error.error)?;
            Ok(())
        });
        if let Err(error) = kept {
            tracing::warn!(folder = %self.folder.display(), %error, "a compiled plugin is not kept");
        }
        self.sweep();
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.as_str().trim_start_matches("sha256:");
        self.folder
            .join(format!("{hex}-{}.{EXTENSION}", self.engine))
    }

    /// Removes what was not used for longest, until the rest fits; and what a host that was killed
    /// has left.
    fn sweep(&self) {
        remove_oldest(files(&self.folder), EXTENSION, self.bytes);
    }
}

/// When each file of a folder was used last, its bytes and its path.
pub(super) fn files(folder: &Path) -> Vec<(SystemTime, u64, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let files = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.len(), entry.path()))
    });
    files.collect()
}

/// Removes what was not used for longest of those that have their names, until the rest fits; and of
/// the others what a host that was killed has left.
pub(super) fn remove_oldest(
    mut files: Vec<(SystemTime, u64, PathBuf)>,
    extension: &str,
    most: u64,
) {
    files.sort();
    let mut whole: u64 = files.iter().map(|(_, size, _)| size).sum();
    let left = SystemTime::now().checked_sub(ABANDONED);
    for (used, size, path) in files {
        let named = path.extension().is_some_and(|it| it == extension);
        let abandoned = !named && left.is_some_and(|left| used < left);
        // Another host may have removed it.
        if (abandoned || named && whole > most) && std::fs::remove_file(&path).is_ok() {
            whole -= size;
        }
    }
}

/// Makes a folder that only this user can write, or finds that it is one.
///
/// # Errors
/// Why it is not to be trusted, or cannot be had.
pub(super) fn own_folder(folder: &Path) -> Result<(), String> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    // Whoever can write above can put another folder in its place.
    let mut folders = [Some(folder), folder.parent()].into_iter().flatten();
    folders.try_for_each(own)
}

/// Whether nobody but this user can write there.
#[cfg(unix)]
fn own(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;

    let place = folder.display();
    let metadata = std::fs::metadata(folder).map_err(|error| format!("{place}: {error}"))?;
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me {
        return Err(format!("{place} belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!(
            "others can write {place}; take that from them: chmod go-w {place}"
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn own(folder: &Path) -> Result<(), String> {
    Err(format!(
        "whether others can write {} cannot be told on this system",
        folder.display()
    ))
}

/// A digest of what something hashes.
struct Named(Sha256);

impl Hasher for Named {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_when_there_is_too_much_and_what_a_killed_host_left() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("plugins");
        let mut cache = Cache::open(&folder, &Engine::default()).expect("it is ours");
        let digests: Vec<Digest> = (0..4_u8).map(|it| Digest::of(&[it])).collect();
        let age = |path: &Path, hours: u64| {
            let file = File::open(path).expect("it is there");
            let then = SystemTime::now() - Duration::from_secs(hours * 3600);
            file.set_modified(then).expect("it is ours");
        };
        for (hours, digest) in [(4, &digests[0]), (3, &digests[1]), (2, &digests[2])] {
            cache.put(digest, &[7; 1000]);
            age(&cache.path(digest), hours);
        }
        // The oldest is used once more.
        assert_eq!(cache.get(&digests[0]), Some(vec![7; 1000]));
        let (left, fresh) = (folder.join(".left"), folder.join(".fresh"));
        for (path, hours) in [(&left, 2), (&fresh, 0)] {
            std::fs::write(path, "half").expect("written");
            age(path, hours);
        }
        cache.bytes = 3200;
        cache.put(&digests[3], &[7; 1000]);
        let kept = |digest: &Digest| cache.path(digest).exists();
        assert_eq!(
            digests.iter().map(kept).collect::<Vec<_>>(),
            [true, false, true, true]
        );
        assert!(!left.exists() && fresh.exists());
    }
}
