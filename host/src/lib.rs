//! Trimtab keeps a Kubernetes cluster as a Git repository says, and runs the
//! repository's own rules, as sandboxed WebAssembly components, before it does.
//!
//! The modules are the rooms of ARCHITECTURE.md, in the order of the flow:
//! `source → kit → render → pipeline → plan → cluster`. Arrows run one way.

pub mod admission;
pub mod child;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod download;
pub mod expression;
pub mod health;
pub mod history;
pub mod kit;
pub mod manifest;
pub mod notify;
pub mod pipeline;
pub mod plan;
pub mod reconcile;
pub mod render;
pub mod sandbox;
pub mod server;
pub mod signature;
pub mod source;
pub mod substitution;
pub mod telemetry;
pub mod verification;
pub mod web;
