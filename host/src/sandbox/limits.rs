//! What one call of a plugin may cost.

use serde::{Deserialize, Serialize};

/// Bounds of one call. Fuel counts instructions, so a verdict is the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLimits {
    /// Units of wasmtime fuel.
    pub fuel: u64,
    /// Bytes of linear memory, of all memories together.
    pub memory: usize,
    /// Bytes of linear memory of all calls at once: as many run as fit.
    pub memory_of_all: usize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Bytes that may pass from guest to host in one call (wasmtime's hostcall fuel).
    pub result_bytes: usize,
    /// Bytes of log lines that are kept.
    pub log_bytes: usize,
    /// Bytes of a component.
    pub component_bytes: usize,
    /// Seconds of processor that compiling it may take.
    pub compile_seconds: u64,
    /// Bytes of address space that compiling it may take.
    pub compile_memory: u64,
}

/// How much of something a guest has, of at most so much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    most: usize,
    now: usize,
    /// It asked for more.
    pub denied: bool,
}

impl Growth {
    pub(super) fn up_to(most: usize) -> Self {
        Self {
            most,
            now: 0,
            denied: false,
        }
    }

    /// Whether one of several parts may grow.
    pub(super) fn grows(&mut self, current: usize, desired: usize) -> bool {
        let whole = self.now + desired.saturating_sub(current);
        let fits = whole <= self.most;
        self.denied |= !fits;
        if fits {
            self.now = whole;
        }
        fits
    }
}

/// Bounds of one render.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderLimits {
    /// Units of wasmtime fuel: 0.05 G for 10 objects, 9 G for 600, 30 G for 1,000 of 1.5 KB.
    pub fuel: u64,
    /// Bytes of linear memory.
    pub memory: usize,
    /// Bytes of linear memory of all renders at once: as many run as fit, as there are cores, and a few
    /// that take long beside them.
    pub memory_of_all: usize,
    /// Elements of a table.
    pub table_elements: usize,
    /// Bytes of stack: YAML that is nested deeply takes much of it in Go.
    pub stack: usize,
    /// Bytes of an answer.
    pub answer_bytes: usize,
    /// Bytes of log that are kept.
    pub log_bytes: usize,
    /// Seconds of processor that compiling a renderer may take.
    pub compile_seconds: u64,
    /// Bytes of address space that compiling a renderer may take.
    pub compile_memory: u64,
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self {
            fuel: 40_000_000_000,
            memory: 256 << 20,
            memory_of_all: 2 << 30,
            table_elements: 1_000_000,
            stack: 32 << 20,
            answer_bytes: 32 << 20,
            log_bytes: 64 << 10,
            compile_seconds: 180,
            compile_memory: 6 << 30,
        }
    }
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            fuel: 2_000_000_000,
            memory: 128 << 20,
            memory_of_all: 2 << 30,
            table_elements: 100_000,
            result_bytes: 16 << 20,
            log_bytes: 64 << 10,
            component_bytes: 32 << 20,
            compile_seconds: 60,
            compile_memory: 2 << 30,
        }
    }
}
