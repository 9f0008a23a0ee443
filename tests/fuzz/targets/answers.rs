//! Whatever a plugin may answer, at the level of the canonical ABI, through the pipeline: there are
//! findings that can be shown, about objects that are there, that tell no Secret's value.

#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::{Corpus, fuzz_target};
use trimtab::kit::{Grants, KitPath, PluginUse};
use trimtab::manifest::{Finding, Limits, Manifest, read};
use trimtab::pipeline::{Trial, TrialKit, Tried};
use trimtab::sandbox::{Compiler, Plugin, Sandbox, SandboxLimits, clean};
use trimtab::source::ObjectId;
use trimtab_harness::mirror::{MOST, judge, settings, transformer};

/// Of a Secret, as a manifest has it and as it is meant.
const VALUE: &str = "correct horse battery staple";
const ENCODED: &str = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==";

struct Fixture {
    judge: Arc<Plugin>,
    transformer: Arc<Plugin>,
    path: KitPath,
    before: Vec<Manifest>,
    manifests: Vec<Manifest>,
}

fn fixture() -> Fixture {
    // The mirrors are this repository's own.
    let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here).expect("it starts");
    let load = |component: anyhow::Result<Vec<u8>>| {
        let component = component.expect("it is well-formed");
        sandbox.load(&component).expect("it is a plugin")
    };
    let yaml = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{word: {ENCODED}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b}}\ndata: {{key: {value}}}\n"
        )
    };
    let manifests = |value: &str| {
        read("kits/a/a.yaml", yaml(value).as_bytes(), &Limits::default()).expect("it is valid")
    };
    Fixture {
        judge: load(judge()),
        transformer: load(transformer()),
        path: KitPath::new("kits/a"),
        before: manifests("a"),
        manifests: manifests("b"),
    }
}

/// The first byte says who answers, the others what.
fn answered(fixture: &Fixture, who: u8, answer: &[u8]) -> Tried {
    let used = PluginUse {
        tree: None,
        path: "mirror".into(),
        blob: ObjectId::none(),
        digest: None,
        settings: settings(answer).into(),
        data: [].into(),
        fuel: None,
        kubernetes: "1.37".into(),
        guardrail: false,
        named_at: None,
        pointer: String::new(),
        spans: None,
    };
    let kit = TrialKit {
        path: fixture.path.clone(),
        grants: Grants {
            namespace: Some("a".into()),
            ..Grants::default()
        },
        manifests: fixture.manifests.clone(),
        previous: Some(fixture.before.clone()),
    };
    let plugin = match who % 2 {
        0 => &fixture.judge,
        _ => &fixture.transformer,
    };
    let trial = Trial {
        used,
        data: Vec::new(),
        kits: vec![kit],
    };
    trial.run(plugin)
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    let Some((who, answer)) = bytes.split_first() else {
        return Corpus::Reject;
    };
    if answer.len() > MOST {
        return Corpus::Reject;
    }
    let fixture = FIXTURE.get_or_init(fixture);
    let tried = answered(fixture, *who, answer);
    for finding in &tried.findings {
        holds(finding);
    }
    for manifest in &tried.manifests {
        assert!(!manifest.key().name.is_empty(), "an object without a name");
    }
    Corpus::Keep
});

fn holds(finding: &Finding) {
    let tags = finding.tags.iter().flat_map(|(name, value)| [name, value]);
    let texts = [&finding.rule, &finding.message].into_iter().chain(tags);
    let texts = texts.chain(&finding.field).chain(&finding.proposed);
    for text in texts.chain(&finding.hint) {
        assert_eq!(&clean(text, usize::MAX), text, "it would paint a terminal");
        assert!(text.len() <= 8_192, "{} bytes", text.len());
        let told = text.contains(VALUE) || text.contains(ENCODED);
        assert!(!told, "a Secret's value is told: {text}");
    }
    assert!(!finding.message.is_empty(), "{finding:?}");
    // What is wrong with settings that no file has is at a field of the Repository.
    let placed = finding.origin.is_some() || finding.field.is_some();
    assert!(placed, "no place: {finding:?}");
}
