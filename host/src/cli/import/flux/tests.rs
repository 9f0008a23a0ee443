//! A repository of Flux's usual layout, and the same objects from Trimtab.

use proptest::prelude::*;
use serde_json::json;

use super::super::files::State;
use super::super::trial::{Checkout, field, hostile, objects, odd};
use super::fixture::{SYNC, config, repository};
use super::import;

#[test]
fn the_kits_of_a_flux_repository_are_what_flux_applied() {
    let clone = repository();
    let imported = clone.import(import, &["clusters/production"]);
    let evaluation = clone.evaluate(&imported);
    let expected = json!({
        "infrastructure/controllers": ["ConfigMap infrastructure/controller"],
        "kits/apps": ["Deployment podinfo/podinfo"],
        "kits/configs": ["ConfigMap infrastructure/config", "ConfigMap infrastructure/more"],
        "kits/demo": ["ConfigMap demo/demo"],
        "kits/preview": ["ConfigMap preview/next-demo"],
        "kits/releases": ["HelmRelease web/remote"],
        "charts/web": ["Service web/web-production"],
        "kits/team": ["ConfigMap team/demo"],
    });
    assert_eq!(json!(objects(&evaluation)), expected);

    let of = |pointer| field(&evaluation, "kits/apps", "Deployment podinfo", pointer);
    assert_eq!(of("/spec/replicas"), 3);
    assert_eq!(of("/spec/paused"), true);
    assert_eq!(
        of("/spec/template/spec/containers/0/image"),
        "podinfo:2.0.0"
    );
    assert_eq!(of("/metadata/labels"), json!({"stage": "production"}));
    // Flux labels the objects themselves and not the pods that they make.
    let pods = of("/spec/template/metadata/labels");
    assert_eq!(pods, json!({"app": "podinfo"}));
    let port = field(
        &evaluation,
        "charts/web",
        "Service web-production",
        "/spec/ports/0/port",
    );
    assert_eq!(port, 5445);
    // `prune: false`.
    let kept = "/metadata/annotations/trimtab.io~1prune";
    assert_eq!(
        field(&evaluation, "kits/configs", "ConfigMap more", kept),
        "keep"
    );
}

#[test]
fn kits_wait_for_what_flux_waited_for_and_have_its_rights() {
    let clone = repository();
    let imported = clone.import(import, &["clusters/production"]);
    let evaluation = clone.evaluate(&imported);
    let kit = |path: &str| {
        let mut all = evaluation.verdicts.iter().map(|it| &it.kit);
        all.find(|it| it.path.as_str() == path).expect("a kit")
    };
    let before = |path| {
        let paths = kit(path).depends_on.iter().map(ToString::to_string);
        paths.collect::<Vec<_>>()
    };
    // What only tells Flux what to do is no kit, and nobody waits for it.
    assert_eq!(before("infrastructure/controllers"), [""; 0]);
    assert_eq!(before("kits/configs"), ["infrastructure/controllers"]);
    // With `wait`, also for the release that the Kustomization brings.
    assert_eq!(
        before("kits/apps"),
        ["kits/configs", "charts/web", "kits/releases"]
    );
    assert_eq!(before("charts/web"), ["kits/releases"]);
    assert_eq!(kit("kits/apps").policy.health_deadline.as_secs(), 180);
    let team = &kit("kits/team").grants;
    let account = team.service_account.as_ref().expect("an account");
    assert_eq!(account.to_string(), "team/deployer");
    assert_eq!(team.allowed_namespaces, ["team"]);
    let web = &kit("charts/web");
    assert!(web.grants.create_namespace && !team.create_namespace);
    assert_eq!(web.policy.ignore[0].fields, ["/spec/ports"]);

    let repository = &imported.settled.repository;
    assert_eq!(repository["metadata"]["namespace"], "flux-system");
    let spec = &repository["spec"];
    assert_eq!(spec["url"], "ssh://git@git.example.org/platform.git");
    assert_eq!(spec["ref"], json!({"branch": "main"}));
    assert_eq!(spec["interval"], "1m0s");
    assert_eq!(spec["secretRef"], json!({"name": "flux-system"}));
}

#[test]
fn what_is_not_carried_over_is_told_at_its_line() {
    let clone = repository();
    let imported = clone.import(import, &["clusters/production"]);
    assert_eq!(
        imported.fields(),
        [
            "Kustomization flux-system/releases ",
            "Kustomization flux-system/secrets /spec/decryption",
            "Kustomization flux-system/configs ",
            "HelmRelease web/remote /spec/chart",
        ]
    );
    let secrets = &imported.left[1];
    let origin = secrets.origin.as_ref().expect("a place").to_string();
    assert_eq!(origin, "clusters/production/apps.yaml:71");
    assert!(secrets.why.contains("decrypted"), "{}", secrets.why);
    assert!(!imported.rules().iter().any(|it| it.contains("secrets")));
}

#[test]
fn what_flux_reads_and_the_host_would_not_is_read_and_the_other_way_round() {
    let clone = Checkout::of(&[
        ("flux/sync.yaml", SYNC),
        (
            "flux/apps.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: built, namespace: flux-system}
spec: {path: ./built, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: plain, namespace: flux-system}
spec: {path: ./plain, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
",
        ),
        ("clusters/production/sync.yaml", SYNC),
        ("built/kustomization.yaml", "resources: [../shared.yaml]\n"),
        ("plain/board.json", "{\"title\": \"a\"}"),
    ]);
    clone.write("shared.yaml", &config("shared"));
    clone.write("plain/a.yaml", &config("a"));
    let imported = clone.import(import, &["flux"]);
    let expected = json!({
        "built": ["ConfigMap infrastructure/shared"],
        "plain": ["ConfigMap infrastructure/a"],
    });
    assert_eq!(json!(objects(&clone.evaluate(&imported))), expected);
    assert_eq!(imported.left, []);
}

#[test]
fn a_second_import_changes_nothing_and_a_file_that_says_something_else_is_left() {
    let clone = repository();
    let first = clone.import(import, &["clusters/production"]);
    assert!(first.states.values().all(|it| *it == State::Written));
    let again = clone.import(import, &["clusters/production"]);
    assert_eq!(again.settled.repository, first.settled.repository);
    assert!(again.states.values().all(|it| *it == State::Same));

    let own = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: web}\nspec: {drift: report}\n";
    clone.write("charts/web/kit.yaml", own);
    let third = clone.import(import, &["clusters/production"]);
    assert_eq!(third.states["charts/web/kit.yaml"], State::Conflict);
    assert_eq!(clone.read("charts/web/kit.yaml"), own);
    let conflict = third.left.last().expect("it is told");
    assert_eq!(conflict.object, "charts/web/kit.yaml");
}

#[test]
fn variables_and_values_from_the_cluster_are_named_in_the_repository() {
    let kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./apps
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild:
    substitute: {cluster: production}
    substituteFrom:
    - {kind: ConfigMap, name: vars}
    - {kind: Secret, name: vars, optional: true}
";
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: flux-system}
spec:
  chart: {spec: {chart: charts/web, sourceRef: {kind: GitRepository, name: flux-system}}}
  driftDetection: {mode: enabled}
  valuesFrom:
  - {kind: Secret, name: values, valuesKey: web.yaml}
  - {kind: ConfigMap, name: one, targetPath: a.b}
";
    let clone = Checkout::of(&[
        ("flux/sync.yaml", SYNC),
        ("flux/apps.yaml", kustomization),
        ("flux/web.yaml", release),
        ("clusters/production/a.yaml", SYNC),
        (
            "apps/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: a}\n",
        ),
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
    ]);
    let imported = clone.import(import, &["flux"]);
    let values = &imported.settled.repository["spec"]["values"];
    assert_eq!(
        *values,
        json!([
            {"name": "values", "secretRef": {"name": "values"}, "key": "web.yaml", "kits": ["charts/web"]},
            {"name": "vars", "configMapRef": {"name": "vars"}, "kits": ["apps"]},
            {"name": "vars-secret", "secretRef": {"name": "vars"}, "optional": true, "kits": ["apps"]},
        ])
    );
    let apps = clone.read("apps/kit.yaml");
    let variables = "  variables:\n    from:\n    - vars\n    - vars-secret\n    values:\n      cluster: production\n";
    assert!(apps.contains(variables), "{apps}");
    let web = clone.read("charts/web/kit.yaml");
    assert!(web.contains("    valuesFrom:\n    - values\n"), "{web}");
    let field = "HelmRelease flux-system/web /spec/valuesFrom/1/targetPath";
    assert!(imported.fields().contains(&field.to_owned()));
}

#[test]
fn refs_are_followed_in_flux_s_order_and_ranges_are_written_as_cargo_reads_them() {
    for (text, range) in [
        (">=1.0.0 <2.0.0", Some(">=1.0.0, <2.0.0")),
        (">= 1.2, < 2", Some(">=1.2, <2")),
        ("~1.2", Some("~1.2")),
        ("1.x", Some("1.x")),
        ("1.2.3", Some("=1.2.3")),
        ("1.x || 2.x", None),
    ] {
        assert_eq!(super::range_of(text).as_deref(), range, "{text}");
    }
    for (reference, expected) in [
        ("{branch: a, tag: v1}", json!({"tag": "v1"})),
        ("{tag: v1, semver: '1.x'}", json!({"semver": "1.x"})),
        ("{tag: v1, name: refs/heads/b}", json!({"branch": "b"})),
        ("{branch: a, commit: abc}", json!({"commit": "abc"})),
    ] {
        let clone = repository();
        let sync = SYNC.replace("{branch: main}", reference);
        clone.write("clusters/production/flux-system/gotk-sync.yaml", &sync);
        let imported = clone.import(import, &["clusters/production"]);
        assert_eq!(imported.settled.repository["spec"]["ref"], expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_field_says_only_kits_files_in_the_clone_are_written(
        choice in any::<usize>(), value in odd()
    ) {
        let clone = repository();
        for path in ["clusters/production/apps.yaml", "clusters/production/flux-system/gotk-sync.yaml", "releases/web.yaml"] {
            let all = format!("{SYNC}---\n{}", clone.read(path));
            clone.write("all.yaml", &all);
            hostile(&clone, import, "all.yaml", choice, &value);
        }
    }
}
