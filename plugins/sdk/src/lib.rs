//! Write a Trimtab rule: a settings struct, and one function over Kubernetes objects.
//!
//! ```
//! use trimtab_plugin::{Context, Object, Report, Rule, Validator};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(rename_all = "camelCase", deny_unknown_fields)]
//! struct Settings {
//!     /// Most replicas that a workload may ask for.
//!     max_replicas: u64,
//! }
//!
//! struct MaxReplicas;
//!
//! impl Rule for MaxReplicas {
//!     type Settings = Settings;
//!     const NAME: &'static str = "max-replicas";
//!     const VERSION: &'static str = "0.1.0";
//!     const SUMMARY: &'static str = "Workloads ask for no more replicas than the kit may have.";
//!     const RULES: &'static [(&'static str, &'static str)] = &[("replicas", "spec.replicas is within the limit")];
//!     const KINDS: &'static [&'static str] = &["Deployment.apps", "StatefulSet.apps"];
//! }
//!
//! impl Validator for MaxReplicas {
//!     fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
//!         let limit = context.settings.max_replicas;
//!         for object in objects {
//!             if object.at("/spec/replicas").as_u64().is_some_and(|replicas| replicas > limit) {
//!                 report.error("replicas", format!("more than {limit} replicas"), object, "/spec/replicas").propose(limit);
//!             }
//!         }
//!     }
//! }
//!
//! trimtab_plugin::export_validator!(MaxReplicas);
//! ```
//!
//! Built for `wasm32-unknown-unknown` and made a component, this is a plugin. Natively it is
//! ordinary Rust: test it with `cargo test` and [`run`].

mod bindings;
mod exemption;
mod field_pattern;
pub mod image;
mod level;
mod object;
mod pattern;
mod report;
pub mod run;
mod scope;
mod selection;
mod selector;
#[cfg(feature = "testing")]
pub mod testing;
mod workload;

pub use exemption::Exemption;
pub use field_pattern::{FieldPattern, Pair};
pub use level::{Level, Levels};
pub use object::{Object, Unfit};
pub use pattern::Pattern;
pub use report::{Finding, Finished, Report, Severity};
pub use scope::{Scope, scope};
pub use selection::Selection;
pub use selector::{Expression, LabelSelector, Operator};
pub use workload::{Container, ImagePlace, PodSpec, Sort, WORKLOADS, pod_spec};

#[doc(hidden)]
pub use bindings::*;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// What a plugin says of itself.
pub trait Rule {
    /// Read from the YAML under `settings:`; its schema is what `describe` returns.
    type Settings: DeserializeOwned + JsonSchema;
    /// Lower case words joined by `-`.
    const NAME: &'static str;
    /// SemVer; `env!("CARGO_PKG_VERSION")` is the usual choice.
    const VERSION: &'static str;
    const SUMMARY: &'static str;
    /// Ids and what each asks for. A finding of a rule that is not here is refused by the host.
    const RULES: &'static [(&'static str, &'static str)];
    /// Kinds it reads, as `Service` or `Deployment.apps`; empty: all.
    const KINDS: &'static [&'static str] = &[];
}

/// What is the same for every kit.
pub struct Platform<S> {
    /// The cluster's version of Kubernetes, `1.34`, as the platform team declares it; empty if it
    /// does not.
    pub kubernetes: String,
    pub settings: S,
    /// Documents of the files that the plugin is given to read (`data` where it is named).
    pub data: Vec<Object>,
}

impl<S> Platform<S> {
    /// That says nothing more: for native tests of a rule.
    pub fn new(settings: S) -> Self {
        Self {
            kubernetes: String::new(),
            settings,
            data: Vec::new(),
        }
    }
}

/// What a rule may know of the kit that it looks at.
pub struct Context<S> {
    /// The kit's path from the repository's root.
    pub kit: String,
    /// Where objects without a namespace go; empty if the kit has none.
    pub namespace: String,
    /// Where the kit's objects may be; empty: anywhere.
    pub allowed_namespaces: Vec<String>,
    /// Whether cluster-scoped objects are granted.
    pub cluster_scoped: bool,
    /// As in [`Platform`].
    pub kubernetes: String,
    pub settings: S,
    /// As in [`Platform`].
    pub data: Vec<Object>,
}

impl<S> Context<S> {
    /// Of a kit in a namespace of its own: for native tests of a rule.
    pub fn new(kit: &str, namespace: &str, settings: S) -> Self {
        Self {
            kit: kit.to_owned(),
            namespace: namespace.to_owned(),
            allowed_namespaces: vec![namespace.to_owned()],
            cluster_scoped: false,
            kubernetes: String::new(),
            settings,
            data: Vec::new(),
        }
    }
}

/// An object as the live revision has it, and as the new one does. A finding about either goes to
/// the place of the new one, or of the old one if it is taken away.
#[derive(Clone, Debug)]
pub enum Change {
    Created(Object),
    Updated { before: Object, after: Object },
    Deleted(Object),
}

/// Looks at a kit's objects and reports.
pub trait Validator: Rule {
    fn validate(context: &Context<Self::Settings>, objects: &[Object], report: &mut Report);
}

/// Looks at what a revision changes of a kit's objects, against the revision that is live. Not
/// asked about a kit's first revision, nor when the host goes back to an earlier one.
pub trait ChangeValidator: Rule {
    fn validate_change(context: &Context<Self::Settings>, changes: &[Change], report: &mut Report);
}

/// Changes a kit's objects.
pub trait Transformer: Rule {
    /// Objects keep their place in the files as long as they are changed, not replaced. Findings
    /// are about the objects as they were handed over.
    fn transform(context: &Context<Self::Settings>, objects: &mut Vec<Object>, report: &mut Report);
}

/// Looks at the objects of several kits at once.
pub trait Referential: Rule {
    fn validate_all(platform: &Platform<Self::Settings>, objects: &[Object], report: &mut Report);
}
