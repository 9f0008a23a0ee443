//! Plugins in their sandbox: load, limits, calls.
//! The only room that names wasmtime. Calls block: run them where blocking is allowed.
//! A plugin reaches what it is handed and a log, nothing else; it decides nothing by time.

mod answer;
mod bindings;
mod cache;
mod compile;
mod engine;
mod inspection;
mod limits;
mod plugin;
mod precheck;
mod shapes;
mod text;

pub use compile::{COMPILE_VERB, Compiler, compile_main};
pub use inspection::{Compiled, Inspection, clean_json};
pub use limits::SandboxLimits;
pub use plugin::{Plugin, Sandbox};
pub use shapes::{
    CallContext, CallError, CallObject, Description, Digest, KitObject, LoadError, PluginKinds,
    RawFinding, Transformed,
};
pub use text::clean;
