//! Snapshots of the renderers after their start, and a sandbox that is just enough to try them.
//! The host's own is in its room `sandbox`, and does not depend on this.

pub mod guest;
mod segments;
mod snapshot;

use anyhow::Result;

/// A thread's usual stack is smaller than what a guest may use.
const STACK: usize = 64 << 20;

/// The module as it is after Go's start and its export `prepare`.
pub fn take(module: &[u8]) -> Result<Vec<u8>> {
    let joined = segments::join(module)?;
    with_stack(|| snapshot::take(&joined))
}

/// Calls with a stack that a guest may recurse on.
pub fn with_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)?;
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
