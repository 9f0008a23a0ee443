//! Plugins by the blob they came from.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::kit::PluginUse;
use crate::manifest::{Finding, Origin};
use crate::sandbox::{Digest, LoadError, Plugin, Sandbox};
use crate::source::{ObjectId, Snapshot};

type Slot = Arc<OnceLock<Result<Arc<Plugin>, LoadError>>>;

/// Loads each component once, however many kits use it. Shared by all workers.
pub struct PluginStore {
    sandbox: Sandbox,
    loaded: Mutex<HashMap<ObjectId, Slot>>,
    /// What the newest revision of each user has.
    used: Mutex<HashMap<UserId, HashSet<ObjectId>>>,
    users: AtomicU64,
}

/// Who uses plugins: one evaluator of a repository's revisions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UserId(u64);

impl PluginStore {
    pub fn new(sandbox: Sandbox) -> Self {
        Self {
            sandbox,
            loaded: Mutex::default(),
            used: Mutex::default(),
            users: AtomicU64::default(),
        }
    }

    /// The plugin that a kit uses, with its pin checked. The finding says what stops the kit.
    pub(super) fn get(
        &self,
        snapshot: &Snapshot,
        used: &PluginUse,
    ) -> Result<Arc<Plugin>, Finding> {
        let slot = self.lock().entry(used.blob).or_default().clone();
        let mut unreadable = None;
        let loaded = match slot.get() {
            Some(loaded) => loaded,
            None => {
                let bytes = snapshot.read(&used.path, self.sandbox.limits().component_bytes);
                match bytes {
                    Ok(bytes) => slot.get_or_init(|| self.sandbox.load(&bytes)),
                    Err(error) => {
                        unreadable = Some(error.to_string());
                        slot.get_or_init(|| {
                            Err(LoadError::NotAComponent("it cannot be read".into()))
                        })
                    }
                }
            }
        };
        if let Some(error) = unreadable {
            // Not kept: the same blob may be readable under another path or limit.
            self.lock().remove(&used.blob);
            return Err(fault(used, "plugin-missing", &error));
        }
        if matches!(loaded, Err(LoadError::Compiler(_))) {
            // It is no fault of the component's: the next one to ask tries again.
            self.lock().remove(&used.blob);
        }
        let plugin = loaded.as_ref().map_err(|error| {
            fault(used, "plugin-refused", &error.to_string())
                .hint("build it against the contract trimtab:plugin@0.1.0")
        })?;
        match used.digest.as_deref().and_then(Digest::parse) {
            Some(pin) if pin != *plugin.digest() => {
                let message = format!("its digest is {}, but {pin} is wanted", plugin.digest());
                Err(fault(used, "plugin-digest", &message)
                    .hint("commit the component that was pinned, or have the pin changed"))
            }
            None if used.digest.is_some() => {
                Err(fault(used, "plugin-digest", "its pin is no digest"))
            }
            _ => Ok(plugin.clone()),
        }
    }

    pub(super) fn join(&self) -> UserId {
        UserId(self.users.fetch_add(1, Ordering::Relaxed))
    }

    /// What a user's newest revision has. Forgets plugins that no user has.
    pub(super) fn keep(&self, user: UserId, blobs: HashSet<ObjectId>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if blobs.is_empty() {
            used.remove(&user);
        } else {
            used.insert(user, blobs);
        }
        self.lock()
            .retain(|blob, _| used.values().any(|blobs| blobs.contains(blob)));
    }

    #[cfg(test)]
    pub(super) fn loaded(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectId, Slot>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A finding about a plugin as a whole.
pub(super) fn fault(used: &PluginUse, rule: &str, message: &str) -> Finding {
    let what = if used.guardrail {
        "guardrail"
    } else {
        "plugin"
    };
    let origin = used
        .named_at
        .clone()
        .unwrap_or_else(|| Origin::new(used.path.as_str(), 0));
    Finding::host_error(rule, format!("the {what} {}: {message}", used.path)).at(origin)
}
