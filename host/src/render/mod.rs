//! A kit's files as manifests. Plain YAML and JSON now; Kustomize and Helm are guests to come.
//! Reads only from the snapshot. No cluster, no clock.

mod ignore;
mod plain;

pub use plain::plain;
