//! Kustomize and Helm as guests, from files to verdicts: the real ones, as xtask builds them.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use sha2::Digest as _;
use tempfile::TempDir;

use super::*;
use crate::kit::{RepositorySpec, Supplied, Supply, Values};
use crate::sandbox::{Compiler, RenderLimits, Renderers, Sandbox, SandboxLimits};
use crate::source::Snapshot;

/// Compiled once for all tests: that takes a minute in a debug build.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("target/renderers");
    let compiler = Compiler::Kept(folder.join("compiled"));
    let renderers = Renderers::new(RenderLimits::default(), compiler, vec![folder]);
    let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here);
    sandbox.expect("a sandbox").with_renderers(renderers)
});

struct Platform {
    folder: TempDir,
    spec: RepositorySpec,
    supplied: Supplied,
}

impl Platform {
    fn new(rules: &str, files: &[(&str, &str)]) -> Self {
        let spec = format!("url: https://git.example.org/a.git\n{rules}");
        let platform = Self {
            folder: tempfile::tempdir().expect("a folder"),
            spec: serde_yaml::from_str(&spec).expect("a spec"),
            supplied: Supplied::default(),
        };
        for (path, text) in files {
            platform.write(path, text);
        }
        platform
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        write(&self.path(path), text);
    }

    fn evaluator(&self) -> Evaluator {
        let plugins = Arc::new(PluginStore::new(SANDBOX.clone()));
        Evaluator::new(plugins, NonZeroUsize::MIN)
    }

    fn evaluate(&self, evaluator: &mut Evaluator) -> Evaluation {
        let snapshot = Snapshot::of_directory(self.folder.path()).expect("a snapshot");
        let revisions = Revisions {
            supplied: self.supplied.clone(),
            ..Revisions::only(&snapshot)
        };
        evaluator
            .evaluate_all(&revisions, &self.spec, &AtomicBool::new(false))
            .expect("readable")
            .expect("nothing newer")
    }

    fn fresh(&self) -> Evaluation {
        self.evaluate(&mut self.evaluator())
    }

    /// As a host that starts anew where others have kept what they rendered.
    fn recalling(&self, kept: &TempDir) -> Evaluation {
        let plugins = Arc::new(keeping(kept));
        self.evaluate(&mut Evaluator::new(plugins, NonZeroUsize::MIN))
    }
}

/// The folder above must be nobody else's, too.
fn renderings(kept: &TempDir) -> PathBuf {
    kept.path().join("renderings")
}

fn keeping(kept: &TempDir) -> PluginStore {
    let renderers = SANDBOX.renderers().clone().keeping(&renderings(kept));
    PluginStore::new(SANDBOX.clone().with_renderers(renderers))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn values(text: &str, secret: bool) -> Supply {
    let entries = [("values.yaml".to_owned(), text.as_bytes().to_vec())];
    Supply::Here(Values::new(entries.into(), secret, "uid").into())
}

/// `Kind name` of a kit's objects, or `rule path: message` of its findings.
fn told(evaluation: &Evaluation) -> Vec<String> {
    let verdict = &evaluation.verdicts[0];
    let errors = verdict.findings().map(|it| {
        let place = it.origin.as_ref().map(ToString::to_string);
        format!("{} {}: {}", it.rule, place.unwrap_or_default(), it.message)
    });
    let objects = verdict.rendered.manifests.iter().map(|it| {
        let key = it.key();
        format!("{} {}", key.group_kind.kind, key.name)
    });
    objects.chain(errors).collect()
}

const KITS: &str = "kits: [{path: 'kits/*', namespace: acme}]";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: one}\n";

/// A kit over a base outside of it, which has a file that it does not name.
fn over_a_base() -> Platform {
    let overlay = "resources: [../../base]\nnamePrefix: shop-\n";
    Platform::new(
        KITS,
        &[
            ("kits/shop/kustomization.yaml", overlay),
            ("base/kustomization.yaml", "resources: [a.yaml]\n"),
            ("base/a.yaml", CONFIG),
            ("base/unread.yaml", CONFIG),
        ],
    )
}

#[test]
fn a_kit_with_a_base_outside_of_it_is_rendered_again_when_that_changes_and_only_then() {
    let platform = over_a_base();
    let mut evaluator = platform.evaluator();
    let first = platform.evaluate(&mut evaluator);
    assert_eq!(told(&first), ["ConfigMap shop-a"]);
    let inputs = |evaluation: &Evaluation| evaluation.verdicts[0].kit.inputs;
    let looked_at = |evaluation: &Evaluation| evaluation.verdicts[0].looked_at;

    platform.write("base/unread.yaml", "kind: Another\n");
    let second = platform.evaluate(&mut evaluator);
    assert!(!looked_at(&second));
    assert_eq!(inputs(&second), inputs(&first));

    platform.write("base/a.yaml", &CONFIG.replace("one", "two"));
    let third = platform.evaluate(&mut evaluator);
    assert!(looked_at(&third));
    assert_ne!(inputs(&third), inputs(&first));
    let data = &third.verdicts[0].rendered.manifests[0].object["data"];
    assert_eq!(data["key"], "two");
    assert_eq!(inputs(&third), inputs(&platform.fresh()));
}

#[test]
fn what_is_kept_on_disk_is_not_rendered_again_and_is_rendered_to_be_verified() {
    let platform = over_a_base();
    let kept = tempfile::tempdir().expect("a folder");
    let first = platform.recalling(&kept);
    assert_eq!(told(&first), ["ConfigMap shop-a"]);
    // Another answer in its place, to see who asks.
    let mut folders = fs::read_dir(renderings(&kept)).expect("ours").flatten();
    let folder = folders.find_map(|it| Some(it.path()).filter(|it| it.is_dir()));
    let folder = folder.expect("it is kept");
    let file = fs::read_dir(folder).expect("ours").next();
    let file = file.expect("it is kept").expect("readable").path();
    let mut bytes = fs::read(&file).expect("ours");
    // Two parts, each a checksum, a length and a text.
    let length = u64::from_le_bytes(bytes[32..40].try_into().expect("eight bytes"));
    let second = 40 + usize::try_from(length).expect("small");
    let text = String::from_utf8_lossy(&bytes[second + 40..]).replace("shop-a", "kept-a");
    bytes.truncate(second);
    bytes.extend(sha2::Sha256::digest(&text));
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
    fs::write(&file, bytes).expect("ours");
    assert_eq!(told(&platform.recalling(&kept)), ["ConfigMap kept-a"]);
    let plugins = keeping(&kept);
    let snapshot = Snapshot::of_directory(platform.folder.path()).expect("a snapshot");
    let anew = reproduce(
        (&snapshot, &snapshot),
        (&platform.spec, &platform.supplied),
        &[crate::kit::KitPath::new("kits/shop")].into(),
        &BTreeMap::new(),
        &plugins,
        &AtomicBool::new(false),
    );
    let anew = anew.expect("readable");
    let digest = |rendered: &Rendered| rendered.digest.to_string();
    assert_eq!(
        digest(&anew[0].renderings[0]),
        digest(&first.verdicts[0].rendered)
    );
}

#[test]
fn what_kustomize_does_not_take_is_a_finding_at_its_file() {
    let cases = [
        ("resources: [missing.yaml]", "trimtab/kustomize"),
        (
            "resources: ['https://example.org/base']",
            "trimtab/render-remote",
        ),
        ("resources: [../../../../etc/passwd]", "trimtab/"),
    ];
    for (text, rule) in cases {
        let platform = Platform::new(KITS, &[("kits/shop/kustomization.yaml", text)]);
        let told = told(&platform.fresh());
        assert_eq!(told.len(), 1, "{told:?}");
        let at = "kits/shop/kustomization.yaml:1: ";
        assert!(
            told[0].starts_with(rule) && told[0].contains(at),
            "{told:?}"
        );
    }
}

#[test]
fn a_chart_is_rendered_with_the_kits_values() {
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec:\n  helm:\n    chart: /charts/web\n    valuesFiles: [values.yaml]\n    values: {port: 5445}\n";
    let template = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}-{{ .Values.name }}\nspec:\n  ports: [{port: {{ .Values.port }}}]\n";
    let platform = Platform::new(
        KITS,
        &[
            ("kits/shop/kit.yaml", kit),
            ("kits/shop/values.yaml", "name: shop\nport: 1\n"),
            (
                "charts/web/Chart.yaml",
                "apiVersion: v2\nname: web\nversion: 1.0.0\n",
            ),
            ("charts/web/values.yaml", "name: web\nport: 80\n"),
            ("charts/web/templates/service.yaml", template),
        ],
    );
    let evaluation = platform.fresh();
    assert_eq!(told(&evaluation), ["Service shop-shop"]);
    let manifest = &evaluation.verdicts[0].rendered.manifests[0];
    assert_eq!(manifest.object["spec"]["ports"][0]["port"], 5445);
    assert_eq!(&*manifest.origin.path, "charts/web/templates/service.yaml");
}

/// A file of the tree that edits are tried on.
const FILES: [&str; 9] = [
    "kits/a/kustomization.yaml",
    "kits/a/own.yaml",
    "kits/b/kustomization.yaml",
    "kits/b/kit.yaml",
    "base/kustomization.yaml",
    "base/one.yaml",
    "base/two.yaml",
    "part/kustomization.yaml",
    "part/patch.yaml",
];

fn content(file: &str, choice: u8) -> Option<String> {
    let name = file.rsplit('/').next()?;
    Some(match (name, choice) {
        (_, 0) => return None,
        ("kustomization.yaml", 1) => "resources: [own.yaml]\n".into(),
        ("kustomization.yaml", 2) => "resources: [one.yaml, two.yaml]\n".into(),
        ("kustomization.yaml", 3) => "resources: [../../base]\nnamePrefix: x-\n".into(),
        ("kustomization.yaml", 4) => "resources: [../../base]\ncomponents: [../../part]\n".into(),
        ("kustomization.yaml", _) => {
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: patch.yaml}]\n".into()
        }
        ("kit.yaml", _) => {
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: b}\n".into()
        }
        ("patch.yaml", choice) => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: one}}\ndata: {{patched: '{choice}'}}\n"
        ),
        (name, choice) => {
            let name = name.trim_end_matches(".yaml");
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: '{choice}'}}\n"
            )
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// What is skipped, or taken from what is kept on disk, is what would have come out the same.
    #[test]
    fn skipping_never_changes_the_result(
        edits in prop::collection::vec((0..FILES.len(), 0_u8..6), 1..12)
    ) {
        let platform = Platform::new(KITS, &[
            ("kits/a/kustomization.yaml", "resources: [../../base]\nnamePrefix: x-\n"),
            ("kits/b/kustomization.yaml", "resources: [../../base]\ncomponents: [../../part]\n"),
            ("base/kustomization.yaml", "resources: [one.yaml, two.yaml]\n"),
        ]);
        let mut evaluator = platform.evaluator();
        let kept = tempfile::tempdir().expect("a folder");
        let whole = told(&platform.evaluate(&mut evaluator)).join("\n");
        prop_assert!(whole.contains("trimtab/kustomize"), "the base has no files yet: {whole}");
        let outline = |evaluation: &Evaluation| -> BTreeMap<String, String> {
            let outline = evaluation.verdicts.iter().map(|it| {
                let rendered = &it.rendered;
                let told = format!("{} {} {:?}", it.kit.inputs, rendered.digest, rendered.findings);
                (it.kit.path.to_string(), told)
            });
            outline.collect()
        };
        for (file, choice) in edits {
            let file = FILES[file];
            match content(file, choice) {
                Some(text) => platform.write(file, &text),
                None => drop(fs::remove_file(platform.path(file))),
            }
            let remembered = platform.evaluate(&mut evaluator);
            let fresh = outline(&platform.fresh());
            prop_assert_eq!(&outline(&remembered), &fresh);
            for _ in 0..2 {
                prop_assert_eq!(&outline(&platform.recalling(&kept)), &fresh);
            }
        }
    }
}

#[test]
fn a_chart_has_the_platform_s_values_between_its_files_and_its_own_and_quotes_no_secret() {
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec:\n  helm:\n    chart: /charts/web\n    valuesFiles: [values.yaml]\n    valuesFrom: [vars, keys]\n    values: {host: 'web.${domain}'}\n  variables: {values: {domain: example.org}}\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  all: {{ list .Values.a .Values.b .Values.c .Values.host | join \" \" | quote }}\n  script: echo ${HOME}\n";
    let rules = format!(
        "{KITS}\nvalues:\n- {{name: vars, configMapRef: {{name: vars}}}}\n- {{name: keys, secretRef: {{name: keys}}}}\n"
    );
    let mut platform = Platform::new(
        &rules,
        &[
            ("kits/shop/kit.yaml", kit),
            ("kits/shop/values.yaml", "a: file\nb: file\nhost: file\n"),
            (
                "charts/web/Chart.yaml",
                "apiVersion: v2\nname: web\nversion: 1.0.0\n",
            ),
            ("charts/web/templates/a.yaml", template),
        ],
    );
    platform.supplied = Supplied::of([
        ("vars".to_owned(), values("b: map\nc: map\n", false)),
        ("keys".to_owned(), values("c: hunter22\n", true)),
    ]);
    let kept = tempfile::tempdir().expect("a folder");
    let is_kept = || fs::read_dir(renderings(&kept)).expect("it is ours").count();
    let evaluation = platform.recalling(&kept);
    assert_eq!(told(&evaluation), ["ConfigMap a"]);
    assert_eq!(is_kept(), 0, "a Secret's values are not written to a disk");
    let data = &evaluation.verdicts[0].rendered.manifests[0].object["data"];
    assert_eq!(data["all"], "file map hunter22 web.example.org");
    // What a chart writes is its own.
    assert_eq!(data["script"], "echo ${HOME}");
    platform.write(
        "charts/web/templates/a.yaml",
        "{{ fail (printf \"no %s\" .Values.c) }}\n",
    );
    let told = told(&platform.fresh());
    assert!(
        told[0].starts_with("trimtab/helm kits/shop/kit.yaml:1: "),
        "{told:?}"
    );
    assert!(
        told[0].contains("no ***") && !told[0].contains("hunter22"),
        "{told:?}"
    );
}
#[path = "elsewhere_tests.rs"]
mod elsewhere;

#[path = "places_tests.rs"]
mod places;

#[path = "late_tests.rs"]
mod late;
