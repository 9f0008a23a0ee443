use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::sandbox::Look;

/// A module of a few lines, as a renderer.
fn renderers(module: &str) -> (tempfile::TempDir, Renderers) {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = wat::parse_str(module).expect("WebAssembly");
    std::fs::write(folder.path().join("kustomize.wasm"), bytes).expect("a file");
    let limits = RenderLimits {
        fuel: 50_000_000,
        memory: 16 << 20,
        ..RenderLimits::default()
    };
    let places = vec![folder.path().to_owned()];
    let renderers = Renderers::new(limits, Compiler::Here, places);
    (folder, renderers)
}

fn module(render: &str) -> String {
    format!(
        r#"(module
        (import "trimtab" "look" (func $look (param i32 i32) (result i64)))
        (import "trimtab" "take" (func $take (param i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 2)
        (data (i32.const 65536) "\00\01\01\00\0b\00\00\00")
        (data (i32.const 65792) "panic: gone")
        (func (export "allocate") (param i32) (result i32) (i32.const 1024))
        (func (export "render") (param $at i32) (param $length i32) (result i64)
            (local $size i64)
            {render}))"#
    )
}

fn nothing() -> Lookup {
    Box::new(|_| Look::Nothing)
}

#[test]
fn a_renderer_reads_what_it_asks_for_and_gives_its_answer() {
    // Looks for what the request names, and answers with what it gets.
    let (_folder, renderers) = renderers(&module(
        "(local.set $size (i64.and (call $look (local.get $at) (local.get $length))
            (i64.const 0xffffffff)))
         (call $take (i32.const 2048))
         (i64.or (i64.shl (i64.const 2048) (i64.const 32)) (local.get $size))",
    ));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let look: Lookup = Box::new(move |path| {
        seen.lock().expect("not poisoned").push(path.to_owned());
        Look::Directory(vec!["a.yaml".into(), "b/".into()])
    });
    let (answer, fuel) = renderers
        .render(RendererKind::Kustomize, b"kits/a", look)
        .expect("an answer");
    assert_eq!(answer, b"a.yaml\0b/\0");
    assert_eq!(*asked.lock().expect("not poisoned"), ["kits/a"]);
    let look: Lookup = Box::new(|_| Look::Directory(vec!["a.yaml".into(), "b/".into()]));
    let again = renderers.render(RendererKind::Kustomize, b"kits/a", look);
    assert_eq!(again.expect("an answer").1, fuel);
}

#[test]
fn what_goes_wrong_in_a_renderer_is_told_and_ends_it() {
    let fails = |render: &str| {
        let (_folder, renderers) = renderers(&module(render));
        let answer = renderers.render(RendererKind::Kustomize, b"a", nothing());
        answer.expect_err("no answer").to_string()
    };
    let forever = fails("(loop $on (br $on)) (i64.const 0)");
    assert!(forever.contains("50000000 units of fuel"), "{forever}");
    let grows = fails(
        "(loop $on (br_if $on (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)",
    );
    assert!(grows.contains("16 MiB of memory"), "{grows}");
    let asks = fails(
        "(loop $on (drop (call $look (local.get $at) (i32.const 1))) (br $on)) (i64.const 0)",
    );
    assert!(asks.contains("units of fuel"), "{asks}");
    let outside = fails("(i64.const 0x7fffffff00000010)");
    assert!(outside.contains("outside of its memory"), "{outside}");
    let told = fails(
        "(drop (call $write (i32.const 2) (i32.const 65536) (i32.const 1) (i32.const 0)))
         (call $exit (i32.const 2)) (i64.const 0)",
    );
    assert!(told.contains("gone"), "{told}");
    // No file can be opened: the answer is an error number.
    let open = fails(
        "(if (i32.eq (i32.const 8) (call $open (i32.const 3) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
            (then (unreachable)))
         (i64.const 0)",
    );
    assert!(open.contains("unreachable"), "{open}");
}

#[test]
fn a_renderer_that_is_not_there_says_where_it_was_looked_for() {
    let (folder, renderers) = renderers(&module("(i64.const 0)"));
    let error = renderers
        .render(RendererKind::Helm, b"", nothing())
        .expect_err("there is none")
        .to_string();
    let place = folder.path().join("helm.wasm").display().to_string();
    assert!(
        error.contains("Helm is not installed") && error.contains(&place),
        "{error}"
    );
}

#[test]
fn the_real_kustomize_renders_what_it_asks_for() {
    let folder = root().join("target/renderers");
    let compiler = Compiler::Kept(folder.join("compiled"));
    let renderers = Renderers::new(RenderLimits::default(), compiler, vec![folder]);
    let look: Lookup = Box::new(|path| match path {
        "kits/a" => Look::Directory(vec!["kustomization.yaml".into(), "a.yaml".into()]),
        "kits/a/kustomization.yaml" => {
            Look::File(b"resources: [a.yaml]\nnamePrefix: x-\n".to_vec())
        }
        "kits/a/a.yaml" => {
            Look::File(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".to_vec())
        }
        _ => Look::Nothing,
    });
    let request = json!({"path": "kits/a", "loadRestrictions": "rootOnly"}).to_string();
    let (answer, _) = renderers
        .render(RendererKind::Kustomize, request.as_bytes(), look)
        .expect("an answer");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x-a\n";
    assert_eq!(answer["yaml"], text, "{answer}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
