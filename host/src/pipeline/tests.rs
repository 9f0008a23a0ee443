//! From files to verdicts, with the host's own law only: rules in components are tried in
//! tests/guests and tests/scenarios.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use super::*;
use crate::kit::{RepositorySpec, Supplied};
use crate::manifest::Finding;
use crate::sandbox::{Compiler, Sandbox, SandboxLimits};
use crate::source::Snapshot;

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n";

pub(super) struct Platform {
    folder: TempDir,
    spec: RepositorySpec,
    pub supplied: Supplied,
    evaluator: Evaluator,
    plugins: Arc<PluginStore>,
}

impl Platform {
    pub(super) fn new(rules: &str, files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here).expect("a sandbox");
        let two = NonZeroUsize::new(2).expect("not zero");
        let plugins = Arc::new(PluginStore::new(sandbox));
        let platform = Self {
            supplied: Supplied::default(),
            plugins: plugins.clone(),
            folder: tempfile::tempdir().expect("a folder"),
            spec: serde_yaml::from_str(&format!("url: https://git.example.org/a.git\n{rules}"))
                .expect("a spec"),
            evaluator: Evaluator::new(plugins, two),
        };
        files
            .iter()
            .for_each(|(path, text)| platform.write(path, text));
        platform
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(super) fn evaluate(&mut self) -> Evaluation {
        let snapshot = Snapshot::of_directory(self.root()).expect("a snapshot");
        let revisions = Revisions {
            supplied: self.supplied.clone(),
            ..Revisions::only(&snapshot)
        };
        self.evaluator
            .evaluate_all(&revisions, &self.spec, &AtomicBool::new(false))
            .expect("readable")
            .expect("nothing newer")
    }

    /// By an evaluator that remembers nothing.
    pub(super) fn fresh(&mut self) -> Evaluation {
        self.evaluator = Evaluator::new(self.plugins.clone(), NonZeroUsize::MIN);
        self.evaluate()
    }
}

pub(super) fn told(verdict: &Verdict) -> Vec<String> {
    let place = |it: &Finding| match &it.origin {
        Some(origin) => format!("{} {origin}", it.rule),
        None => it.rule.clone(),
    };
    verdict.findings().map(place).collect()
}

fn only(rules: &str, files: &[(&str, &str)]) -> Verdict {
    let mut verdicts = Platform::new(rules, files).evaluate().verdicts;
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

const TWO: &str = "kits: [{path: 'kits/{company}', namespace: '{company}'}]";
const ONE: &str = "kits: [{path: web, namespace: shop}]";

#[test]
fn objects_without_a_namespace_go_to_their_kit_s() {
    let verdict = only(ONE, &[("web/a.yaml", SERVICE)]);
    assert_eq!(told(&verdict), [""; 0]);
    let key = verdict.rendered.manifests[0].key();
    assert_eq!(key.to_string(), "Service shop/web");
}

#[test]
fn what_a_kit_is_not_granted_is_refused_at_its_line() {
    let role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\n";
    let other = SERVICE.replace("name: web", "name: web\n  namespace: elsewhere");
    let files = [("web/a.yaml", role), ("web/b.yaml", other.as_str())];
    assert_eq!(
        told(&only(ONE, &files)),
        [
            "trimtab/cluster-scoped-not-granted web/a.yaml:2",
            "trimtab/namespace-not-granted web/b.yaml:5",
        ]
    );
    let granted = "kits: [{path: web, namespace: shop, clusterScoped: true, allowedNamespaces: [shop, elsewhere]}]";
    assert_eq!(told(&only(granted, &files)), [""; 0]);
}

#[test]
fn an_object_that_can_be_in_no_namespace_is_refused() {
    let verdict = only("kits: [{path: web}]", &[("web/a.yaml", SERVICE)]);
    assert_eq!(told(&verdict), ["trimtab/no-namespace web/a.yaml:4"]);
}

#[test]
fn what_the_host_and_the_server_write_is_not_a_file_s_to_say() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  uid: x\n  labels:\n    applyset.kubernetes.io/part-of: mine\n  annotations:\n    trimtab.io/origin: here\n";
    assert_eq!(
        told(&only(ONE, &[("web/a.yaml", text)])),
        [
            "trimtab/server-field web/a.yaml:5",
            "trimtab/reserved-metadata web/a.yaml:7",
            "trimtab/reserved-metadata web/a.yaml:9",
        ]
    );
}

#[test]
fn no_kit_grants_itself_what_it_was_not_granted() {
    let repository = "apiVersion: trimtab.io/v1alpha1\nkind: Repository\nmetadata: {name: mine}\nspec: {url: 'https://x', kits: [{path: '**', clusterScoped: true}]}\n";
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: mine}\n";
    let files = [("web/a.yaml", repository), ("web/b.yaml", kit)];
    let refused = |path: &str| format!("trimtab/own-kind-not-granted {path}:2");
    assert_eq!(
        told(&only(ONE, &files)),
        [refused("web/a.yaml"), refused("web/b.yaml")]
    );
    let granted = "kits: [{path: web, namespace: shop, clusterScoped: true}]";
    assert_eq!(told(&only(granted, &files)), [refused("web/b.yaml")]);
}

#[test]
fn all_errors_of_all_files_are_told_and_no_part_is_judged() {
    let files = [
        ("web/a.yaml", "a: [\n"),
        ("web/b.yaml", "kind: Service\n"),
        ("web/deep/c.json", "{\"apiVersion\": 1}"),
        ("web/d.yaml", SERVICE),
        ("web/chart/Chart.yaml", "name: x"),
        ("web/k/kustomization.yaml", ""),
        ("web/.hidden/e.yaml", "a: ["),
        ("web/notes.txt", "a: ["),
    ];
    let verdict = only(ONE, &files);
    let mut places: Vec<String> = told(&verdict)
        .into_iter()
        .map(|it| it.rsplit_once(':').expect("a line").0.to_owned())
        .collect();
    places.dedup();
    assert_eq!(
        places,
        [
            "trimtab/yaml web/a.yaml",
            "trimtab/yaml web/b.yaml",
            "trimtab/renderer web/chart/Chart.yaml",
            "trimtab/yaml web/deep/c.json",
            "trimtab/renderer web/k/kustomization.yaml",
        ]
    );
    assert!(verdict.rendered.manifests.is_empty());
}

#[test]
fn an_object_that_stands_twice_is_told_with_both_places() {
    let verdict = only(ONE, &[("web/a.yaml", SERVICE), ("web/b.yaml", SERVICE)]);
    assert_eq!(told(&verdict), ["trimtab/object-twice web/b.yaml:1"]);
    let first = &verdict.rendered.findings[0].notes[0];
    let origin = first.origin.as_ref().expect("a place");
    assert_eq!(origin.to_string(), "web/a.yaml:1");
}

#[test]
fn the_digest_is_of_the_objects_and_not_of_how_files_spell_them() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: x, b: y}\n";
    let swapped = "kind: ConfigMap\napiVersion: v1\ndata: {b: y, a: x}\nmetadata: {name: a}\n";
    let digest = |files: &[(&str, &str)]| only(ONE, files).rendered.digest;
    let first = digest(&[("web/a.yaml", map), ("web/b.yaml", SERVICE)]);
    let second = digest(&[("web/1.yaml", SERVICE), ("web/2.yaml", swapped)]);
    assert_eq!(first, second);
    let other = map.replace("a: x", "a: z");
    assert_ne!(
        first,
        digest(&[("web/a.yaml", &other), ("web/b.yaml", SERVICE)])
    );
}

#[test]
fn an_object_of_two_kits_is_told_to_both() {
    let shared = SERVICE.replace("name: web", "name: web\n  namespace: shared");
    let rules = "kits: [{path: 'kits/*'}]";
    let files = [
        ("kits/a/x.yaml", shared.as_str()),
        ("kits/b/y.yaml", shared.as_str()),
    ];
    let verdicts = Platform::new(rules, &files).evaluate().verdicts;
    let all: Vec<Vec<String>> = verdicts.iter().map(told).collect();
    assert_eq!(all[0], ["trimtab/object-in-two-kits kits/a/x.yaml:1"]);
    assert_eq!(all[1], ["trimtab/object-in-two-kits kits/b/y.yaml:1"]);
}

#[test]
fn objects_of_one_name_in_namespaces_of_their_own_are_two_even_where_the_scope_is_not_known() {
    let custom = "apiVersion: mesh.example.org/v1\nkind: Route\nmetadata: {name: web}\n";
    let files = [("kits/a/x.yaml", custom), ("kits/b/x.yaml", custom)];
    for verdict in Platform::new(TWO, &files).evaluate().verdicts {
        assert_eq!(told(&verdict), [""; 0]);
    }
}

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: routes.mesh.example.org}\nspec:\n  group: mesh.example.org\n  scope: SCOPE\n  names: {kind: Route, plural: routes}\n";

#[test]
fn a_crd_of_one_kit_tells_the_scope_of_another_kit_s_objects() {
    let rules = "kits: [{path: a, clusterScoped: true}, {path: b, namespace: shop}]";
    let route = "apiVersion: mesh.example.org/v1\nkind: Route\nmetadata: {name: web}\n";
    let namespaced = CRD.replace("SCOPE", "Namespaced");
    let mut platform = Platform::new(rules, &[("a/crd.yaml", &namespaced), ("b/r.yaml", route)]);
    let first = platform.evaluate();
    let key = first.verdicts[1].rendered.manifests[0].key().to_string();
    assert_eq!(key, "Route.mesh.example.org shop/web");
    platform.write("a/crd.yaml", &CRD.replace("SCOPE", "Cluster"));
    let second = platform.evaluate();
    assert_eq!(
        told(&second.verdicts[1]),
        ["trimtab/cluster-scoped-not-granted b/r.yaml:2"]
    );
    fs::remove_file(platform.root().join("a/crd.yaml")).expect("removed");
    let third = platform.evaluate();
    assert_eq!(told(third.verdicts.last().expect("b")), [""; 0]);
}

#[test]
fn a_crd_that_is_not_granted_judges_no_other_kit() {
    let crd = |group: &str, kind: &str| {
        CRD.replace("SCOPE", "Cluster")
            .replace("mesh.example.org", group)
            .replace("Route", kind)
    };
    let route = "apiVersion: mesh.example.org/v1\nkind: Route\nmetadata: {name: web}\n";
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    let files = [
        ("kits/a/1.yaml", crd("mesh.example.org", "Route")),
        ("kits/a/2.yaml", crd("apps", "Deployment")),
        ("kits/b/r.yaml", route.to_owned()),
        ("kits/b/w.yaml", web.to_owned()),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let verdicts = Platform::new(TWO, &files).evaluate().verdicts;
    assert_eq!(told(&verdicts[0]).len(), 2);
    assert_eq!(told(&verdicts[1]), [""; 0]);
}

#[test]
fn a_kit_that_did_not_change_is_not_rendered_again() {
    let mut platform = Platform::new(
        TWO,
        &[("kits/a/x.yaml", SERVICE), ("kits/b/x.yaml", SERVICE)],
    );
    let first = platform.evaluate();
    assert_eq!(first.looked_at, 2);
    platform.write("kits/a/x.yaml", &SERVICE.replace("80", "81"));
    let second = platform.evaluate();
    assert_eq!(second.looked_at, 1);
    let same = |index: usize| {
        Arc::ptr_eq(
            &first.verdicts[index].rendered,
            &second.verdicts[index].rendered,
        )
    };
    assert_eq!((same(0), same(1)), (false, true));
    assert!(second.verdicts[0].looked_at && !second.verdicts[1].looked_at);
}

#[test]
fn a_revision_has_one_verdict_whatever_was_evaluated_before() {
    let mut warm = Platform::new(
        TWO,
        &[("kits/a/x.yaml", "a: ["), ("kits/b/x.yaml", SERVICE)],
    );
    warm.evaluate();
    warm.write("kits/a/x.yaml", SERVICE);
    warm.write("kits/c/x.yaml", "kind: 7\n");
    let cold = Platform::new(
        TWO,
        &[
            ("kits/a/x.yaml", SERVICE),
            ("kits/b/x.yaml", SERVICE),
            ("kits/c/x.yaml", "kind: 7\n"),
        ],
    );
    let seen = |mut platform: Platform| -> Vec<(String, Vec<String>, String)> {
        let verdicts = platform.evaluate().verdicts;
        let said = |it: &Verdict| {
            (
                it.kit.path.to_string(),
                told(it),
                it.rendered.digest.to_string(),
            )
        };
        verdicts.iter().map(said).collect()
    };
    assert_eq!(seen(warm), seen(cold));
}

#[test]
fn a_guardrail_that_is_no_component_stops_every_kit() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let rules = format!("{TWO}\nguardrails: [{{path: rules/r.wasm, digest: '{digest}'}}]");
    let files = [
        ("kits/a/x.yaml", SERVICE),
        ("kits/b/x.yaml", SERVICE),
        ("rules/r.wasm", "not wasm"),
    ];
    for verdict in Platform::new(&rules, &files).evaluate().verdicts {
        assert_eq!(told(&verdict), ["trimtab/plugin-refused rules/r.wasm"]);
        assert!(verdict.has_errors());
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_end_in_one_finding() {
    let platform = Platform::new(ONE, &[("web/a.yaml", SERVICE)]);
    for name in ["x", "y"] {
        std::os::unix::fs::symlink(".", platform.root().join("web").join(name)).expect("a link");
    }
    let mut platform = platform;
    let verdict = platform.evaluate().verdicts.remove(0);
    let errors: Vec<&Finding> = verdict
        .findings()
        .filter(|it| it.rule == "trimtab/source")
        .collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("32 deep"), "{}", errors[0]);
}

#[cfg(unix)]
#[test]
fn links_that_fan_out_are_bounded() {
    let platform = Platform::new(ONE, &[("web/a.txt", ""), ("l0/a.txt", "")]);
    for level in 0..8 {
        let here = format!("l{}", level + 1);
        platform.write(&format!("{here}/a.txt"), "");
        for name in 0..10 {
            let link = platform.root().join(&here).join(name.to_string());
            std::os::unix::fs::symlink(format!("../l{level}"), link).expect("a link");
        }
    }
    std::os::unix::fs::symlink("../l8", platform.root().join("web/all")).expect("a link");
    let mut platform = platform;
    let verdict = platform.evaluate().verdicts.remove(0);
    let messages: Vec<&str> = verdict.findings().map(|it| it.message.as_str()).collect();
    assert_eq!(messages, ["the kit has more than 100000 files"]);
}

#[test]
fn plugins_that_no_repository_uses_are_forgotten() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let rules = format!("{TWO}\nguardrails: [{{path: r.wasm, digest: '{digest}'}}]");
    let files = [("kits/a/x.yaml", SERVICE), ("r.wasm", "one")];
    let mut platform = Platform::new(&rules, &files);
    platform.evaluate();
    let mut second = Evaluator::new(platform.plugins.clone(), NonZeroUsize::MIN);
    let snapshot = Snapshot::of_directory(platform.root()).expect("a snapshot");
    let evaluated = second.evaluate(&snapshot, &platform.spec, &AtomicBool::new(false));
    assert!(matches!(evaluated, Ok(Ok(_))));
    assert_eq!(platform.plugins.loaded(), 1);
    platform.write("r.wasm", "two");
    platform.evaluate();
    assert_eq!(
        platform.plugins.loaded(),
        2,
        "the second still has the first"
    );
    drop(second);
    assert_eq!(platform.plugins.loaded(), 1);
    let plugins = platform.plugins.clone();
    drop(platform);
    assert_eq!(plugins.loaded(), 0);
}
