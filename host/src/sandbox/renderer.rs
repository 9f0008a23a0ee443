//! The renderers that the platform ships, Kustomize and Helm, as guests: core modules with the real
//! Go libraries, each render on a fresh instance of a snapshot taken after their start. What they
//! read of the repository is asked of the host, path by path. host/renderers/README.md has the
//! contract.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use wasmtime::{Config, Engine, InstancePre, Store, Trap};

use super::compile::{Compiler, Workshop};
use super::engine::Slots;
use super::guest_system::{self, Guest, Lookup};
use super::kept::Kept;
use super::{Digest, LoadError, RenderLimits, text};

/// Which renderer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RendererKind {
    Kustomize,
    Helm,
}

impl fmt::Display for RendererKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kustomize => "Kustomize",
            Self::Helm => "Helm",
        })
    }
}

impl RendererKind {
    fn file(self) -> &'static str {
        match self {
            Self::Kustomize => "kustomize.wasm",
            Self::Helm => "helm.wasm",
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RenderError {
    #[error("the renderer of {kind} is not installed: looked for {}", places.join(", "))]
    Missing {
        kind: RendererKind,
        places: Vec<String>,
    },
    #[error("the renderer of {kind} cannot be loaded: {reason}")]
    Load { kind: RendererKind, reason: String },
    #[error("it took more than {limit} units of fuel")]
    Fuel { limit: u64 },
    #[error("it took more than {} MiB of memory", limit >> 20)]
    Memory { limit: usize },
    #[error("something in it is nested too deeply")]
    Stack,
    #[error("it ended without an answer: {0}")]
    Trap(String),
    #[error("its answer is of no use: {0}")]
    Nonsense(String),
}

/// How long a render may take, and in whose company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As long as the limits allow.
    Whole,
    /// As long as ordinary kits take: others wait for it.
    Hurried,
    /// As long as the limits allow, beside those that are hurried.
    Patient,
    /// As long as the limits allow, and whatever is kept of before.
    Anew,
}

/// Fuel of a render that others wait for: a third of a second, or 250 plain objects.
pub const HURRIED: u64 = 2_000_000_000;

/// The renderers of a host. Cheap to clone; a module is compiled, or found among those compiled
/// before, when it is first asked for.
#[derive(Clone)]
pub struct Renderers {
    pub(super) shared: Arc<Shared>,
    pub(super) pace: Pace,
    pub(super) kept: Option<Arc<Kept>>,
}

pub(super) struct Shared {
    pub(super) limits: RenderLimits,
    compiler: Compiler,
    works: OnceLock<Result<(Engine, Workshop), String>>,
    /// Folders where the modules may be; the first one counts.
    places: Vec<PathBuf>,
    kustomize: Mutex<Attempt>,
    helm: Mutex<Attempt>,
    /// Of the renderers that are loaded, or of the files that were there when first asked for.
    digests: Mutex<Vec<(RendererKind, Digest)>>,
    /// Renders at once: their memory in sum is bounded by it.
    slots: Slots,
    /// The same of those that are patient: the others have the cores.
    patient: Slots,
}

/// A renderer, or why it could not be loaded when that was last tried.
#[derive(Default)]
struct Attempt {
    loaded: Option<InstancePre<Guest>>,
    failed: Option<(Instant, RenderError)>,
}

/// Renders at once that are patient: the others have half of the cores for themselves.
pub fn patient() -> usize {
    (cores() / 2).max(1)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// For so long, what could not be compiled is not tried again: each try may take minutes.
const RETRY: Duration = Duration::from_secs(600);

impl Renderers {
    /// `places`: folders with `kustomize.wasm` and `helm.wasm`, which only the platform's owner can
    /// write.
    pub fn new(limits: RenderLimits, compiler: Compiler, places: Vec<PathBuf>) -> Self {
        let fit = limits.memory_of_all / limits.memory;
        let patient = patient().min(fit / 2).max(1);
        let slots = cores().min(fit.saturating_sub(patient)).max(1);
        let shared = Shared {
            limits,
            compiler,
            works: OnceLock::new(),
            places,
            kustomize: Mutex::default(),
            helm: Mutex::default(),
            digests: Mutex::default(),
            slots: Slots::new(slots),
            patient: Slots::new(patient),
        };
        Self {
            shared: Arc::new(shared),
            pace: Pace::Whole,
            kept: None,
        }
    }

    /// The same at another pace.
    pub fn at(&self, pace: Pace) -> Self {
        Self {
            pace,
            ..self.clone()
        }
    }

    /// Whether what takes long is to be rendered again, at another pace.
    pub fn is_hurried(&self) -> bool {
        self.pace == Pace::Hurried && self.fuel() < self.shared.limits.fuel
    }

    /// Renders, on an instance of its own. Gives the answer, and the fuel that it took. Blocking and
    /// CPU-bound. `look` is asked for what is at a path.
    pub fn render(
        &self,
        kind: RendererKind,
        request: &[u8],
        look: Lookup,
    ) -> Result<(Vec<u8>, u64), RenderError> {
        let loaded = self.load(kind)?;
        let shared = &*self.shared;
        let _slot = match self.pace {
            Pace::Patient => shared.patient.take(),
            Pace::Whole | Pace::Hurried | Pace::Anew => shared.slots.take(),
        };
        // The guest's stack is this thread's.
        let stack = shared.limits.stack + (8 << 20);
        let thread = std::thread::Builder::new().name("render".into());
        std::thread::scope(|scope| {
            let rendering = thread.stack_size(stack).spawn_scoped(scope, || {
                shared.call(&loaded, (kind, self.fuel()), request, look)
            });
            let rendered = rendering
                .map_err(|error| RenderError::Load {
                    kind,
                    reason: error.to_string(),
                })?
                .join();
            rendered.unwrap_or_else(|_| Err(RenderError::Trap("the host's own fault".into())))
        })
    }

    /// What one render may take.
    pub fn fuel(&self) -> u64 {
        let most = self.shared.limits.fuel;
        match self.pace {
            Pace::Hurried => HURRIED.min(most),
            Pace::Whole | Pace::Patient | Pace::Anew => most,
        }
    }

    fn load(&self, kind: RendererKind) -> Result<InstancePre<Guest>, RenderError> {
        let attempt = match kind {
            RendererKind::Kustomize => &self.shared.kustomize,
            RendererKind::Helm => &self.shared.helm,
        };
        // Whoever comes second waits, and compiles nothing.
        let mut attempt = attempt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &attempt.loaded {
            return Ok(loaded.clone());
        }
        let lately = |(at, _): &&(Instant, RenderError)| at.elapsed() < RETRY;
        if let Some((_, error)) = attempt.failed.as_ref().filter(lately) {
            return Err(error.clone());
        }
        match self.compiled(kind) {
            Ok((loaded, digest)) => {
                attempt.loaded = Some(loaded.clone());
                let mut digests = self.shared.digests();
                digests.retain(|(it, _)| *it != kind);
                digests.push((kind, digest));
                Ok(loaded)
            }
            Err(error) => {
                // Whether a file is there costs nothing to see.
                let slow = !matches!(error, RenderError::Missing { .. });
                attempt.failed = slow.then(|| (Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn compiled(&self, kind: RendererKind) -> Result<(InstancePre<Guest>, Digest), RenderError> {
        let shared = &*self.shared;
        let failed = |reason: String| RenderError::Load { kind, reason };
        let (engine, workshop) = shared.works().map_err(|reason| failed(reason.clone()))?;
        let known = self.digest(kind).and_then(|digest| {
            let module = workshop.compiled_module(engine, &digest)?;
            Some((module, digest))
        });
        let (module, digest) = match known {
            Some(known) => known,
            None => {
                let bytes = self.bytes(kind)?;
                let digest = Digest::of(&bytes);
                let module = workshop.module(engine, &shared.limits, &digest, &bytes);
                let module = module.map_err(LoadError::fit_to_show);
                (module.map_err(|error| failed(error.to_string()))?, digest)
            }
        };
        guest_system::linker(engine, &module)
            .and_then(|linker| linker.instantiate_pre(&module))
            .map(|loaded| (loaded, digest))
            .map_err(|error| failed(text::clean(&format!("{error:#}"), 512)))
    }

    pub(super) fn bytes(&self, kind: RendererKind) -> Result<Vec<u8>, RenderError> {
        let files: Vec<PathBuf> = self
            .shared
            .places
            .iter()
            .map(|it| it.join(kind.file()))
            .collect();
        for file in &files {
            match std::fs::read(file) {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let reason = format!("{}: {error}", file.display());
                    return Err(RenderError::Load { kind, reason });
                }
            }
        }
        Err(RenderError::Missing {
            kind,
            places: files.iter().map(|it| it.display().to_string()).collect(),
        })
    }
}

impl Shared {
    pub(super) fn digests(&self) -> MutexGuard<'_, Vec<(RendererKind, Digest)>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What plain YAML never needs.
    fn works(&self) -> Result<&(Engine, Workshop), &String> {
        let works = self.works.get_or_init(|| {
            let engine = Engine::new(&config(&self.limits))
                .map_err(|error| format!("its engine cannot start: {error:#}"))?;
            let workshop = Workshop::new(self.compiler.clone(), &engine);
            Ok((engine, workshop))
        });
        works.as_ref()
    }

    fn call(
        &self,
        pre: &InstancePre<Guest>,
        (kind, fuel): (RendererKind, u64),
        request: &[u8],
        look: Lookup,
    ) -> Result<(Vec<u8>, u64), RenderError> {
        let mut store = Store::new(pre.module().engine(), Guest::new(self.limits, look));
        store.limiter(|guest| guest);
        let ready = store.set_fuel(fuel);
        let answer = ready.and_then(|()| answer(&mut store, pre, request, &self.limits));
        let used = fuel - store.get_fuel().unwrap_or_default();
        let guest = store.data();
        tracing::debug!(%kind, fuel = used, looked = guest.looked(), log = %guest.log(), "rendered");
        match answer {
            Ok(answer) => Ok((answer, used)),
            Err(error) => Err(self.fault(&error, guest, fuel)),
        }
    }

    fn fault(&self, error: &wasmtime::Error, guest: &Guest, fuel: u64) -> RenderError {
        if let Some(Trap::OutOfFuel) = error.downcast_ref::<Trap>() {
            return RenderError::Fuel { limit: fuel };
        }
        if let Some(Trap::StackOverflow) = error.downcast_ref::<Trap>() {
            return RenderError::Stack;
        }
        if guest.memory_denied() {
            return RenderError::Memory {
                limit: self.limits.memory,
            };
        }
        // Go tells why it panics.
        let log = guest.log();
        let mut lines = log.lines();
        let broke_off = |it: &&str| it.starts_with("panic:") || it.starts_with("fatal error:");
        let last = lines.find(broke_off).unwrap_or_default();
        let reason = match (error.downcast_ref::<Trap>(), last) {
            (_, last) if !last.is_empty() => last.to_owned(),
            (Some(trap), _) => trap.to_string(),
            (None, _) => format!("{error:#}"),
        };
        RenderError::Trap(text::clean(&reason, 512))
    }
}

fn answer(
    store: &mut Store<Guest>,
    pre: &InstancePre<Guest>,
    request: &[u8],
    limits: &RenderLimits,
) -> wasmtime::Result<Vec<u8>> {
    let instance = pre.instantiate(&mut *store)?;
    let missing = || wasmtime::Error::msg("it exports no memory");
    let memory = instance
        .get_memory(&mut *store, "memory")
        .ok_or_else(missing)?;
    let allocate = instance.get_typed_func::<i32, i32>(&mut *store, "allocate")?;
    let render = instance.get_typed_func::<(i32, i32), i64>(&mut *store, "render")?;
    let length = i32::try_from(request.len())?;
    let at = allocate.call(&mut *store, length)?;
    memory.write(&mut *store, at as u32 as usize, request)?;
    let answer = render.call(&mut *store, (at, length))? as u64;
    let (start, length) = ((answer >> 32) as usize, (answer & 0xffff_ffff) as usize);
    if length > limits.answer_bytes {
        let message = format!("its answer has more than {} bytes", limits.answer_bytes);
        return Err(wasmtime::Error::msg(message));
    }
    let bytes = memory
        .data(&*store)
        .get(start..start.saturating_add(length));
    let bytes =
        bytes.ok_or_else(|| wasmtime::Error::msg("its answer lies outside of its memory"))?;
    Ok(bytes.to_vec())
}

/// All that compiled code depends on.
pub(super) fn config(limits: &RenderLimits) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(limits.stack)
        // Not used, and yet compared.
        .async_stack_size(limits.stack + (1 << 20))
        .wasm_relaxed_simd(false)
        // Addresses, not memory: with all that a guest can name kept free, its code checks no bounds,
        // and is a sixth faster. How much it gets is the limiter's to say.
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20);
    config
}

#[cfg(test)]
#[path = "renderer_tests.rs"]
mod tests;
