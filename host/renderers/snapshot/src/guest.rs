//! A renderer in the sandbox, as small as it can be: what the snapshot is taken of, and what tests
//! compare with native builds. The host's own is in its room `sandbox`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use wasmtime::{
    Caller, Config, Engine, ExternType, Instance, Linker, Memory, Module, OptLevel, Store, Val,
};

/// WASI's "bad file descriptor": there is none.
const EBADF: i32 = 8;
const WASI: &str = "wasi_snapshot_preview1";
/// What the host will give a render of many objects.
pub const FUEL: u64 = 40_000_000_000;
/// What YAML that is nested ten thousand levels deep takes.
const STACK: usize = 32 << 20;

/// What a guest's imports work on.
pub struct State {
    root: PathBuf,
    looked_for: BTreeMap<String, i64>,
    last: Vec<u8>,
    clock: u64,
    random: u64,
    pub log: Vec<u8>,
}

impl State {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            looked_for: BTreeMap::new(),
            last: Vec::new(),
            // Go takes a clock that stands at zero for a broken one.
            clock: 1_000_000_000,
            random: 0,
            log: Vec::new(),
        }
    }
}

/// What a render came to.
pub struct Outcome {
    pub answer: String,
    pub log: String,
    pub fuel: u64,
    pub looked_for: Vec<String>,
}

pub fn engine(optimised: bool) -> Result<Engine> {
    let mut config = Config::new();
    config.consume_fuel(true);
    config.async_stack_size(STACK + (1 << 20));
    config.max_wasm_stack(STACK);
    config.cranelift_opt_level(if optimised {
        OptLevel::Speed
    } else {
        OptLevel::None
    });
    Ok(Engine::new(&config)?)
}

pub fn instantiate(
    engine: &Engine,
    module: &Module,
    root: &Path,
) -> Result<(Store<State>, Instance)> {
    let mut linker: Linker<State> = Linker::new(engine);
    linker.allow_shadowing(true);
    for import in module.imports() {
        let ExternType::Func(signature) = import.ty() else {
            continue;
        };
        if import.module() == WASI {
            linker.func_new(WASI, import.name(), signature, |_, _, results| {
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(EBADF);
                }
                Ok(())
            })?;
        }
    }
    wasi(&mut linker)?;
    repository(&mut linker)?;
    let mut store = Store::new(engine, State::new(root));
    store.set_fuel(FUEL)?;
    let instance = linker.instantiate(&mut store, module)?;
    Ok((store, instance))
}

/// One render, on an instance of its own.
pub fn render(engine: &Engine, module: &Module, root: &Path, request: &str) -> Result<Outcome> {
    let (mut store, instance) = instantiate(engine, module, root)?;
    let called = call(&mut store, &instance, request);
    let fuel = FUEL - store.get_fuel()?;
    let state = store.into_data();
    let log = String::from_utf8_lossy(&state.log).into_owned();
    Ok(Outcome {
        answer: called.with_context(|| log.clone())?,
        log,
        fuel,
        looked_for: state.looked_for.into_keys().collect(),
    })
}

fn call(store: &mut Store<State>, instance: &Instance, request: &str) -> Result<String> {
    let memory = instance
        .get_memory(&mut *store, "memory")
        .context("no memory is exported")?;
    let allocate = instance.get_typed_func::<u32, u32>(&mut *store, "allocate")?;
    let render = instance.get_typed_func::<(u32, u32), u64>(&mut *store, "render")?;
    let length = u32::try_from(request.len())?;
    let buffer = allocate.call(&mut *store, length)?;
    memory.write(&mut *store, buffer as usize, request.as_bytes())?;
    let answer = render.call(&mut *store, (buffer, length))?;
    let (start, length) = ((answer >> 32) as usize, (answer & 0xffff_ffff) as usize);
    let bytes = memory
        .data(&*store)
        .get(start..start + length)
        .context("the answer is out of memory")?;
    Ok(String::from_utf8(bytes.to_vec())?)
}

fn memory(caller: &mut Caller<'_, State>) -> wasmtime::Result<Memory> {
    caller
        .get_export("memory")
        .and_then(|it| it.into_memory())
        .ok_or_else(|| wasmtime::Error::msg("no memory is exported"))
}

fn read_u32(caller: &mut Caller<'_, State>, at: u32) -> wasmtime::Result<u32> {
    let mut bytes = [0; 4];
    memory(caller)?.read(&mut *caller, at as usize, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn write(caller: &mut Caller<'_, State>, at: u32, bytes: &[u8]) -> wasmtime::Result<()> {
    Ok(memory(caller)?.write(&mut *caller, at as usize, bytes)?)
}

fn wasi(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |mut caller: Caller<'_, State>, _: u32, _: u64, to: u32| {
            caller.data_mut().clock += 1000;
            let now = caller.data().clock;
            write(&mut caller, to, &now.to_le_bytes()).map(|()| 0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "random_get",
        |mut caller: Caller<'_, State>, to: u32, length: u32| {
            // A counter in a multiplicative hash: only tables of hashes take it.
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    let state = caller.data_mut();
                    state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    (state.random.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 56) as u8
                })
                .collect();
            write(&mut caller, to, &bytes).map(|()| 0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut caller: Caller<'_, State>, _: u32, vectors: u32, count: u32, written: u32| {
            let mut total = 0;
            for number in 0..count {
                let start = read_u32(&mut caller, vectors + 8 * number)?;
                let length = read_u32(&mut caller, vectors + 8 * number + 4)?;
                let mut bytes = vec![0; length as usize];
                memory(&mut caller)?.read(&mut caller, start as usize, &mut bytes)?;
                let log = &mut caller.data_mut().log;
                bytes.truncate((1_usize << 16).saturating_sub(log.len()));
                log.extend(bytes);
                total += length;
            }
            write(&mut caller, written, &total.to_le_bytes()).map(|()| 0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "poll_oneoff",
        |mut caller: Caller<'_, State>, _: u32, _: u32, count: u32, happened: u32| {
            caller.data_mut().clock += 1_000_000_000;
            write(&mut caller, happened, &count.to_le_bytes()).map(|()| 0)
        },
    )?;
    linker.func_wrap(WASI, "sched_yield", || 0)?;
    linker.func_wrap(WASI, "proc_exit", |code: u32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!(
            "the guest gave up with code {code}"
        )))
    })?;
    // klog breaks off where there is no name of a program.
    linker.func_wrap(
        WASI,
        "args_sizes_get",
        |mut caller: Caller<'_, State>, count: u32, size: u32| {
            write(&mut caller, count, &1_u32.to_le_bytes())?;
            write(&mut caller, size, &2_u32.to_le_bytes()).map(|()| 0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "args_get",
        |mut caller: Caller<'_, State>, pointers: u32, bytes: u32| {
            write(&mut caller, pointers, &bytes.to_le_bytes())?;
            write(&mut caller, bytes, b"r\0").map(|()| 0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_sizes_get",
        |mut caller: Caller<'_, State>, count: u32, size: u32| {
            write(&mut caller, count, &0_u32.to_le_bytes())?;
            write(&mut caller, size, &0_u32.to_le_bytes()).map(|()| 0)
        },
    )?;
    linker.func_wrap(WASI, "environ_get", |_: u32, _: u32| 0)?;
    Ok(())
}

/// `look` and `take` over a directory.
fn repository(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "trimtab",
        "look",
        |mut caller: Caller<'_, State>, path: u32, length: u32| -> wasmtime::Result<i64> {
            let mut bytes = vec![0; length as usize];
            memory(&mut caller)?.read(&mut caller, path as usize, &mut bytes)?;
            let path = String::from_utf8(bytes)?;
            let state = caller.data_mut();
            let (kind, bytes) = look(&state.root, &path);
            let answer = match kind {
                None => -1,
                Some(kind) => kind << 56 | i64::try_from(bytes.len())?,
            };
            state.last = bytes;
            state.looked_for.insert(path, answer);
            Ok(answer)
        },
    )?;
    linker.func_wrap(
        "trimtab",
        "take",
        |mut caller: Caller<'_, State>, to: u32| {
            let bytes = std::mem::take(&mut caller.data_mut().last);
            write(&mut caller, to, &bytes)
        },
    )?;
    Ok(())
}

fn look(root: &Path, path: &str) -> (Option<i64>, Vec<u8>) {
    let asked = root.join(path).components().collect::<PathBuf>();
    let Ok(resolved) = fs::canonicalize(&asked) else {
        return (None, Vec::new());
    };
    if resolved != asked {
        return match resolved.strip_prefix(root) {
            Ok(inside) => (Some(3), inside.to_string_lossy().into_owned().into_bytes()),
            Err(_) => (
                Some(4),
                format!("{path} is a link out of the repository").into_bytes(),
            ),
        };
    }
    match fs::read_dir(&asked) {
        Ok(entries) => {
            let mut names: Vec<String> = entries
                .filter_map(Result::ok)
                .map(|entry| {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    format!("{name}{}\0", if entry.path().is_dir() { "/" } else { "" })
                })
                .collect();
            names.sort();
            (Some(2), names.concat().into_bytes())
        }
        Err(_) => match fs::read(&asked) {
            Ok(bytes) => (Some(1), bytes),
            Err(error) => (Some(4), error.to_string().into_bytes()),
        },
    }
}

pub fn module(engine: &Engine, path: &Path) -> Result<Module> {
    let bytes = fs::read(path).map_err(|error| {
        anyhow!(
            "{}: {error}; `cargo xtask renderers` makes it",
            path.display()
        )
    })?;
    Ok(Module::new(engine, bytes)?)
}
