//! The shapes of trimtab:plugin@0.1.0 (wit/frozen/0.1.0) as wasmtime lifts and lowers them.

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::sandbox::{CallContext, CallObject, CallPlatform, KitObject as OfKit};

#[derive(ComponentType, Lower)]
#[component(record)]
pub(in crate::sandbox) struct Origin<'a> {
    pub path: &'a str,
    pub line: u32,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(in crate::sandbox) struct Object<'a> {
    pub json: &'a str,
    pub origin: Origin<'a>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(in crate::sandbox) struct KitObject<'a> {
    pub kit: &'a str,
    pub json: &'a str,
    pub origin: Origin<'a>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(in crate::sandbox) struct Change<'a> {
    pub before: Option<Object<'a>>,
    pub after: Option<Object<'a>>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(in crate::sandbox) struct Platform<'a> {
    pub kubernetes: &'a str,
    pub settings: &'a str,
    pub data: Vec<Object<'a>>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(in crate::sandbox) struct Context<'a> {
    pub kit: &'a str,
    pub namespace: &'a str,
    #[component(name = "allowed-namespaces")]
    pub allowed_namespaces: &'a [String],
    #[component(name = "cluster-scoped")]
    pub cluster_scoped: bool,
    pub platform: Platform<'a>,
}

impl<'a> From<&'a CallObject> for Object<'a> {
    fn from(object: &'a CallObject) -> Self {
        Self {
            json: &object.json,
            origin: Origin {
                path: &object.origin.path,
                line: object.origin.line,
            },
        }
    }
}

impl<'a> From<&'a OfKit> for KitObject<'a> {
    fn from(OfKit { kit, object }: &'a OfKit) -> Self {
        let Object { json, origin } = object.into();
        Self { kit, json, origin }
    }
}

impl<'a> From<&'a CallPlatform> for Platform<'a> {
    fn from(platform: &'a CallPlatform) -> Self {
        Self {
            kubernetes: &platform.kubernetes,
            settings: &platform.settings,
            data: platform.data.iter().map(Object::from).collect(),
        }
    }
}

impl<'a> From<&'a CallContext> for Context<'a> {
    fn from(context: &'a CallContext) -> Self {
        Self {
            kit: &context.kit,
            namespace: &context.namespace,
            allowed_namespaces: &context.allowed_namespaces,
            cluster_scoped: context.cluster_scoped,
            platform: (&context.platform).into(),
        }
    }
}

#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "lifted from a guest, never constructed here")]
pub(in crate::sandbox) enum Severity {
    #[component(name = "error")]
    Error,
    #[component(name = "warning")]
    Warning,
    #[component(name = "info")]
    Info,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(in crate::sandbox) struct Finding {
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
pub(in crate::sandbox) struct Transformed {
    pub json: String,
    pub source: Option<u32>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(in crate::sandbox) struct Transformation {
    pub objects: Vec<Transformed>,
    pub findings: Vec<Finding>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(in crate::sandbox) struct SettingsFault {
    pub field: String,
    pub message: String,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(in crate::sandbox) enum Failure {
    #[component(name = "settings")]
    Settings(SettingsFault),
    #[component(name = "unsupported")]
    Unsupported(String),
    #[component(name = "internal")]
    Internal(String),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(in crate::sandbox) struct Rule {
    pub id: String,
    pub summary: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(in crate::sandbox) struct Description {
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
pub(in crate::sandbox) enum Level {
    #[component(name = "error")]
    Error,
    #[component(name = "warn")]
    Warn,
    #[component(name = "info")]
    Info,
    #[component(name = "debug")]
    Debug,
}
