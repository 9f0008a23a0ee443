//! `trimtab plugin`, on the components that `cargo xtask test` has built.

mod bench;
mod cases;
mod given;
mod inspect;
mod javascript;
mod project;
mod python;
mod sdk;
mod written;

use std::path::PathBuf;

use trimtab_harness::root;

pub fn component(name: &str) -> PathBuf {
    root().join(format!("target/components/{name}.wasm"))
}
