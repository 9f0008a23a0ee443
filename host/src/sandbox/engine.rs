//! The engine: configuration, slots, and one fresh instance a call.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use wasmtime::component::{ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter,
    Store, Trap,
};

use super::contract::Contract;
use super::contract::bindings::Level;
use super::limits::Growth;
use super::{CallError, SandboxLimits};

/// Bytes that a pooled memory keeps resident between calls: what an ordinary call touches.
const KEEP_RESIDENT: usize = 4 << 20;
/// Bytes of stack that a guest may use.
const STACK: usize = 1 << 20;
/// Fuel that a line of the log costs its guest, about what it takes the host.
const LOG_COST: u64 = 2_000;
const LOG_COST_PER_BYTE: u64 = 4;
/// Memories of one component, and tables.
const PARTS: u32 = 16;
/// Core instances of one component: as many as the pre-check lets modules through. CPython alone
/// is 38, for it is linked of shared libraries.
const INSTANCES: u32 = 64;

pub(super) struct Host {
    limits: SandboxLimits,
    memory: Growth,
    tables: Growth,
    logged: usize,
    /// The last error line that the guest logged: the SDK's panic message.
    last_error: Option<String>,
    /// The call's budget.
    fuel: u64,
    plugin: Arc<str>,
}

impl ResourceLimiter for Host {
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
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.tables.grows(current, desired))
    }
}

/// A counting semaphore for threads: a full pool of instances is waited for, not failed at.
pub(super) struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

pub(super) struct Slot<'s>(&'s Slots);

impl Slots {
    pub(super) fn new(free: usize) -> Self {
        Self {
            free: Mutex::new(free),
            freed: Condvar::new(),
        }
    }

    pub(super) fn take(&self) -> Slot<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// Shared by all plugins of a host.
pub(super) struct Runtime {
    pub engine: Engine,
    pub linker: Linker<Host>,
    pub limits: SandboxLimits,
    slots: Slots,
}

impl Runtime {
    pub(super) fn new(
        limits: SandboxLimits,
        contracts: &[&dyn Contract],
    ) -> wasmtime::Result<Self> {
        let slots = std::thread::available_parallelism().map_or(2, usize::from) * 2;
        // All guests at once are bounded by their number, and not by a budget that they share:
        // what one gets must not depend on what the others do.
        let slots = slots.min(limits.memory_of_all / limits.memory).max(1);
        let mut config = compile_config(&limits);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            &limits,
            slots as u32,
        )));
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        for contract in contracts {
            contract.link(&mut linker)?;
        }
        Ok(Self {
            engine,
            linker,
            limits,
            slots: Slots::new(slots),
        })
    }

    /// Calls one function of a fresh instance, with the sandbox's own budget if no other is given. Gives the fuel that was used as well.
    pub(super) fn call<P, R>(
        &self,
        pre: &InstancePre<Host>,
        plugin: &Arc<str>,
        fuel: Option<u64>,
        (interface, function): (&str, &str),
        params: P,
    ) -> Result<(R, u64), CallError>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let _slot = self.slots.take();
        let fuel = fuel.unwrap_or(self.limits.fuel);
        let mut store = self.store(plugin, fuel)?;
        let called = pre.instantiate(&mut store).and_then(|instance| {
            let function = typed::<P, R>(&mut store, &instance, interface, function)?;
            function.call(&mut store, params)
        });
        let used = fuel - store.get_fuel().unwrap_or_default();
        tracing::debug!(%plugin, interface, fuel = used, "called");
        called
            .map(|result| (result, used))
            .map_err(|error| self.fault(&error, store.data()))
    }

    /// Looks at a fresh instance without calling anything of it.
    pub(super) fn inspect(
        &self,
        pre: &InstancePre<Host>,
        plugin: &Arc<str>,
        look: impl FnOnce(&mut Store<Host>, &Instance) -> wasmtime::Result<()>,
    ) -> Result<(), CallError> {
        let _slot = self.slots.take();
        let mut store = self.store(plugin, self.limits.fuel)?;
        let looked = pre
            .instantiate(&mut store)
            .and_then(|instance| look(&mut store, &instance));
        looked.map_err(|error| self.fault(&error, store.data()))
    }

    fn store(&self, plugin: &Arc<str>, fuel: u64) -> Result<Store<Host>, CallError> {
        let host = Host {
            limits: self.limits,
            memory: Growth::up_to(self.limits.memory),
            tables: Growth::up_to(self.limits.table_elements),
            logged: 0,
            last_error: None,
            fuel,
            plugin: plugin.clone(),
        };
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| host);
        store.set_hostcall_fuel(self.limits.result_bytes);
        store
            .set_fuel(fuel)
            .map_err(|error| CallError::Host(error.to_string()))?;
        Ok(store)
    }

    fn fault(&self, error: &wasmtime::Error, host: &Host) -> CallError {
        if let Some(Trap::OutOfFuel) = error.downcast_ref::<Trap>() {
            return CallError::Fuel { limit: host.fuel };
        }
        let text = format!("{error:#}");
        if text.contains("fuel allocated for hostcalls") {
            return CallError::ResultTooLarge {
                limit: self.limits.result_bytes,
            };
        }
        if host.memory.denied || host.tables.denied {
            return CallError::Memory {
                limit: self.limits.memory,
            };
        }
        let reason = match (&host.last_error, error.downcast_ref::<Trap>()) {
            (Some(message), _) => message.clone(),
            (None, Some(trap)) => trap.to_string(),
            (None, None) => super::text::clean(&text, 512),
        };
        match error.downcast_ref::<Trap>() {
            Some(_) => CallError::Trap(reason),
            None if text.contains("utf-8") || text.contains("invalid") => {
                CallError::Nonsense(reason)
            }
            None => CallError::Trap(reason),
        }
    }
}

pub(super) fn typed<P, R>(
    store: &mut Store<Host>,
    instance: &Instance,
    interface: &str,
    function: &str,
) -> wasmtime::Result<wasmtime::component::TypedFunc<P, R>>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    let missing = || wasmtime::Error::msg(format!("{interface} has no function {function}"));
    let outer = instance
        .get_export_index(&mut *store, None, interface)
        .ok_or_else(missing)?;
    let inner = instance
        .get_export_index(&mut *store, Some(&outer), function)
        .ok_or_else(missing)?;
    instance.get_typed_func::<P, R>(store, inner)
}

fn pool(limits: &SandboxLimits, slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(slots)
        .total_core_instances(slots * INSTANCES)
        .total_memories(slots * PARTS)
        .total_tables(slots * PARTS)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_component(PARTS)
        .max_tables_per_component(PARTS)
        .max_memory_size(limits.memory)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        // Only pages that the guest wrote are made anew, where the kernel tells which (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    pool
}

/// All that compiled code depends on.
pub(super) fn compile_config(limits: &SandboxLimits) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        // Equal bits on every machine.
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(STACK)
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .memory_reservation(limits.memory as u64)
        .memory_guard_size(64 << 10);
    config
}

pub(super) fn log(
    mut store: wasmtime::StoreContextMut<'_, Host>,
    (level, message): (Level, String),
) -> wasmtime::Result<()> {
    // What the host does for a line is paid for by the guest: without it, lines would be free.
    let cost = LOG_COST + LOG_COST_PER_BYTE * message.len() as u64;
    let left = store.get_fuel()?.checked_sub(cost);
    store.set_fuel(left.unwrap_or_default())?;
    if left.is_none() {
        return Err(Trap::OutOfFuel.into());
    }
    let host = store.data_mut();
    let message = super::text::clean(&message, 4096);
    host.logged += message.len();
    if host.logged <= host.limits.log_bytes {
        tracing::debug!(plugin = %host.plugin, ?level, "{message}");
    }
    if matches!(level, Level::Error) {
        host.last_error = Some(message);
    }
    Ok(())
}
