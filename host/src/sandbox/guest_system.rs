//! What a renderer finds around it: the repository's files by `look` and `take`, and of WASI as much
//! as Go needs to run: a clock that only counts, a seed that is always the same, a log. No file, no
//! environment, no network; the same on every run.

use wasmtime::{
    Caller, Engine, Extern, ExternType, Linker, Memory, Module, ResourceLimiter, Trap, Val, ValType,
};

use super::RenderLimits;
use super::limits::Growth;

/// What is at a path of the repository.
pub enum Look {
    Nothing,
    File(Vec<u8>),
    /// Names; a directory's ends in `/`.
    Directory(Vec<String>),
    /// The path without symbolic links.
    Link(String),
    /// Why it is not to be had.
    Refused(String),
}

/// Asked for what is at a path from the root; `.` is the root. With a `/` at its end it asks for the
/// names in a directory, and a directory's answer without one may be without names.
pub type Lookup = Box<dyn FnMut(&str) -> Look + Send>;

/// Fuel that a look costs its guest: about what it takes the host.
const LOOK_COST: u64 = 50_000;
/// Fuel of a smaller call.
const CALL_COST: u64 = 500;
/// Bytes of a path.
const PATH: usize = 4096;
/// WASI's error numbers.
const SUCCESS: i32 = 0;
const BAD_FILE: i32 = 8;
const FAULT: i32 = 21;
/// What the clock moves on each time that it is read, in nanoseconds.
const TICK: u64 = 1_000;

/// One guest's state at the host.
pub(super) struct Guest {
    limits: RenderLimits,
    look: Lookup,
    looked: usize,
    /// What the last look has to give.
    found: Vec<u8>,
    memory: Growth,
    log: Vec<u8>,
    clock: u64,
    seed: u64,
}

impl Guest {
    pub(super) fn new(limits: RenderLimits, look: Lookup) -> Self {
        Self {
            limits,
            look,
            looked: 0,
            found: Vec::new(),
            memory: Growth::up_to(limits.memory),
            log: Vec::new(),
            clock: 0,
            seed: 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(super) fn looked(&self) -> usize {
        self.looked
    }

    pub(super) fn memory_denied(&self) -> bool {
        self.memory.denied
    }

    pub(super) fn log(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.log)
    }

    fn tick(&mut self, by: u64) -> u64 {
        self.clock = self.clock.saturating_add(by);
        self.clock
    }

    /// xorshift64*: what it is used for, maps' order in Go, must not show in what is rendered.
    fn random(&mut self) -> u64 {
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grows(current, desired))
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.limits.table_elements)
    }
}

type Call<'c> = Caller<'c, Guest>;

const WASI: &str = "wasi_snapshot_preview1";

/// What a module gets to import.
pub(super) fn linker(engine: &Engine, module: &Module) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    // A module may import one thing twice.
    linker.allow_shadowing(true);
    refuse_all(&mut linker, module)?;
    linker.func_wrap("trimtab", "look", look)?;
    linker.func_wrap("trimtab", "take", take)?;
    let wasi = WASI;
    linker.func_wrap(wasi, "clock_time_get", clock)?;
    linker.func_wrap(wasi, "random_get", random)?;
    linker.func_wrap(wasi, "fd_write", write)?;
    linker.func_wrap(wasi, "poll_oneoff", poll)?;
    linker.func_wrap(wasi, "sched_yield", || SUCCESS)?;
    linker.func_wrap(wasi, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!("it exited with {code}")))
    })?;
    linker.func_wrap(
        wasi,
        "args_sizes_get",
        |mut it: Call<'_>, count: i32, size: i32| {
            put(
                &mut it,
                &[(count, &1_u32.to_le_bytes()), (size, &2_u32.to_le_bytes())],
            )
        },
    )?;
    linker.func_wrap(
        wasi,
        "args_get",
        |mut it: Call<'_>, list: i32, text: i32| {
            put(&mut it, &[(list, &text.to_le_bytes()), (text, b"r\0")])
        },
    )?;
    linker.func_wrap(
        wasi,
        "environ_sizes_get",
        |mut it: Call<'_>, count: i32, size: i32| {
            put(&mut it, &[(count, &[0; 4]), (size, &[0; 4])])
        },
    )?;
    linker.func_wrap(wasi, "environ_get", |_: i32, _: i32| SUCCESS)?;
    Ok(linker)
}

/// All of WASI that it asks for is there, and says that there is no such file, unless there is more
/// to say.
fn refuse_all(linker: &mut Linker<Guest>, module: &Module) -> wasmtime::Result<()> {
    for import in module.imports().filter(|it| it.module() == WASI) {
        let ExternType::Func(kind) = import.ty() else {
            continue;
        };
        if !kind.results().all(|it| matches!(it, ValType::I32)) {
            let message = format!("it imports {}, which is not WASI's", import.name());
            return Err(wasmtime::Error::msg(message));
        }
        linker.func_new(WASI, import.name(), kind, |_, _, results| {
            results.fill(Val::I32(BAD_FILE));
            Ok(())
        })?;
    }
    Ok(())
}

fn memory(caller: &mut Call<'_>) -> wasmtime::Result<Memory> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| wasmtime::Error::msg("it exports no memory"))
}

/// What the host does for a guest is paid for by it.
fn charge(caller: &mut Call<'_>, cost: u64) -> wasmtime::Result<()> {
    let left = caller.get_fuel()?.checked_sub(cost);
    caller.set_fuel(left.unwrap_or_default())?;
    match left {
        Some(_) => Ok(()),
        None => Err(Trap::OutOfFuel.into()),
    }
}

fn look(mut caller: Call<'_>, at: i32, length: i32) -> wasmtime::Result<i64> {
    let memory = memory(&mut caller)?;
    let (at, length) = (at as u32 as usize, length as u32 as usize);
    let path = memory.data(&caller).get(at..at.saturating_add(length));
    let path = path.filter(|path| path.len() <= PATH).map(<[u8]>::to_vec);
    let path = path.and_then(|path| String::from_utf8(path).ok());
    let guest = caller.data_mut();
    guest.looked += 1;
    // A name that cannot be is not there.
    let found = path.map_or(Look::Nothing, |path| (guest.look)(&path));
    let (kind, bytes): (i64, Vec<u8>) = match found {
        Look::Nothing => {
            guest.found.clear();
            charge(&mut caller, LOOK_COST)?;
            return Ok(-1);
        }
        Look::File(bytes) => (1, bytes),
        Look::Directory(names) => {
            let ended = names.into_iter().flat_map(|name| {
                let mut name = name.into_bytes();
                name.push(0);
                name
            });
            (2, ended.collect())
        }
        Look::Link(path) => (3, path.into_bytes()),
        Look::Refused(reason) => (4, reason.into_bytes()),
    };
    let size = bytes.len() as u64;
    guest.found = bytes;
    charge(&mut caller, LOOK_COST + size)?;
    Ok(kind << 56 | size as i64)
}

fn take(mut caller: Call<'_>, to: i32) -> wasmtime::Result<()> {
    let bytes = std::mem::take(&mut caller.data_mut().found);
    charge(&mut caller, bytes.len() as u64)?;
    let memory = memory(&mut caller)?;
    memory.write(&mut caller, to as u32 as usize, &bytes)?;
    Ok(())
}

fn put(caller: &mut Call<'_>, parts: &[(i32, &[u8])]) -> wasmtime::Result<i32> {
    let memory = memory(caller)?;
    for (at, bytes) in parts {
        if memory
            .write(&mut *caller, *at as u32 as usize, bytes)
            .is_err()
        {
            return Ok(FAULT);
        }
    }
    Ok(SUCCESS)
}

fn clock(mut caller: Call<'_>, _clock: i32, _precision: i64, to: i32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL_COST)?;
    let now = caller.data_mut().tick(TICK);
    put(&mut caller, &[(to, &now.to_le_bytes())])
}

fn random(mut caller: Call<'_>, to: i32, length: i32) -> wasmtime::Result<i32> {
    let length = length as u32 as usize;
    charge(&mut caller, length as u64)?;
    let memory = memory(&mut caller)?;
    if to as u32 as usize + length > memory.data_size(&caller) {
        return Ok(FAULT);
    }
    let guest = caller.data_mut();
    let words = std::iter::repeat_with(|| guest.random().to_le_bytes()).flatten();
    let bytes: Vec<u8> = words.take(length).collect();
    put(&mut caller, &[(to, &bytes)])
}

/// Standard output and error are the log; others are no files.
fn write(
    mut caller: Call<'_>,
    file: i32,
    list: i32,
    count: i32,
    written: i32,
) -> wasmtime::Result<i32> {
    if !matches!(file, 1 | 2) {
        return Ok(BAD_FILE);
    }
    charge(&mut caller, CALL_COST + u64::from(count as u32) * 10)?;
    let memory = memory(&mut caller)?;
    let (data, guest) = memory.data_and_store_mut(&mut caller);
    let word = |at: usize| {
        let bytes = data.get(at..at.saturating_add(4))?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let mut sum = 0_usize;
    for index in 0..count as u32 as usize {
        let at = (list as u32 as usize).saturating_add(index.saturating_mul(8));
        let (Some(start), Some(length)) = (word(at), word(at.saturating_add(4))) else {
            return Ok(FAULT);
        };
        let Some(bytes) = data.get(start..start.saturating_add(length)) else {
            return Ok(FAULT);
        };
        let room = guest.limits.log_bytes.saturating_sub(guest.log.len());
        guest.log.extend_from_slice(&bytes[..bytes.len().min(room)]);
        sum = sum.saturating_add(length);
    }
    charge(&mut caller, sum as u64)?;
    put(&mut caller, &[(written, &(sum as u32).to_le_bytes())])
}

/// Nothing is waited for: the clock is moved on to when it would be over.
fn poll(
    mut caller: Call<'_>,
    asked: i32,
    events: i32,
    count: i32,
    told: i32,
) -> wasmtime::Result<i32> {
    /// Bytes of a subscription and of an event, as WASI lays them out.
    const SUBSCRIPTION: usize = 48;
    const EVENT: usize = 32;
    charge(&mut caller, LOOK_COST)?;
    let memory = memory(&mut caller)?;
    let count = (count as u32 as usize).min(64);
    for index in 0..count {
        let at = (asked as u32 as usize).saturating_add(index * SUBSCRIPTION);
        let data = memory
            .data(&caller)
            .get(at..at.saturating_add(SUBSCRIPTION));
        let Some(Ok(one)) = data.map(<[u8; SUBSCRIPTION]>::try_from) else {
            return Ok(FAULT);
        };
        let mut event = [0; EVENT];
        event[..8].copy_from_slice(&one[..8]);
        let kind = one[8];
        event[10] = kind;
        if kind == 0 {
            let mut timeout = [0; 8];
            timeout.copy_from_slice(&one[24..32]);
            let timeout = u64::from_le_bytes(timeout);
            let absolute = one[40] & 1 == 1;
            let guest = caller.data_mut();
            guest.clock = match absolute {
                true => guest.clock.max(timeout),
                false => guest.clock.saturating_add(timeout),
            };
        }
        let to = (events as u32 as usize).saturating_add(index * EVENT);
        if memory.write(&mut caller, to, &event).is_err() {
            return Ok(FAULT);
        }
    }
    put(&mut caller, &[(told, &(count as u32).to_le_bytes())])
}
