//! Plugins by the blob they came from.

use crate::sandbox::Sandbox;

/// Loads each component once, however many kits use it. Shared by all workers.
pub struct PluginStore {
    pub(super) sandbox: Sandbox,
}

impl PluginStore {
    pub fn new(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }
}
