//! Who set the fields of a live object, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kit::RevisionStatus;

/// The answer to `/v1/blame`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blame {
    /// `Service manufracture/vision`.
    pub object: String,
    /// The kit that has it; without one, no values are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kit: Option<String>,
    /// `namespace/name` of the kit's Repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The revision that the object was applied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionStatus>,
    pub lines: Vec<BlameLine>,
    /// Field managers of the object, the newest last.
    pub managers: Vec<FieldManager>,
    /// What to know when reading it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Fields that are not told of, for there are too many.
    #[serde(default)]
    pub omitted: usize,
}

/// Who set a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// A line of a file in Git.
    File,
    /// A plugin, from what the files say or from nothing.
    Transformer,
    /// The host: namespaces, and what it keeps on each object.
    Host,
    /// Another field manager than the kit's.
    Manager,
    /// Nobody: a default or what the API server itself keeps.
    Server,
    /// Git has it, and the live object has not.
    Missing,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlameLine {
    /// RFC 6901 pointer into the live object.
    pub field: String,
    /// The same as people write it.
    pub path: String,
    pub by: By,
    /// The live value; what a Secret holds is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The value that Git has, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_git: Option<Value>,
    /// The line of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Place>,
    /// Plugins that changed it, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transformers: Vec<TransformerStep>,
    /// Field managers that own it; the kit's own left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managers: Vec<FieldManager>,
}

/// A line in Git, and the commit that made it what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub path: String,
    pub line: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<RevisionStatus>,
    /// Where it stood in that commit, if elsewhere: `path:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// What a plugin made of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransformerStep {
    pub name: String,
    pub version: String,
    /// Of the component, from the repository's root.
    pub path: String,
    pub digest: String,
    /// The platform team's, named in the Repository and not in the kit.
    pub guardrail: bool,
    /// Where it is named with its settings.
    pub named: Place,
    /// The commit that the component comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<RevisionStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// A field manager, and when it last set what it owns of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldManager {
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}
