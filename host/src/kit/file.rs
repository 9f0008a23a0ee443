//! `kit.yaml`: what a kit's author decides. It can narrow what the Repository grants, never widen it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file's name in a kit's directory.
pub const KIT_FILE: &str = "kit.yaml";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KitFile {
    pub metadata: KitFileMetadata,
    #[serde(default)]
    pub spec: KitFileSpec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitFileMetadata {
    /// The directory's own name.
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KitFileSpec {
    /// Paths of kits that must be healthy first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginRef>,
    /// A part of the namespaces that the Repository grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginRef {
    /// Relative to the kit, or from the repository's root with a leading `/`.
    pub path: String,
    /// Pins the component's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
}
