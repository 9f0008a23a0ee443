//! What a kit has of other places: remote bases, files and charts. Nothing is fetched here: what is
//! pinned, named by the Repository and in the store is read, and the rest is told of.

use std::sync::{Arc, OnceLock};

use crate::kit::{Lock, Sources, Unlisted};
use crate::manifest::Finding;
use crate::source::{Pinned, Reference, Snapshot, Store, Wanting, is_commit};

/// Where all kits' things of other places are looked up.
#[derive(Clone, Default)]
pub struct Elsewhere {
    pub store: Store,
    /// What references stand for, instead of what the repository's lock says.
    pub lock: Option<Arc<Lock>>,
}

/// What references stand for in one revision, for the kits of one Repository.
#[derive(Clone, Default)]
pub(super) struct Pins {
    snapshot: Option<Snapshot>,
    sources: Arc<Sources>,
    elsewhere: Elsewhere,
    lock: Arc<OnceLock<Result<Arc<Lock>, Finding>>>,
}

/// How it stands with a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is in the store.
    Here(Pinned),
    Wanting(Pinned, Wanting),
    Unpinned,
    Unlisted(Unlisted),
    NoLock(Box<Finding>),
}

impl Pins {
    pub(super) fn new(snapshot: &Snapshot, sources: &Arc<Sources>, elsewhere: &Elsewhere) -> Self {
        Self {
            snapshot: Some(snapshot.clone()),
            sources: sources.clone(),
            elsewhere: elsewhere.clone(),
            lock: Arc::default(),
        }
    }

    /// The same for another revision.
    pub(super) fn at(&self, snapshot: &Snapshot) -> Self {
        Self::new(snapshot, &self.sources, &self.elsewhere)
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    pub(super) fn store(&self) -> &Store {
        &self.elsewhere.store
    }

    pub(super) fn standing(&self, reference: &Reference) -> Standing {
        if let Err(unlisted) = self.sources.of_url(reference.url()) {
            return Standing::Unlisted(unlisted);
        }
        let pinned = match (own_pin(reference), self.lock()) {
            (Some(pinned), _) => pinned,
            (None, Err(finding)) => return Standing::NoLock(Box::new(finding)),
            (None, Ok(lock)) => match lock.get(reference) {
                Some(pinned) => pinned.clone(),
                None => return Standing::Unpinned,
            },
        };
        match self.store().has(&pinned) {
            true => Standing::Here(pinned),
            false => {
                let wanting = self.store().wanting(&pinned);
                Standing::Wanting(pinned, wanting)
            }
        }
    }

    fn lock(&self) -> Result<Arc<Lock>, Finding> {
        let read = || match (&self.elsewhere.lock, &self.snapshot) {
            (Some(lock), _) => Ok(lock.clone()),
            (None, Some(snapshot)) => Lock::of(snapshot).map(Arc::new),
            (None, None) => Ok(Arc::default()),
        };
        self.lock.get_or_init(read).clone()
    }
}

/// What a reference is pinned to by itself.
fn own_pin(reference: &Reference) -> Option<Pinned> {
    match reference {
        Reference::Git { url, name } if is_commit(name) => Some(Pinned::Commit {
            url: url.clone(),
            commit: name.clone(),
        }),
        Reference::Artifact { url, version } => {
            let sha256 = version.strip_prefix("sha256:")?;
            crate::source::is_sha256(sha256).then(|| Pinned::Artifact {
                url: url.clone(),
                sha256: sha256.to_owned(),
            })
        }
        _ => None,
    }
}

impl Standing {
    /// In words: other words, another render.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Here(pinned) => format!("here {}", pinned.content()),
            other => format!("{other:?}"),
        }
    }

    /// Why it cannot be used; none if it can.
    pub(super) fn fault(&self, reference: &Reference) -> Option<Finding> {
        Some(match self {
            Self::Here(_) => return None,
            Self::NoLock(finding) => (**finding).clone(),
            Self::Wanting(pinned, Wanting::New) => {
                let message = format!("could not be evaluated yet: {pinned} has not been fetched");
                Finding::host_error("remote-awaited", message)
            }
            Self::Wanting(_, Wanting::Failed(reason)) => {
                let message = format!("could not be evaluated: {reason}");
                Finding::host_error("remote-away", message)
                    .hint("it is tried again by itself; what is live stays")
            }
            Self::Unpinned => {
                let message =
                    format!("{reference} is not pinned: it may be something else tomorrow");
                let hint = match reference {
                    Reference::Git { .. } => {
                        "run `trimtab vendor` and commit trimtab.lock, or name a commit: ?ref= and its full id"
                    }
                    Reference::Artifact { .. } => {
                        "run `trimtab vendor` and commit trimtab.lock, or name a digest: @sha256:…"
                    }
                    _ => "run `trimtab vendor` and commit trimtab.lock",
                };
                Finding::host_error("render-remote", message).hint(hint)
            }
            Self::Unlisted(Unlisted::NoPlace(reason)) => {
                let message = format!("{reference} cannot be fetched: {reason}");
                Finding::host_error("render-remote", message)
            }
            Self::Unlisted(Unlisted::NotNamed(place)) => {
                let message = format!("{reference} is not from a source that the Repository names");
                let hint = format!(
                    "have the platform team add `- url: {place}` to spec.sources of the Repository, or commit a copy"
                );
                Finding::host_error("render-remote", message).hint(hint)
            }
        })
    }
}
