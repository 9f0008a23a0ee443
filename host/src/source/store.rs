//! What is kept of other places, by its content: a host that starts anew, or whose sources are
//! away, goes on with it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fetched::{Fetch, want_of, want_of_pinned};
use super::remote::masked;
use super::{
    Auth, FETCH_LIMIT, Follow, Mirror, Pinned, Poll, Reference, RemoteError, RemoteSpec, Revision,
    Snapshot, Worker, worker,
};
use crate::download::Want;

/// A folder with what was fetched. Cheap to clone. One without a folder has nothing.
#[derive(Clone, Default)]
pub struct Store(Option<Arc<Shared>>);

struct Shared {
    folder: PathBuf,
    /// Files of commits that have been read, so that a mirror is opened once.
    opened: Mutex<HashMap<(String, String), Snapshot>>,
    /// How it stands with what is not here.
    wanting: Mutex<HashMap<Pinned, Wanting>>,
    /// What was compared with its digest, by it, and what the file was then: it is asked for at each
    /// evaluation.
    compared: Mutex<HashMap<String, (u64, SystemTime)>>,
}

/// How it stands with something that is not in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanting {
    /// Nothing was tried yet, or the first try is under way.
    New,
    /// Why it could not be had when that was last tried.
    Failed(String),
}

/// Commits that are kept open.
const OPENED: usize = 64;

impl Store {
    /// Nothing is made in the folder before something is fetched.
    pub fn at(folder: PathBuf) -> Self {
        Self(Some(Arc::new(Shared {
            folder,
            opened: Mutex::default(),
            wanting: Mutex::default(),
            compared: Mutex::default(),
        })))
    }

    /// The files of a commit, if they are here. Blocking.
    pub fn files(&self, url: &str, commit: &str) -> Option<Snapshot> {
        let shared = self.0.as_ref()?;
        let key = (url.to_owned(), commit.to_owned());
        let mut opened = lock(&shared.opened);
        if let Some(known) = opened.get(&key) {
            if known.damage().is_none() {
                return Some(known.clone());
            }
            // What it lost is fetched anew.
            opened.remove(&key);
            for folder in shared.mirrors(url) {
                let _ = fs::remove_dir_all(folder);
            }
            return None;
        }
        let revision = Revision::new(commit);
        let mut mirrors = shared.mirrors(url).into_iter();
        let snapshot = mirrors.find_map(|it| Mirror::look(&it, &revision))?;
        if opened.len() >= OPENED {
            opened.clear();
        }
        opened.insert(key, snapshot.clone());
        Some(snapshot)
    }

    /// A file's or a chart's bytes, if they are here and those that are pinned. Blocking.
    pub fn bytes(&self, pinned: &Pinned) -> Option<Vec<u8>> {
        let shared = self.0.as_ref()?;
        match pinned {
            Pinned::Commit { .. } => None,
            Pinned::File { sha256, .. } | Pinned::Chart { sha256, .. } => shared.blob(sha256),
            Pinned::Artifact { sha256, .. } => shared.blob(&self.layer_of(sha256)?),
        }
    }

    /// The chart of an artifact's manifest.
    fn layer_of(&self, manifest: &str) -> Option<String> {
        chart_layer(&self.0.as_ref()?.blob(manifest)?).ok()
    }

    fn is_here(&self, digest: &str) -> bool {
        self.0.as_ref().is_some_and(|it| it.has(digest))
    }

    pub fn has(&self, pinned: &Pinned) -> bool {
        match pinned {
            Pinned::Commit { url, commit } => self.files(url, commit).is_some(),
            Pinned::File { sha256, .. } | Pinned::Chart { sha256, .. } => self.is_here(sha256),
            Pinned::Artifact { sha256, .. } => {
                self.layer_of(sha256).is_some_and(|it| self.is_here(&it))
            }
        }
    }

    /// How it stands with what is not here.
    pub fn wanting(&self, pinned: &Pinned) -> Wanting {
        let known = self.0.as_ref().map(|shared| lock(&shared.wanting));
        let known = known.and_then(|wanting| wanting.get(pinned).cloned());
        known.unwrap_or(Wanting::New)
    }

    /// Fetches what is pinned, and checks that it is that. Blocking.
    pub fn fetch(
        &self,
        worker: &Worker,
        pinned: &Pinned,
        auth: &Auth,
        deadline: Duration,
    ) -> Result<(), RemoteError> {
        let result = self.fetched(worker, pinned, auth, deadline);
        if let Some(shared) = &self.0 {
            let mut wanting = lock(&shared.wanting);
            match &result {
                Ok(()) => drop(wanting.remove(pinned)),
                Err(error) => {
                    let failed = Wanting::Failed(error.to_string());
                    wanting.insert(pinned.clone(), failed);
                }
            }
        }
        result
    }

    /// That it could not even be asked for.
    pub fn failed(&self, pinned: &Pinned, reason: &str) {
        if let Some(shared) = &self.0 {
            let failed = Wanting::Failed(format!("{pinned}: {reason}"));
            lock(&shared.wanting).insert(pinned.clone(), failed);
        }
    }

    fn fetched(
        &self,
        worker: &Worker,
        pinned: &Pinned,
        auth: &Auth,
        deadline: Duration,
    ) -> Result<(), RemoteError> {
        if self.has(pinned) {
            return Ok(());
        }
        if let Pinned::Commit { url, commit } = pinned {
            let follow = Follow::Files(commit.clone());
            let [files, whole] = self.mirrors(url)?;
            return match self.git(worker, (url, &files), follow, auth, deadline) {
                // A server may give out what its refs reach alone, and a mirror without history is
                // taken to have all that is before what it has.
                Err(RemoteError::CommitGone { .. }) => {
                    let follow = Follow::Commit(commit.clone());
                    let found = self.git(worker, (url, &whole), follow, auth, deadline);
                    found.map(drop)
                }
                found => found.map(drop),
            };
        }
        let want = want_of_pinned(pinned).ok_or_else(|| no_folder(pinned.url()))?;
        let found = self.download(worker, want, auth, deadline)?;
        match found == pinned.content() {
            true => Ok(()),
            false => Err(RemoteError::OtherContent {
                what: pinned.to_string(),
                wanted: pinned.content().to_owned(),
                found,
            }),
        }
    }

    /// What a reference stands for now; it is here then. Blocking.
    pub fn resolve(
        &self,
        worker: &Worker,
        reference: &Reference,
        auth: &Auth,
        deadline: Duration,
    ) -> Result<Pinned, RemoteError> {
        if let Reference::Git { url, name } = reference {
            let follow = Follow::Named(name.clone());
            let [files, _] = self.mirrors(url)?;
            let commit = self.git(worker, (url, &files), follow, auth, deadline)?;
            return Ok(Pinned::Commit {
                url: url.clone(),
                commit: commit.to_string(),
            });
        }
        let want = want_of(reference).ok_or_else(|| no_folder(reference.url()))?;
        let sha256 = self.download(worker, want, auth, deadline)?;
        Ok(match reference.clone() {
            Reference::Chart {
                repository,
                name,
                version,
            } => Pinned::Chart {
                repository,
                name,
                version,
                sha256,
            },
            Reference::Artifact { url, .. } => Pinned::Artifact { url, sha256 },
            Reference::File { url } | Reference::Git { url, .. } => Pinned::File { url, sha256 },
        })
    }

    fn mirrors(&self, url: &str) -> Result<[PathBuf; 2], RemoteError> {
        let shared = self.0.as_ref().ok_or_else(|| no_folder(url))?;
        Ok(shared.mirrors(url))
    }

    fn git(
        &self,
        worker: &Worker,
        (url, folder): (&str, &Path),
        follow: Follow,
        auth: &Auth,
        deadline: Duration,
    ) -> Result<Revision, RemoteError> {
        let shared = self.0.as_ref().ok_or_else(|| no_folder(url))?;
        let _alone = shared.alone(folder, url)?;
        let mirror = Mirror::open(folder, worker.clone())?;
        let remote = RemoteSpec {
            url: url.to_owned(),
            follow,
            auth: auth.clone(),
            deadline,
            limit: FETCH_LIMIT,
        };
        match mirror.poll(&remote, None)? {
            Poll::Moved { commit, .. } => Ok(commit.revision),
            Poll::Unchanged(revision) => Ok(revision),
        }
    }

    /// Gives the digest that pins what was fetched.
    fn download(
        &self,
        worker: &Worker,
        want: Want,
        auth: &Auth,
        deadline: Duration,
    ) -> Result<String, RemoteError> {
        let url = masked(want.url());
        let shared = self.0.as_ref().ok_or_else(|| no_folder(&url))?;
        let storage =
            |error: io::Error| RemoteError::storage(&url, &shared.folder, &error.to_string());
        let blobs = shared.folder.join("content");
        fs::create_dir_all(&blobs).map_err(storage)?;
        let draft = tempfile::tempdir_in(&shared.folder).map_err(storage)?;
        let to = draft.path().join("bytes");
        let fetch = Fetch {
            want,
            auth: auth.clone(),
            deadline,
            to: to.clone(),
        };
        let fetched = worker::fetch(worker, fetch)?;
        let keep = |from: &Path| {
            let bytes = fs::read(from).map_err(storage)?;
            let digest = sha256(&bytes);
            fs::rename(from, blobs.join(&digest)).map_err(storage)?;
            Ok::<String, RemoteError>(digest)
        };
        let digest = keep(&to)?;
        match fetched.manifest {
            None => Ok(digest),
            Some(_) => keep(&to.with_extension("manifest")),
        }
    }
}

impl Shared {
    /// Of a repository: the one without history, and a whole one, which most need not have.
    fn mirrors(&self, url: &str) -> [PathBuf; 2] {
        let name = sha256(url.as_bytes());
        ["files", "whole"].map(|it| {
            self.folder
                .join("git")
                .join(format!("{}-{it}", &name[..32]))
        })
    }

    fn has(&self, digest: &str) -> bool {
        let Ok(about) = fs::metadata(self.path(digest)) else {
            return false;
        };
        let Ok(changed) = about.modified() else {
            return self.blob(digest).is_some();
        };
        let now = (about.len(), changed);
        if lock(&self.compared).get(digest) == Some(&now) {
            return true;
        }
        let is_it = self.blob(digest).is_some();
        if is_it {
            lock(&self.compared).insert(digest.to_owned(), now);
        }
        is_it
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join("content").join(digest)
    }

    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let bytes = fs::read(&path).ok()?;
        if sha256(&bytes) == digest {
            return Some(bytes);
        }
        // Damage: it is fetched anew.
        let _ = fs::remove_file(path);
        None
    }

    /// A mirror is written by one at a time, whichever process that is.
    fn alone(&self, folder: &Path, url: &str) -> Result<File, RemoteError> {
        let storage =
            |error: io::Error| RemoteError::storage(&masked(url), &self.folder, &error.to_string());
        fs::create_dir_all(self.folder.join("git")).map_err(storage)?;
        let file = File::create(folder.with_extension("lock")).map_err(storage)?;
        file.lock().map_err(storage)?;
        Ok(file)
    }
}

/// The layer of an artifact's manifest that is a chart, by its SHA-256.
///
/// # Errors
/// Why there is none.
pub(super) fn chart_layer(manifest: &[u8]) -> Result<String, String> {
    let manifest: Value =
        serde_json::from_slice(manifest).map_err(|_| "its manifest is no JSON".to_owned())?;
    let layers = manifest["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let is_chart = |it: &&Value| it["mediaType"] == crate::download::CHART_LAYER;
    let layer = layers.iter().find(is_chart);
    let digest = layer.and_then(|it| it["digest"].as_str()?.strip_prefix("sha256:"));
    let digest = digest.filter(|it| super::is_sha256(it));
    let digest = digest.ok_or("it is no chart: it has no layer of a chart's type")?;
    Ok(digest.to_owned())
}

/// In lower case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_folder(url: &str) -> RemoteError {
    RemoteError::Storage {
        url: masked(url),
        reason: "there is no folder to keep it in".into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
