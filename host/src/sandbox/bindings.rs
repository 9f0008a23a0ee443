//! The contract's shapes (wit/plugin.wit, trimtab:plugin@0.1.0) as wasmtime lifts and lowers them.

use wasmtime::component::{ComponentType, Lift, Lower};

pub(super) const PACKAGE: &str = "trimtab:plugin/";
/// Versions that this host knows: any 0.1.x.
pub(super) const VERSION: (u64, u64) = (0, 1);

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Origin<'a> {
    pub path: &'a str,
    pub line: u32,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Object<'a> {
    pub json: &'a str,
    pub origin: Origin<'a>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct KitObject<'a> {
    pub kit: &'a str,
    pub json: &'a str,
    pub origin: Origin<'a>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Context<'a> {
    pub kit: &'a str,
    pub namespace: &'a str,
    #[component(name = "allowed-namespaces")]
    pub allowed_namespaces: &'a [String],
    #[component(name = "cluster-scoped")]
    pub cluster_scoped: bool,
    pub settings: &'a str,
}

#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "lifted from a guest, never constructed here")]
pub(super) enum Severity {
    #[component(name = "error")]
    Error,
    #[component(name = "warning")]
    Warning,
    #[component(name = "info")]
    Info,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Finding {
    pub rule: String,
    pub severity: Severity,
    pub message: String,
    pub object: Option<u32>,
    pub field: Option<String>,
    pub proposed: Option<String>,
    pub tags: Vec<(String, String)>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Transformed {
    pub json: String,
    pub source: Option<u32>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Failure {
    #[component(name = "settings")]
    Settings(String),
    #[component(name = "unsupported")]
    Unsupported(String),
    #[component(name = "internal")]
    Internal(String),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Rule {
    pub id: String,
    pub summary: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct Description {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub rules: Vec<Rule>,
    #[component(name = "settings-schema")]
    pub settings_schema: String,
    pub kinds: Vec<String>,
}

#[derive(ComponentType, Lift, Clone, Copy, Debug)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "lifted from a guest, never constructed here")]
pub(super) enum Level {
    #[component(name = "error")]
    Error,
    #[component(name = "warn")]
    Warn,
    #[component(name = "info")]
    Info,
    #[component(name = "debug")]
    Debug,
}
