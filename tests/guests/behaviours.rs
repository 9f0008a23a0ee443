//! Each guest of `examples/` in the real sandbox: what it does, and what the host says of it.

mod attacks;
mod compilation;

use std::collections::BTreeSet;
use std::path::PathBuf;

use trimtab::manifest::Origin;
use trimtab::sandbox::{
    CallContext, CallError, CallObject, CallPlatform, Compiler, LoadError, RawFinding, Sandbox,
    SandboxLimits,
};
use trimtab_harness::root;

fn component(name: &str) -> Vec<u8> {
    let path = root().join(format!("target/components/{name}.wasm"));
    std::fs::read(path).expect("`cargo xtask test` has built the components")
}

fn compiler(cache: Option<PathBuf>) -> Compiler {
    Compiler::Child {
        program: env!("CARGO_BIN_EXE_trimtab").into(),
        cache,
    }
}

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxLimits::default(), compiler(None)).expect("the engine starts")
}

fn context(settings: &str) -> CallContext {
    CallContext {
        kit: "kits/a".into(),
        namespace: "a".into(),
        allowed_namespaces: vec!["a".into()],
        cluster_scoped: false,
        platform: CallPlatform {
            settings: settings.into(),
            ..CallPlatform::default()
        },
    }
}

fn objects() -> Vec<CallObject> {
    let json = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"a"}}"#;
    vec![CallObject {
        json: json.into(),
        origin: Origin::new("kits/a/x.yaml", 1),
    }]
}

fn run(guest: &str) -> Result<Vec<RawFinding>, CallError> {
    let plugin = sandbox()
        .load(&component(&format!("guest-{guest}")))
        .expect("the guest loads");
    let (found, _) = plugin.validate(&context("{}"), &objects())?;
    Ok(found)
}

/// The guests that a test below runs; kept whole by `every_guest_has_a_test`.
const TESTED: [&str; 12] = [
    "bad-pointer",
    "control-characters",
    "endless-loop",
    "giant-result",
    "given",
    "honest",
    "memory-in-one-go",
    "memory-in-small-steps",
    "panics",
    "recursion",
    "too-many-findings",
    "undeclared-rule",
];

#[test]
fn every_guest_has_a_test() {
    let there: BTreeSet<String> = std::fs::read_dir(root().join("tests/guests/examples"))
        .expect("the guests")
        .map(|entry| {
            entry
                .expect("a guest")
                .file_name()
                .to_string_lossy()
                .trim_end_matches(".rs")
                .to_owned()
        })
        .collect();
    assert_eq!(there, TESTED.map(str::to_owned).into());
}

#[test]
fn an_honest_guest_is_heard_and_takes_the_same_fuel_on_every_run() {
    let plugin = sandbox()
        .load(&component("guest-honest"))
        .expect("it loads");
    assert_eq!(plugin.description().name, "honest");
    let (found, fuel) = plugin
        .validate(&context("{}"), &objects())
        .expect("a verdict");
    assert_eq!(found[0].message, "1 in kits/a");
    assert_eq!(found[0].proposed.as_deref(), Some("other"));
    let again = sandbox()
        .load(&component("guest-honest"))
        .expect("it loads");
    assert_eq!(
        again
            .validate(&context("{}"), &objects())
            .expect("a verdict"),
        (found, fuel)
    );
}

#[test]
fn a_guest_is_told_the_version_and_given_its_data_and_spends_what_it_is_granted() {
    let plugin = sandbox().load(&component("guest-given")).expect("it loads");
    let mut context = context("{}");
    context.platform.kubernetes = "1.34".into();
    context.platform.data = [CallObject {
        json: r#"{"a":1}"#.into(),
        origin: Origin::new("rules/a.yaml", 3),
    }]
    .into();
    let (found, fuel) = plugin.validate(&context, &objects()).expect("a verdict");
    assert_eq!(
        found[0].message,
        r#"Kubernetes 1.34: rules/a.yaml:3={"a":1}"#
    );
    context.platform.fuel = Some(fuel);
    assert_eq!(plugin.validate(&context, &objects()), Ok((found, fuel)));
    context.platform.fuel = Some(fuel / 2);
    let refused = plugin.validate(&context, &objects());
    assert_eq!(refused, Err(CallError::Fuel { limit: fuel / 2 }));
}

#[test]
fn settings_that_a_rule_does_not_know_are_told() {
    let plugin = sandbox()
        .load(&component("guest-honest"))
        .expect("it loads");
    let error = plugin
        .validate(&context(r#"{"limt": 3}"#), &objects())
        .expect_err("unknown");
    assert!(
        matches!(&error, CallError::Settings(fault) if fault.message.contains("limt")),
        "{error}"
    );
}

#[test]
fn an_endless_loop_ends_by_fuel() {
    assert!(matches!(run("endless-loop"), Err(CallError::Fuel { .. })));
}

#[test]
fn recursion_ends_by_its_stack_or_fuel() {
    let error = run("recursion").expect_err("it is endless");
    assert!(
        matches!(&error, CallError::Trap(_) | CallError::Fuel { .. }),
        "{error}"
    );
}

#[test]
fn memory_is_bounded_in_one_go_and_in_small_steps() {
    for guest in ["memory-in-one-go", "memory-in-small-steps"] {
        let error = run(guest).expect_err("too much");
        assert!(
            matches!(&error, CallError::Memory { .. }),
            "{guest}: {error}"
        );
    }
}

#[test]
fn a_panic_is_told_with_its_message() {
    let error = run("panics").expect_err("it panics");
    assert!(
        matches!(&error, CallError::Trap(text) if text.contains("the rule broke")),
        "{error}"
    );
}

#[test]
fn a_result_that_is_too_large_is_not_taken() {
    let error = run("giant-result").expect_err("too large");
    assert!(
        matches!(&error, CallError::ResultTooLarge { .. }),
        "{error}"
    );
}

#[test]
fn nonsense_is_told_as_what_it_is() {
    for (guest, words) in [
        ("undeclared-rule", "which it does not declare"),
        ("bad-pointer", "RFC 6901"),
        ("too-many-findings", "over the limit"),
    ] {
        let error = run(guest).expect_err("nonsense");
        assert!(
            matches!(&error, CallError::Nonsense(text) if text.contains(words)),
            "{guest}: {error}"
        );
    }
}

#[test]
fn what_would_paint_a_terminal_is_made_harmless() {
    let found = run("control-characters").expect("a verdict");
    assert_eq!(found[0].message, "\u{fffd}[31mred\u{fffd} next");
}

#[test]
fn what_is_no_plugin_is_refused_before_anything_of_it_runs() {
    let sandbox = sandbox();
    let load = |text: &str| {
        sandbox
            .load(&wat::parse_str(text).expect("valid text"))
            .expect_err("refused")
    };
    assert!(matches!(load("(module)"), LoadError::NotAComponent(_)));
    assert!(matches!(load("(component)"), LoadError::NoExport));
    let wasi = load(r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#);
    assert!(
        matches!(&wasi, LoadError::ForeignImport(name) if name == "wasi:cli/environment@0.2.0"),
        "{wasi}"
    );
    let newer = load(r#"(component (import "trimtab:plugin/log@0.2.0" (instance)))"#);
    assert!(
        matches!(&newer, LoadError::ContractVersion(version) if version == "0.2.0"),
        "{newer}"
    );
}

#[test]
fn exports_of_another_shape_are_refused_before_anything_of_them_runs() {
    let text = r#"(component
        (core module $m (func (export "f") unreachable))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $validate (export "validate" (func $f)))
        (instance $describe (export "describe" (func $f)))
        (export "trimtab:plugin/describe@0.1.0" (instance $describe))
        (export "trimtab:plugin/validate@0.1.0" (instance $validate)))"#;
    let error = sandbox()
        .load(&wat::parse_str(text).expect("valid text"))
        .expect_err("refused");
    assert!(matches!(&error, LoadError::WrongShape { .. }), "{error}");
}

#[test]
fn truncated_and_random_bytes_are_refused() {
    let sandbox = sandbox();
    let whole = component("guest-honest");
    for length in [0, 1, 8, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        assert!(sandbox.load(&whole[..length]).is_err(), "{length} bytes");
    }
    let random: Vec<u8> = (0..4096u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    assert!(matches!(
        sandbox.load(&random),
        Err(LoadError::NotAComponent(_))
    ));
}

#[test]
fn a_compile_bomb_is_refused_before_it_is_compiled() {
    let locals = "(local i64)".repeat(5_000);
    let body = "(loop (br_if 0 (i32.const 0)))".repeat(10_000);
    let text = format!("(component (core module (func {locals} {body})))");
    let error = sandbox()
        .load(&wat::parse_str(&text).expect("valid text"))
        .expect_err("refused");
    assert!(matches!(&error, LoadError::TooComplex(_)), "{error}");
}
