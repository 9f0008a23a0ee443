//! Plugins in their sandbox: load, limits, calls.
//! The only room that names wasmtime. Calls block: run them where blocking is allowed.
//! A plugin reaches what it is handed and a log, nothing else; it decides nothing by time.

mod limits;
mod plugin;

pub use limits::SandboxLimits;
pub use plugin::{
    CallContext, CallError, CallObject, Description, Digest, KitObject, LoadError, Plugin,
    PluginKinds, RawFinding, Sandbox, Transformed,
};
