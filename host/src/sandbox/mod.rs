//! Plugins in their sandbox: load, limits, calls.
//! The only room that names wasmtime. Calls block: run them where blocking is allowed.
//! A plugin reaches what it is handed and a log, nothing else; it decides nothing by time.

mod answer;
mod cache;
mod compile;
mod contract;
mod engine;
mod guest_system;
mod inspection;
mod kept;
mod limits;
mod plugin;
mod precheck;
mod renderer;
mod schema;
mod shapes;
mod text;

pub use compile::{COMPILE_VERB, Compiler, compile_main};
pub use guest_system::{Look, Lookup};
pub use inspection::{Compiled, Inspection, clean_json};
pub use limits::{RenderLimits, SandboxLimits};
pub use plugin::{Plugin, Sandbox};
pub use renderer::{HURRIED, Pace, RenderError, RendererKind, Renderers, patient};
pub use shapes::{
    CallChange, CallContext, CallError, CallObject, CallPlatform, Description, Digest, KitObject,
    LoadError, PluginKinds, RawFinding, SettingsFault, Transformation, Transformed,
};
pub use text::clean;
