//! Compiling, in a child process of the same binary: cranelift can be made to take hours and
//! gigabytes by a component that no check before it recognises. The child has limits and can be
//! killed; what it makes is kept on disk.

use std::io::{BufRead, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, Module};

use crate::child::{ask, end_when_unwanted, end_with_parent, of_own};

use super::cache::Cache;
use super::engine::{Slots, compile_config};
use super::{Digest, LoadError, RenderLimits, SandboxLimits, renderer};

/// The hidden verb that makes the binary a compiler.
pub const COMPILE_VERB: &str = "compile-worker";

/// How long a child may take on a machine that is busy; a renderer is ten times as large as a plugin,
/// and the platform's own.
const DEADLINE: Duration = Duration::from_secs(180);
const RENDERER_DEADLINE: Duration = Duration::from_secs(600);
/// Bytes of compiled code.
const CODE: u64 = 512 << 20;
/// Children at once.
const CHILDREN: usize = 2;
/// Times that a child is started if it cannot be.
const STARTS: usize = 3;

/// Who compiles.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// This process: for components that its own user has built, and not for a repository's.
    Here,
    /// The same, with a folder that compiled ones are kept in.
    Kept(PathBuf),
    Child {
        /// The `trimtab` binary.
        program: PathBuf,
        /// The folder that compiled components are kept in.
        cache: Option<PathBuf>,
    },
}

pub(super) struct Workshop {
    compiler: Compiler,
    cache: Option<Cache>,
    children: Slots,
}

/// What a child is asked, followed by the component or module.
#[derive(Serialize, Deserialize)]
struct Request {
    what: Source,
    bytes: usize,
}

/// What is compiled, and the limits that its code depends on.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Source {
    Plugin(SandboxLimits),
    Renderer(RenderLimits),
}

impl Source {
    fn config(&self) -> Config {
        match self {
            Self::Plugin(limits) => compile_config(limits),
            Self::Renderer(limits) => renderer::config(limits),
        }
    }

    fn compile(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Vec<u8>> {
        match self {
            Self::Plugin(_) => engine.precompile_component(bytes),
            Self::Renderer(_) => engine.precompile_module(bytes),
        }
    }

    fn deadline(&self) -> Duration {
        match self {
            Self::Plugin(_) => DEADLINE,
            Self::Renderer(_) => RENDERER_DEADLINE,
        }
    }

    /// Seconds of processor and bytes of address space.
    fn bounds(&self) -> (u64, u64) {
        match self {
            Self::Plugin(limits) => (limits.compile_seconds, limits.compile_memory),
            Self::Renderer(limits) => (limits.compile_seconds, limits.compile_memory),
        }
    }
}

/// The first byte of a child's answer; then come the code, or why there is none.
const COMPILED: u8 = b'+';
const REFUSED: u8 = b'-';

impl Workshop {
    pub(super) fn new(compiler: Compiler, engine: &Engine) -> Self {
        let cache = match &compiler {
            Compiler::Kept(folder)
            | Compiler::Child {
                cache: Some(folder),
                ..
            } => match Cache::open(folder, engine) {
                Ok(cache) => Some(cache),
                Err(reason) => {
                    tracing::warn!(%reason, "compiled plugins are not kept");
                    None
                }
            },
            _ => None,
        };
        Self {
            compiler,
            cache,
            children: Slots::new(CHILDREN),
        }
    }

    /// A component that has passed the checks before compilation.
    pub(super) fn component(
        &self,
        engine: &Engine,
        limits: &SandboxLimits,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<Component, LoadError> {
        let what = Source::Plugin(*limits);
        self.kept(engine, what, digest, bytes, revive, accepted)
    }

    /// A renderer's module, which the platform ships.
    pub(super) fn module(
        &self,
        engine: &Engine,
        limits: &RenderLimits,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<Module, LoadError> {
        let what = Source::Renderer(*limits);
        self.kept(
            engine,
            what,
            digest,
            bytes,
            revive_module,
            |engine, code| {
                revive_module(engine, code)
                    .map_err(|error| LoadError::TooComplex(format!("{error:#}")))
            },
        )
    }

    /// One that was compiled before: what it was compiled of need not be read.
    pub(super) fn compiled_module(&self, engine: &Engine, digest: &Digest) -> Option<Module> {
        let code = self.cache.as_ref()?.get(digest)?;
        revive_module(engine, &code).ok()
    }

    /// What is kept of it, or else what is made of it now.
    fn kept<T>(
        &self,
        engine: &Engine,
        what: Source,
        digest: &Digest,
        bytes: &[u8],
        revive: impl Fn(&Engine, &[u8]) -> wasmtime::Result<T>,
        accept: impl Fn(&Engine, &[u8]) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        if let Some(code) = self.cache.as_ref().and_then(|cache| cache.get(digest)) {
            match revive(engine, &code) {
                Ok(revived) => return Ok(revived),
                Err(error) => {
                    tracing::warn!(%digest, %error, "what was compiled before is not used");
                }
            }
        }
        let code = self.code(engine, what, bytes)?;
        let made = accept(engine, &code)?;
        if let Some(cache) = &self.cache {
            cache.put(digest, &code);
        }
        Ok(made)
    }

    /// Compiles it whatever is on disk. Gives the bytes of code as well.
    pub(super) fn anew(
        &self,
        engine: &Engine,
        limits: &SandboxLimits,
        bytes: &[u8],
    ) -> Result<(Component, usize), LoadError> {
        let code = self.code(engine, Source::Plugin(*limits), bytes)?;
        Ok((accepted(engine, &code)?, code.len()))
    }

    fn code(&self, engine: &Engine, what: Source, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        match &self.compiler {
            Compiler::Here | Compiler::Kept(_) => what
                .compile(engine, bytes)
                .map_err(|error| LoadError::NotAComponent(format!("{error:#}"))),
            Compiler::Child { program, .. } => {
                let _child = self.children.take();
                child(program, what, bytes)
            }
        }
    }
}

fn accepted(engine: &Engine, code: &[u8]) -> Result<Component, LoadError> {
    // The pool has a say only now: a compiler has none.
    revive(engine, code).map_err(|error| {
        LoadError::TooComplex(format!("it asks for more than a plugin gets: {error:#}"))
    })
}

/// Compiled code as a component.
#[allow(unsafe_code)]
fn revive(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs what it is given as machine code, and asks that it be the unchanged
    // output of wasmtime. Here it is what this process or a child of this binary made, the latter
    // through a pipe that nobody else has, or what `Cache` took from there and kept in a folder that
    // only this user can write, under the digest of the component and of the whole engine
    // configuration, with a digest of the code itself against damage. Nothing that came from a
    // repository gets here: components are read by wasmparser first, and then given to the compiler
    // as WebAssembly alone.
    unsafe { Component::deserialize(engine, code) }
}

/// The same of a module.
#[allow(unsafe_code)]
fn revive_module(engine: &Engine, code: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: as of `revive`: what this process or a child of this binary made of a module that the
    // platform ships, kept where only this user can write, with a digest against damage. A repository
    // has no way to name one.
    unsafe { Module::deserialize(engine, code) }
}

fn child(program: &std::path::Path, what: Source, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let start = || {
        of_own(program)
            .arg(COMPILE_VERB)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    };
    let mut started = start();
    for _ in 1..STARTS {
        if started.is_ok() {
            break;
        }
        started = start();
    }
    let mut child = started.map_err(|error| {
        LoadError::Compiler(format!("{} cannot be run: {error}", program.display()))
    })?;
    let request = Request {
        what,
        bytes: bytes.len(),
    };
    let line = serde_json::to_vec(&request).unwrap_or_default();
    let answer = ask(&mut child, &[&line, b"\n", bytes], CODE, what.deadline());
    let timed_out = matches!(answer, Err(mpsc::RecvTimeoutError::Timeout));
    if timed_out {
        // It fails only if it has ended already.
        let _ = child.kill();
    }
    let status = child.wait();
    match answer {
        Ok(mut answer) if answer.first() == Some(&COMPILED) => Ok(answer.split_off(1)),
        Ok(answer) if answer.first() == Some(&REFUSED) => {
            let reason = String::from_utf8_lossy(&answer[1..]);
            Err(LoadError::NotAComponent(reason.into_owned()))
        }
        _ if timed_out => Err(LoadError::TooComplex(format!(
            "compiling it took more than {} s",
            what.deadline().as_secs()
        ))),
        _ => Err(ended(status.ok(), what.bounds())),
    }
}

/// What the end of a child that gave no answer says of the component.
fn ended(status: Option<ExitStatus>, (seconds, memory): (u64, u64)) -> LoadError {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;

        use rustix::process::Signal;

        match status
            .and_then(|status| status.signal())
            .and_then(Signal::from_named_raw)
        {
            Some(Signal::XCPU | Signal::KILL) => {
                return LoadError::TooComplex(format!(
                    "compiling it takes more than {seconds} s of processor, or more memory than there is"
                ));
            }
            Some(Signal::ABORT | Signal::SEGV | Signal::BUS) => {
                return LoadError::TooComplex(format!(
                    "compiling it takes more than {} MiB of memory, or more stack than there is",
                    memory >> 20
                ));
            }
            _ => {}
        }
    }
    match status.and_then(|status| status.code()) {
        Some(code) => LoadError::TooComplex(format!("the compiler gave up on it (exit {code})")),
        None => LoadError::Compiler("the compiler was ended from outside".into()),
    }
}

/// The child's side: one component on standard input, its code on standard output. Ends when its
/// parent does.
pub fn compile_main() -> ExitCode {
    end_with_parent();
    let mut input = std::io::stdin().lock();
    let Some(request) = header(&mut input) else {
        return ExitCode::FAILURE;
    };
    let mut bytes = Vec::new();
    let read = (&mut input)
        .take(request.bytes as u64)
        .read_to_end(&mut bytes);
    if read.ok() != Some(request.bytes) {
        return ExitCode::FAILURE;
    }
    drop(input);
    limit(request.what.bounds());
    end_when_unwanted();
    let compiled = Engine::new(&request.what.config())
        .and_then(|engine| request.what.compile(&engine, &bytes));
    let (first, rest) = match compiled {
        Ok(code) => (COMPILED, code),
        Err(error) => (REFUSED, format!("{error:#}").into_bytes()),
    };
    let mut out = std::io::stdout().lock();
    match out
        .write_all(&[first])
        .and_then(|()| out.write_all(&rest))
        .and_then(|()| out.flush())
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn header(input: &mut impl BufRead) -> Option<Request> {
    let mut line = Vec::new();
    input.take(1 << 10).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

#[cfg(unix)]
fn limit((seconds, memory): (u64, u64)) {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let at_most = |most: u64| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    // A system that does not know one of them still has the deadline.
    for (resource, most) in [
        (Resource::Cpu, seconds),
        (Resource::As, memory),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        let _ = setrlimit(resource, at_most(most));
    }
}

#[cfg(not(unix))]
fn limit(_: (u64, u64)) {}
