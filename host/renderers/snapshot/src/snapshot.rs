//! A module as it is after Go's start and `prepare`, as a module of its own: so that a render does
//! not begin with them.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, anyhow};
use wasmtime::{Instance, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use crate::guest::{self, State};

pub fn take(module: &[u8]) -> Result<Vec<u8>> {
    let mut wizer = Wizer::new();
    wizer.init_func("prepare");
    let (context, instrumented) = wizer.instrument(module)?;
    // It runs for half a second: compiling it well takes longer.
    let engine = guest::engine(false)?;
    let compiled = Module::new(&engine, instrumented)?;
    // Nothing is looked for before a render.
    let (mut store, instance) = guest::instantiate(&engine, &compiled, Path::new("."))?;
    for name in ["_initialize", "prepare"] {
        let function = instance.get_typed_func::<(), ()>(&mut store, name)?;
        function.call(&mut store, ()).map_err(|error| {
            let log = String::from_utf8_lossy(&store.data().log).into_owned();
            anyhow!("{name} of the renderer failed: {error:#}\n{log}")
        })?;
    }
    let mut stopped = Stopped { store, instance };
    at_once(wizer.snapshot(&context, &mut stopped))
        .context("an instance that lies still waits for nothing")?
        .map_err(Into::into)
}

struct Stopped {
    store: Store<State>,
    instance: Instance,
}

impl InstanceState for Stopped {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self
            .instance
            .get_global(&mut self.store, name)
            .expect("the instrumented module exports every global");
        match global.get(&mut self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            Val::F32(bits) => SnapshotVal::F32(bits),
            Val::F64(bits) => SnapshotVal::F64(bits),
            other => panic!("Go has no globals of the type of {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self
            .instance
            .get_memory(&mut self.store, name)
            .expect("the instrumented module exports every memory");
        contents(memory.data(&self.store));
    }
}

/// What a future comes to that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
