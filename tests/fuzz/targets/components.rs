//! Bytes of a repository as a component, through all that the host does with them: checks,
//! compilation in a child, the contract, its description, a call. Whatever they are, there is a
//! verdict in time and words that can be shown.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use trimtab::manifest::Origin;
use trimtab::sandbox::{
    CallContext, CallObject, Compiler, LoadError, Sandbox, SandboxLimits, clean,
};

/// Bytes of a message, with the words around what is quoted.
const MESSAGE: usize = 2_048;

/// A sandbox keeps what it has loaded, and a fuzzer loads without end.
fn sandbox() -> Sandbox {
    static PROGRAM: OnceLock<std::path::PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let program = std::env::var_os("TRIMTAB").expect("`cargo xtask fuzz` says where it is");
        program.into()
    });
    let limits = SandboxLimits {
        fuel: 20_000_000,
        compile_seconds: 5,
        ..SandboxLimits::default()
    };
    let compiler = Compiler::Child {
        program: program.clone(),
        cache: None,
    };
    Sandbox::new(limits, compiler).expect("the engine starts")
}

fuzz_target!(|bytes: &[u8]| {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let sandbox = SANDBOX.get_or_init(sandbox);
    let plugin = match sandbox.load(bytes) {
        Ok(plugin) => plugin,
        Err(error) => {
            assert!(
                !matches!(error, LoadError::Compiler(_)),
                "the host's own fault: {error}"
            );
            return shown(&error.to_string());
        }
    };
    let description = plugin.description();
    shown(&description.summary);
    for (rule, summary) in &description.rules {
        shown(rule);
        shown(summary);
    }
    let objects = [CallObject {
        json: r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}"#.into(),
        origin: Origin::new("kits/a/x.yaml", 1),
    }];
    if plugin.kinds().validate {
        match plugin.validate(&CallContext::default(), &objects) {
            Ok((found, _)) => found.iter().for_each(|finding| shown(&finding.message)),
            Err(error) => shown(&error.to_string()),
        }
    }
});

fn shown(text: &str) {
    assert_eq!(clean(text, usize::MAX), text, "it would paint a terminal");
    assert!(text.len() <= MESSAGE + 4_096, "{} bytes", text.len());
}
