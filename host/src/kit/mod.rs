//! Which directories of a snapshot are kits, and what each may do.
//! Holds the Repository and Kit types (trimtab.io/v1alpha1), discovery, grants and input digests.
//! Knows neither tokio nor a client: a snapshot and a RepositorySpec in, kits and findings out.

mod condition;
mod discovery;
mod file;
mod kit_resource;
mod name;
mod repository;

pub use condition::{Condition, ConditionStatus, set_condition};
pub use discovery::{Discoverer, Discovery, Grants, InputDigest, KitSource, PluginUse};
pub use file::{KitFile, KitFileSpec, PluginRef};
pub use kit_resource::{FindingCounts, Kit, KitSpec, KitStatus, RevisionStatus};
pub use name::KitPath;
pub use repository::{
    Guardrail, KitCounts, KitRule, RefSpec, Repository, RepositorySpec, RepositoryStatus, SecretRef,
};
