//! What goes into a plugin, what comes out, and what can go wrong.

use std::fmt;
use std::sync::Arc;

use super::text::clean;
use crate::manifest::{GroupKind, Origin, Severity};

/// `sha256:` and 64 hexadecimal digits, of a component's bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Arc<str>);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        let hex: String = sha2::Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self(format!("sha256:{hex}").into())
    }

    /// `None` unless it is `sha256:` and 64 lower case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let valid = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a plugin exports. A component may export several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginKinds {
    pub validate: bool,
    pub validate_change: bool,
    pub transform: bool,
    pub referential: bool,
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub summary: String,
    /// Id and summary.
    pub rules: Vec<(String, String)>,
    /// JSON Schema as text.
    pub settings_schema: String,
    /// Empty: all kinds.
    pub kinds: Vec<GroupKind>,
}

/// Why a component is not a plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("it has {size} bytes, over the limit of {limit}")]
    TooLarge { size: usize, limit: usize },
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    #[error("{0}")]
    TooComplex(String),
    #[error("it could not be compiled: {0}")]
    Compiler(String),
    #[error("it imports {0}, which the plugin contract does not offer")]
    ForeignImport(String),
    #[error(
        "it exports none of the contract's interfaces (trimtab:plugin/validate, validate-change, transform or referential at 0.1.x)"
    )]
    NoExport,
    #[error("it is written for contract version {0}, which this host does not know")]
    ContractVersion(String),
    #[error("it exports {interface}, but not in the shape of the contract: {reason}")]
    WrongShape { interface: String, reason: String },
    #[error("its description is not valid: {0}")]
    Description(String),
    #[error("its describe function failed: {0}")]
    Describe(CallError),
}

/// Bytes of a reason that quotes the component.
const REASON: usize = 512;

impl LoadError {
    /// Without what a component's own names and bytes would do to a terminal or a status.
    pub(super) fn fit_to_show(self) -> Self {
        let fit = |text: String| clean(&text, REASON);
        match self {
            Self::NotAComponent(reason) => Self::NotAComponent(fit(reason)),
            Self::TooComplex(reason) => Self::TooComplex(fit(reason)),
            Self::Compiler(reason) => Self::Compiler(fit(reason)),
            Self::ForeignImport(name) => Self::ForeignImport(fit(name)),
            Self::ContractVersion(version) => Self::ContractVersion(fit(version)),
            Self::WrongShape { interface, reason } => Self::WrongShape {
                interface: fit(interface),
                reason: fit(reason),
            },
            Self::Description(reason) => Self::Description(fit(reason)),
            // What a call says is made fit where it is heard.
            other @ (Self::TooLarge { .. } | Self::NoExport | Self::Describe(_)) => other,
        }
    }
}

/// Why a call gave no verdict. The kit is stopped: nothing is skipped to get on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("it used up its budget of {limit} units of fuel")]
    Fuel { limit: u64 },
    #[error("it wanted more than its {limit} bytes of memory")]
    Memory { limit: usize },
    #[error("it wanted to hand over more than {limit} bytes")]
    ResultTooLarge { limit: usize },
    #[error("it trapped: {0}")]
    Trap(String),
    #[error("its settings are not what it takes: {}", .0.message)]
    Settings(SettingsFault),
    #[error("it does not support this input: {0}")]
    Unsupported(String),
    #[error("it failed: {0}")]
    Internal(String),
    #[error("it returned nonsense: {0}")]
    Nonsense(String),
    #[error("the host could not start it: {0}")]
    Host(String),
}

/// What is wrong with a plugin's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// RFC 6901 pointer into the settings; empty for all of them.
    pub field: String,
    pub message: String,
}

/// What every rule is told, and what it may spend.
#[derive(Clone, Debug, Default)]
pub struct CallPlatform {
    /// `1.34`; empty if nobody said.
    pub kubernetes: String,
    /// JSON text.
    pub settings: String,
    /// Documents of the files that the plugin is given to read.
    pub data: Arc<[CallObject]>,
    /// Units of fuel; the sandbox's own limit if there is none. Not told.
    pub fuel: Option<u64>,
}

/// What a rule over one kit is told of it.
#[derive(Clone, Debug, Default)]
pub struct CallContext {
    pub kit: String,
    pub namespace: String,
    pub allowed_namespaces: Vec<String>,
    pub cluster_scoped: bool,
    pub platform: CallPlatform,
}

#[derive(Clone, Debug)]
pub struct CallObject {
    pub json: String,
    pub origin: Origin,
}

/// An object as it is live and as it is to be; one of the two is there.
#[derive(Clone, Debug)]
pub struct CallChange {
    pub before: Option<CallObject>,
    pub after: Option<CallObject>,
}

#[derive(Clone, Debug)]
pub struct KitObject {
    pub kit: String,
    pub object: CallObject,
}

/// A finding as a plugin returned it. `object` has been checked against the input's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFinding {
    pub rule: String,
    pub severity: Severity,
    pub message: String,
    pub object: Option<usize>,
    pub field: Option<String>,
    pub proposed: Option<String>,
    pub tags: Vec<(String, String)>,
}

/// What a transformer makes of objects, and what it has to say of those it was handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformation {
    pub objects: Vec<Transformed>,
    pub findings: Vec<RawFinding>,
}

/// `source` has been checked against the input's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformed {
    pub json: String,
    pub source: Option<usize>,
}
