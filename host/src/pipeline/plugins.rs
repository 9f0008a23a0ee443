//! Plugins by the blob they came from.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::data::DataStore;
use crate::kit::{DataSource, PluginUse};
use crate::manifest::{Finding, Origin};
use crate::render::Elsewhere;
use crate::sandbox::{
    CallObject, CallPlatform, Digest, LoadError, Plugin, Renderers, Sandbox, SettingsFault,
};
use crate::source::{ObjectId, Snapshot, Store};

type Slot = Arc<OnceLock<Result<Arc<Plugin>, LoadError>>>;

/// Loads each component once, however many kits use it. Shared by all workers.
pub struct PluginStore {
    sandbox: Sandbox,
    elsewhere: Elsewhere,
    loaded: Mutex<HashMap<ObjectId, Slot>>,
    data: DataStore,
    /// What the newest revision of each user has.
    used: Mutex<HashMap<UserId, Used>>,
    users: AtomicU64,
}

#[derive(Default)]
struct Used {
    blobs: HashSet<ObjectId>,
    data: HashSet<Arc<[DataSource]>>,
}

/// A plugin that is ready to be asked, and what it is told at each call.
pub(super) struct Loaded<'u> {
    pub used: &'u PluginUse,
    pub plugin: Arc<Plugin>,
    pub platform: CallPlatform,
}

/// Who uses plugins: one evaluator of a repository's revisions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UserId(u64);

impl PluginStore {
    pub fn new(sandbox: Sandbox) -> Self {
        Self {
            sandbox,
            elsewhere: Elsewhere::default(),
            loaded: Mutex::default(),
            data: DataStore::default(),
            used: Mutex::default(),
            users: AtomicU64::default(),
        }
    }

    /// With what is kept of other places; without, kits have nothing of any.
    pub fn with_store(mut self, store: Store) -> Self {
        self.elsewhere.store = store;
        self
    }

    /// What is kept of other places.
    pub fn store(&self) -> &Store {
        &self.elsewhere.store
    }

    pub(super) fn elsewhere(&self) -> &Elsewhere {
        &self.elsewhere
    }

    /// The plugin that a kit uses, with its pin and its settings checked, and its data read. The
    /// findings say what stops the kit.
    pub(super) fn ready<'u>(
        &self,
        snapshot: &Snapshot,
        used: &'u PluginUse,
    ) -> Result<Loaded<'u>, Vec<Finding>> {
        let plugin = self.get(snapshot, used).map_err(|finding| vec![finding])?;
        let faults = settings_findings(used, &plugin);
        if !faults.is_empty() {
            return Err(faults);
        }
        let platform = platform(used, self.data.get(snapshot, used)?);
        Ok(Loaded {
            used,
            plugin,
            platform,
        })
    }

    pub(super) fn renderers(&self) -> &Renderers {
        self.sandbox.renderers()
    }

    /// The digest of a component that has been loaded.
    pub fn digest(&self, used: &PluginUse) -> Option<String> {
        let slot = self.lock().get(&used.blob)?.clone();
        let plugin = slot.get()?.as_ref().ok()?;
        Some(plugin.digest().to_string())
    }

    /// Whether a plugin has something to say of changes. One that cannot be loaded has stopped
    /// its kit.
    pub(super) fn judges_changes(&self, snapshot: &Snapshot, used: &PluginUse) -> bool {
        let plugin = self.get(snapshot, used);
        plugin.is_ok_and(|plugin| plugin.kinds().validate_change)
    }

    fn get(&self, snapshot: &Snapshot, used: &PluginUse) -> Result<Arc<Plugin>, Finding> {
        let slot = self.lock().entry(used.blob).or_default().clone();
        let mut unreadable = None;
        let loaded = match slot.get() {
            Some(loaded) => loaded,
            None => {
                let files = used.files(snapshot);
                let bytes = files.read(&used.path, self.sandbox.limits().component_bytes);
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
    pub(super) fn keep<'u>(&self, user: UserId, plugins: impl Iterator<Item = &'u PluginUse>) {
        let mut newest = Used::default();
        for plugin in plugins {
            newest.blobs.insert(plugin.blob);
            if !plugin.data.is_empty() && !newest.data.contains(&plugin.data) {
                newest.data.insert(plugin.data.clone());
            }
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(user, newest);
        used.retain(|_, it| !it.blobs.is_empty());
        self.lock()
            .retain(|blob, _| used.values().any(|it| it.blobs.contains(blob)));
        self.data
            .keep(|sources| used.values().any(|it| it.data.contains(sources)));
    }

    #[cfg(test)]
    pub(super) fn loaded(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectId, Slot>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a plugin is told at each call.
pub(super) fn platform(used: &PluginUse, data: Arc<[CallObject]>) -> CallPlatform {
    CallPlatform {
        kubernetes: used.kubernetes.to_string(),
        settings: used.settings.to_string(),
        data,
        fuel: used.fuel,
    }
}

/// What is wrong with the settings that a plugin is given, by its own schema.
pub(super) fn settings_findings(used: &PluginUse, plugin: &Plugin) -> Vec<Finding> {
    let faults = plugin.settings_faults(&used.settings);
    faults.iter().map(|it| settings_finding(used, it)).collect()
}

pub(super) fn settings_finding(used: &PluginUse, fault: &SettingsFault) -> Finding {
    let message = format!("the settings of {}: {}", used.path, fault.message);
    let finding = Finding::host_error("plugin-settings", message);
    used.field_fault(&format!("/settings{}", fault.field), finding)
        .hint("see the settings in the plugin's README, or with trimtab plugin inspect")
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
