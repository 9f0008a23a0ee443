//! What compiling a component may cost, and what is kept of it.

use std::path::{Path, PathBuf};

use trimtab::sandbox::{Compiler, LoadError, Sandbox, SandboxLimits};

use super::{compiler, component, context, objects};

/// A component with one module.
fn of_module(module: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (core module {module}))")).expect("it is well-formed")
}

/// Long functions, of which no check says that they are too many: 29 MB of code.
fn long() -> Vec<u8> {
    // local.get 0, i32.const 77, i32.add, local.get 0, i32.mul, local.set 0
    let step = [0x20, 0, 0x41, 0xcd, 0, 0x6a, 0x20, 0, 0x6c, 0x21, 0];
    let mut body = vec![0];
    body.extend(step.repeat(60_000));
    body.push(0x0b);
    let functions = 44;
    let code = [sized(&body).as_slice()].repeat(functions).concat();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[&[1, 0x60, 1, 0x7f, 0][..]].concat());
    section(
        &mut module,
        3,
        &[&[functions as u8][..], &vec![0; functions]].concat(),
    );
    section(&mut module, 10, &[&[functions as u8][..], &code].concat());
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &module);
    component
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    out.extend(sized(content));
}

/// With its length before it, as LEB128.
fn sized(content: &[u8]) -> Vec<u8> {
    let (mut length, mut out) = (content.len(), Vec::new());
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(content);
    out
}

fn load(limits: SandboxLimits, bytes: &[u8]) -> Result<(), LoadError> {
    let sandbox = Sandbox::new(limits, compiler(None)).expect("the engine starts");
    sandbox.load(bytes).map(|_| ())
}

#[test]
fn what_takes_too_long_to_compile_is_given_up_and_the_host_goes_on() {
    let limits = SandboxLimits {
        compile_seconds: 1,
        ..SandboxLimits::default()
    };
    match load(limits, &long()) {
        Err(LoadError::TooComplex(words)) => {
            assert!(words.contains("more than 1 s of processor"), "{words}");
        }
        other => panic!("{other:?}"),
    }
    // The same sandbox goes on with others.
    let sandbox = Sandbox::new(limits, compiler(None)).expect("the engine starts");
    assert!(sandbox.load(&long()).is_err());
    let honest = sandbox.load(&component("guest-honest")).expect("it loads");
    assert!(honest.validate(&context("{}"), &objects()).is_ok());
}

#[test]
fn what_takes_too_much_memory_to_compile_is_given_up_and_the_host_goes_on() {
    let limits = SandboxLimits {
        compile_memory: 160 << 20,
        ..SandboxLimits::default()
    };
    let many = of_module(&format!("(func {})", "i32.const 1 drop ".repeat(1_500_000)));
    match load(limits, &many) {
        Err(LoadError::TooComplex(words)) => {
            assert!(words.contains("more than 160 MiB of memory"), "{words}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn bombs_of_every_shape_end_in_a_verdict() {
    let nested = format!(
        "(func {} {})",
        "block ".repeat(30_000),
        "end ".repeat(30_000)
    );
    let thousands = "(func (nop))".repeat(60_000);
    let targets = "0 ".repeat(100_000);
    let table = format!("(func (block (br_table {targets} (i32.const 1))))");
    let data = format!("(memory 1) {}", "(data (i32.const 0) \"x\")".repeat(50_000));
    for (name, module) in [
        ("nested", nested),
        ("thousands", thousands),
        ("table", table),
        ("data", data),
    ] {
        let verdict = load(SandboxLimits::default(), &of_module(&module));
        // They are compiled, or given up; none of them has the contract's exports.
        assert!(
            matches!(
                verdict,
                Err(LoadError::NoExport | LoadError::TooComplex(_) | LoadError::NotAComponent(_))
            ),
            "{name}: {verdict:?}"
        );
    }
}

#[test]
fn every_cut_and_many_changes_of_a_component_end_in_a_verdict() {
    let whole = component("guest-honest");
    let sandbox = Sandbox::new(SandboxLimits::default(), compiler(None)).expect("it starts");
    for part in 1..12 {
        let cut = &whole[..whole.len() * part / 12];
        assert!(sandbox.load(cut).is_err(), "{part} twelfths");
    }
    // The same changes in every run.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..100 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let mut changed = whole.clone();
        let at = state as usize % changed.len();
        changed[at] ^= (state >> 32) as u8 | 1;
        // Whether it still is a component is not the question.
        if let Ok(plugin) = sandbox.load(&changed) {
            let _ = plugin.validate(&context("{}"), &objects());
        }
    }
}

/// Loads only what is on disk.
fn only_kept(folder: &Path, limits: SandboxLimits) -> Sandbox {
    let compiler = Compiler::Child {
        program: PathBuf::from("/nowhere/trimtab"),
        cache: Some(folder.to_owned()),
    };
    Sandbox::new(limits, compiler).expect("the engine starts")
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries.map(|it| it.expect("an entry").path()).collect()
}

#[test]
fn what_was_compiled_is_kept_and_what_is_damaged_or_another_s_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;

    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("plugins");
    let honest = component("guest-honest");
    let limits = SandboxLimits::default();
    let cached = || Sandbox::new(limits, compiler(Some(folder.clone()))).expect("it starts");
    cached().load(&honest).expect("it loads");
    let files = kept(&folder);
    let [file] = &files[..] else {
        panic!("{files:?}");
    };
    let plugin = only_kept(&folder, limits)
        .load(&honest)
        .expect("it is kept");
    assert!(plugin.validate(&context("{}"), &objects()).is_ok());
    // For another configuration of the engine it is another component.
    let other = SandboxLimits {
        memory: limits.memory / 2,
        ..limits
    };
    let missing = only_kept(&folder, other).load(&honest);
    assert!(
        matches!(missing, Err(LoadError::Compiler(_))),
        "{missing:?}"
    );
    // Damage anywhere is noticed, and mended by compiling anew.
    let whole = std::fs::read(file).expect("it is there");
    for at in [0, 40, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(file, damaged).expect("it is written");
        let found = only_kept(&folder, limits).load(&honest);
        assert!(
            matches!(found, Err(LoadError::Compiler(_))),
            "{at}: {found:?}"
        );
        cached().load(&honest).expect("it is compiled anew");
        assert_eq!(std::fs::read(file).expect("it is kept"), whole, "{at}");
    }
    std::fs::write(file, &whole[..20]).expect("it is written");
    assert!(only_kept(&folder, limits).load(&honest).is_err());
    // A folder that others can write is not trusted: nothing is read from it, nothing kept.
    cached().load(&honest).expect("it loads");
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(&folder, open).expect("it is ours");
    let found = only_kept(&folder, limits).load(&honest);
    assert!(matches!(found, Err(LoadError::Compiler(_))), "{found:?}");
    cached().load(&honest).expect("it is compiled all the same");
}
