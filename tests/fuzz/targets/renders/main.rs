//! Kustomizations and charts that a fuzzer makes up of what people write and of what they should not,
//! through the evaluation of a revision with the real renderers: there is a verdict in time, the same
//! each time, with words that can be shown, and nothing of what lies outside of the repository.

#![no_main]

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use trimtab::kit::RepositorySpec;
use trimtab::pipeline::{Evaluation, Evaluator, PluginStore};
use trimtab::sandbox::{Compiler, RenderLimits, Renderers, Sandbox, SandboxLimits, clean};
use trimtab::source::Snapshot;
use trimtab_harness::root;

mod fragments;

use fragments::Choices;

/// In a file beside the repository.
const OUTSIDE: &str = "correct-horse-battery-staple";
/// Bytes of a message, with the words around what is quoted.
const MESSAGE: usize = 8_192;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let limits = RenderLimits {
        // A tenth: most inputs are to take no time.
        fuel: 2_000_000_000,
        ..RenderLimits::default()
    };
    let folder = root().join("target/renderers");
    let compiler = Compiler::Kept(folder.join("compiled"));
    let renderers = Renderers::new(limits, compiler, vec![folder]);
    let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here);
    sandbox.expect("it starts").with_renderers(renderers)
});

fn evaluation(snapshot: &Snapshot) -> Evaluation {
    let spec =
        "url: https://git.example.org/a.git\nkits: [{path: 'kits/{name}', namespace: '{name}'}]";
    let spec: RepositorySpec = serde_yaml::from_str(spec).expect("it is valid");
    let plugins = Arc::new(PluginStore::new(SANDBOX.clone()));
    Evaluator::new(plugins, NonZeroUsize::MIN)
        .evaluate(snapshot, &spec, &AtomicBool::new(false))
        .expect("it is in memory")
        .expect("nothing newer")
}

/// All that anybody sees of it.
fn told(evaluation: &Evaluation) -> Vec<String> {
    let verdicts = evaluation.verdicts.iter().map(|it| {
        let rendered = &it.rendered;
        let objects = rendered.manifests.iter();
        let objects: Vec<String> = objects.map(|it| it.object.to_string()).collect();
        let findings: Vec<String> = it.findings().map(ToString::to_string).collect();
        let reads = rendered.reads.told();
        format!("{} {objects:?} {findings:?} {reads}", it.kit.inputs)
    });
    verdicts.collect()
}

fuzz_target!(
    init: {
        // The compiler takes longer than an input may.
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &mut Choices::of(&[]));
        told(&evaluation(&Snapshot::of_directory(folder.path()).expect("readable")));
    },
    |bytes: &[u8]| {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = folder.path().join("repository");
        let outside = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {OUTSIDE}}}\n");
        fs::write(folder.path().join("outside.yaml"), outside).expect("a file");
        write(&repository, &mut Choices::of(bytes));
        let snapshot = Snapshot::of_directory(&repository).expect("readable");
        let evaluation = evaluation(&snapshot);
        holds(&evaluation);
        assert_eq!(told(&evaluation), told(&self::evaluation(&snapshot)));
    }
);

fn write(root: &Path, choices: &mut Choices<'_>) {
    let file = |path: &str, text: String| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    // In turns, so that both kits get their share of the choices.
    file("kits/k/kustomization.yaml", choices.kustomization());
    file("kits/h/templates/a.yaml", choices.template());
    file("kits/k/own.yaml", choices.object());
    file("kits/h/values.yaml", choices.values());
    file("kits/k/patch.yaml", choices.object());
    file("kits/h/Chart.yaml", choices.chart());
    file("base/kustomization.yaml", choices.kustomization());
    file("base/own.yaml", choices.object());
    file("kits/h/templates/_b.tpl", choices.template());
    let link = root.join("kits/k/link");
    symlink(choices.path(), link).expect("a link");
}

fn holds(evaluation: &Evaluation) {
    for verdict in &evaluation.verdicts {
        let reads = verdict.rendered.reads.told();
        for out in ["\"/", "\"../", "/../", "/..\""] {
            assert!(!reads.contains(out), "a path that is none: {reads}");
        }
        for manifest in &verdict.rendered.manifests {
            assert!(!manifest.key().name.is_empty(), "an object without a name");
        }
        for finding in verdict.findings() {
            let text = finding.to_string();
            assert_eq!(clean(&text, usize::MAX), text, "it would paint a terminal");
            assert!(text.len() <= MESSAGE, "{} bytes", text.len());
            assert!(!finding.message.is_empty(), "{finding:?}");
            assert!(finding.origin.is_some(), "no place: {finding:?}");
        }
    }
    for text in told(evaluation) {
        assert!(
            !text.contains(OUTSIDE),
            "from outside of the repository: {text}"
        );
    }
}
