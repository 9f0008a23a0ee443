//! Which directories of a snapshot are kits, and what each may do.
//! Holds the Repository and Kit types (trimtab.io/v1alpha1), discovery, grants and input digests.
//! Knows neither tokio nor a client: a snapshot and a RepositorySpec in, kits and findings out.

mod admission;
mod condition;
mod definitions;
mod dependencies;
mod discovery;
mod durations;
mod file;
mod file_policy;
mod found_kits;
mod grants;
mod inputs;
mod kit_files;
mod kit_resource;
mod kit_source;
mod links;
mod lock;
mod name;
mod notifications;
mod pattern;
mod place;
mod plugins;
mod policy;
#[cfg(test)]
mod reference_tests;
mod renderer;
mod reports;
mod repository;
mod rules;
mod signing;
mod sources;
mod spec;
mod supplied;
mod values;
mod variables;

pub use admission::{AdmissionPolicy, DoorEnforcement, FailurePolicy};
pub use condition::{Condition, ConditionStatus, ready_condition, set_condition};
pub use definitions::custom_resource_definitions;
pub use discovery::Discoverer;
pub use file::KIT_FILE;
pub use found_kits::Discovery;
pub use kit_resource::{
    DriftStatus, FindingCounts, HealthStatus, HealthyRevision, HookStatus, Kit, KitSpec, KitStatus,
    PATH_ANNOTATION, Quarantine, REPOSITORY_LABEL, REQUESTED_ANNOTATION, RevisionStatus,
};
pub use kit_source::{DataSource, Grants, InputDigest, KitSource, PluginUse, ServiceAccount};
pub use lock::{LOCK_FILE, Lock};
pub use name::{KitPath, rooted};
pub use notifications::{
    COMMIT_STATUS, CommitStatusSpec, EventKind, NotableStatus, Notifications, NotificationsStatus,
    Provider, TargetStatus, Webhook, WebhookKind, guess,
};
pub use pattern::is_dns_label;
pub use place::Place;
pub use policy::{
    AdoptPolicy, DeletionBudget, DeletionPolicy, DriftPolicy, HEALTH_VARIABLES, HealthRule,
    IGNORE_VARIABLES, IgnoreRule, KitPolicy, OnFailure, PRUNE_FINALIZER, Propagation, PrunePolicy,
};
pub use renderer::{CHART_FILE, KUSTOMIZATION_FILES, Kustomize, Release, RemoteChart, Renderer};
pub use reports::{ReportKind, Reports};
pub use repository::{
    Guardrail, KitCounts, KitRule, RecordStatus, RefSpec, Repository, RepositorySpec,
    RepositoryStatus, SecretRef,
};
pub use rules::{Enforcement, Exemption, RuleEnforcement, RulePolicy};
pub use signing::{
    Acceptance, Committers, KeySource, KeySourceKind, Rewrites, Verification, VerificationKey,
    VerificationMode,
};
pub use sources::{SourceRule, Sources, Unlisted};
pub use spec::validate;
pub use supplied::{Entries, Supplied, Supply, Values};
pub use values::{ConfigMapRef, ValueSource};
pub use variables::{ChartValues, Given, GivenValues, SUBSTITUTE, Variables};
