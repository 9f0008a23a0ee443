//! Guests that no compiler makes, each in the real sandbox: what comes of it.

use trimtab::sandbox::{CallError, LoadError, RawFinding, Sandbox, SandboxLimits};
use trimtab_harness::attacks;

use super::{compiler, component, context, objects};

#[derive(Debug)]
enum Verdict {
    NotLoaded(LoadError),
    NotCalled(CallError),
    Answered(Vec<RawFinding>),
}

fn verdict(sandbox: &Sandbox, component: &[u8]) -> Verdict {
    match sandbox.load(component) {
        Err(error) => Verdict::NotLoaded(error),
        Ok(plugin) => match plugin.validate(&context("{}"), &objects()) {
            Ok((found, _)) => Verdict::Answered(found),
            Err(error) => Verdict::NotCalled(error),
        },
    }
}

/// Whether what came of an attack is what has to.
fn fits(name: &str, verdict: &Verdict) -> bool {
    use CallError::{Fuel, Memory, Nonsense, ResultTooLarge, Trap};
    use Verdict::{Answered, NotCalled, NotLoaded};

    match name {
        "aliased-lists" => matches!(verdict, NotCalled(ResultTooLarge { .. })),
        "huge-string" | "string-over-the-edge" | "many-findings-claimed" => {
            matches!(
                verdict,
                NotCalled(Trap(_) | Nonsense(_) | ResultTooLarge { .. })
            )
        }
        "bad-utf-8" => matches!(verdict, NotCalled(Nonsense(text)) if text.contains("utf-8")),
        "answer-out-of-memory" | "answer-askew" | "realloc-out-of-memory" | "realloc-askew" => {
            matches!(
                verdict,
                NotCalled(Trap(_)) | NotLoaded(LoadError::Describe(Trap(_)))
            )
        }
        // The bits of a NaN are the same on every machine.
        "nan" => matches!(verdict, Answered(found) if found[0].message == "Attacks."),
        "log-flood" => matches!(verdict, NotCalled(Fuel { .. } | ResultTooLarge { .. })),
        "many-tables" | "large-table" => {
            matches!(verdict, NotLoaded(LoadError::TooComplex(text)) if text.contains("more than a plugin gets"))
        }
        "growing-table" => matches!(verdict, NotCalled(Memory { .. })),
        "start-spins" => matches!(verdict, NotLoaded(LoadError::Describe(Fuel { .. }))),
        "realloc-spins" | "after-spins" | "memory-filled-over-and-over" => {
            matches!(verdict, NotCalled(Fuel { .. }))
        }
        _ => false,
    }
}

#[test]
fn every_attack_ends_in_its_verdict_and_the_sandbox_goes_on() {
    let sandbox = Sandbox::new(SandboxLimits::default(), compiler(None)).expect("it starts");
    for attack in attacks::all().expect("the attacks are well-formed") {
        let verdict = verdict(&sandbox, &attack.component);
        assert!(fits(attack.name, &verdict), "{}: {verdict:?}", attack.name);
        let honest = sandbox.load(&component("guest-honest")).expect("it loads");
        let heard = honest.validate(&context("{}"), &objects());
        assert!(heard.is_ok(), "after {}: {heard:?}", attack.name);
    }
}

#[test]
fn thousands_of_arbitrary_answers_end_in_a_verdict() {
    let sandbox = Sandbox::new(SandboxLimits::default(), compiler(None)).expect("it starts");
    let component = attacks::arbitrary().expect("it is well-formed");
    let plugin = sandbox.load(&component).expect("its description is right");
    let (mut answered, mut refused) = (0, std::collections::BTreeSet::new());
    for seed in 0..5_000_u64 {
        let settings = format!(r#"{{"s": {}}}"#, 1_000_000_000 + seed * 7_919);
        match plugin.validate(&context(&settings), &objects()) {
            Ok(_) => answered += 1,
            Err(error) => {
                refused.insert(format!("{error:?}").split('(').next().map(str::to_owned));
                assert!(!error.to_string().is_empty());
            }
        }
    }
    // The answers are of many kinds, and so are the verdicts.
    assert!(answered > 0 && refused.len() > 1, "{answered} answered");
}
