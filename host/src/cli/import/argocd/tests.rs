//! A repository of Argo CD's usual layout, and the same objects from Trimtab.

use proptest::prelude::*;
use serde_json::json;

use super::super::trial::{Checkout, field, hostile, objects, odd};
use super::application::image;
use super::import;

const ROOT: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, namespace: argocd}
spec:
  project: default
  source:
    repoURL: https://git.example.org/platform.git
    path: apps
    targetRevision: main
  destination: {server: 'https://kubernetes.default.svc', namespace: argocd}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
";
const APPS: &str = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: guestbook, namespace: argocd}
spec:
  project: default
  source:
    repoURL: https://git.example.org/platform
    path: manifests/guestbook
    targetRevision: main
    directory: {exclude: 'draft.yaml'}
  destination: {server: 'https://kubernetes.default.svc', namespace: guestbook}
  ignoreDifferences:
  - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas], jqPathExpressions: ['.spec.template.spec.containers[].image']}
  syncPolicy:
    automated: {prune: true}
    syncOptions: [CreateNamespace=true, PrunePropagationPolicy=foreground, Replace=true]
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source:
    repoURL: https://git.example.org/platform.git
    path: overlays/shop
    targetRevision: main
    kustomize:
      namePrefix: eu-
      images: ['shop=registry.example.org/shop:2']
      commonLabels: {region: eu}
      labelWithoutSelector: true
  destination: {name: in-cluster, namespace: shop}
  syncPolicy: {automated: {selfHeal: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: store, namespace: argocd}
spec:
  project: default
  source:
    repoURL: https://git.example.org/platform.git
    path: charts/web
    targetRevision: main
    helm:
      valueFiles: [eu.yaml]
      values: 'port: 81'
      parameters: [{name: port, value: '5445'}, {name: labels.tier, value: front}]
  destination: {server: 'https://kubernetes.default.svc', namespace: store}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: elsewhere, namespace: argocd}
spec:
  source: {repoURL: 'https://git.example.org/platform.git', path: manifests/guestbook, targetRevision: main}
  destination: {server: 'https://other.example.org', namespace: guestbook}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: remote, namespace: argocd}
spec:
  source: {repoURL: 'https://charts.example.org', chart: remote, targetRevision: 1.0.0}
  destination: {server: 'https://kubernetes.default.svc', namespace: remote}
";
const SET: &str = "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: tenants, namespace: argocd}
spec:
  goTemplate: true
  generators:
  - git:
      repoURL: https://git.example.org/platform.git
      revision: main
      directories: [{path: tenants/*}]
  template:
    metadata: {name: 'tenant-{{.path.basename}}'}
    spec:
      project: default
      source: {repoURL: 'https://git.example.org/platform.git', targetRevision: main, path: '{{.path.path}}'}
      destination: {server: 'https://kubernetes.default.svc', namespace: 'tenant-{{.path.basename}}'}
      syncPolicy:
        automated: {prune: true, selfHeal: true}
        syncOptions: [CreateNamespace=true]
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: files, namespace: argocd}
spec:
  generators: [{git: {repoURL: 'https://git.example.org/platform.git', files: [{path: '*/config.json'}]}}]
  template: {metadata: {name: a}, spec: {}}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: stages, namespace: argocd}
spec:
  generators:
  - list: {elements: [{stage: dev, replicas: 1}, {stage: test, replicas: 2}]}
  template:
    metadata: {name: 'web-{{stage}}'}
    spec:
      source:
        repoURL: https://git.example.org/platform.git
        targetRevision: main
        path: overlays/shop
        kustomize: {namespace: 'web-{{stage}}'}
      destination: {server: 'https://kubernetes.default.svc', namespace: 'web-{{stage}}'}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
";
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  annotations: {argocd.argoproj.io/sync-wave: '5'}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'shop:1'}]}
";
const SERVICE: &str = "apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-{{ .Values.name }}
  labels: {tier: {{ .Values.labels.tier }}}
spec:
  ports: [{port: {{ .Values.port }}}]
";

fn config(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

fn repository() -> Checkout {
    let clone = Checkout::of(&[
        ("root.yaml", ROOT),
        ("apps/apps.yaml", APPS),
        ("apps/set.yaml", SET),
        ("overlays/shop/kustomization.yaml", "resources: [a.yaml]\n"),
        ("overlays/shop/a.yaml", DEPLOYMENT),
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("charts/web/values.yaml", "name: web\nport: 80\n"),
        ("charts/web/eu.yaml", "name: eu\n"),
        ("charts/web/templates/service.yaml", SERVICE),
    ]);
    for path in [
        "manifests/guestbook/a.yaml",
        "manifests/guestbook/draft.yaml",
        "manifests/guestbook/deeper/b.yaml",
        "tenants/acme/a.yaml",
        "tenants/blue/a.yaml",
    ] {
        let name = path.rsplit('/').next().unwrap_or_default();
        clone.write(path, &config(name.trim_end_matches(".yaml")));
    }
    clone.write(
        "manifests/guestbook/c.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shared}\n",
    );
    clone
}

#[test]
fn the_kits_of_an_argo_cd_repository_are_what_argo_cd_applied() {
    let clone = repository();
    let imported = clone.import(import, &["root.yaml"]);
    let evaluation = clone.evaluate(&imported);
    let expected = json!({
        "manifests/guestbook": ["ConfigMap guestbook/a", "ConfigMap shared/c"],
        "kits/shop": ["Deployment shop/eu-shop"],
        "charts/web": ["Service store/store-eu"],
        "tenants/acme": ["ConfigMap tenant-acme/a"],
        "tenants/blue": ["ConfigMap tenant-blue/a"],
        "kits/web-dev": ["Deployment web-dev/shop"],
        "kits/web-test": ["Deployment web-test/shop"],
    });
    assert_eq!(json!(objects(&evaluation)), expected);

    let shop = |pointer| field(&evaluation, "kits/shop", "Deployment eu-shop", pointer);
    let image = shop("/spec/template/spec/containers/0/image");
    assert_eq!(image, "registry.example.org/shop:2");
    assert_eq!(shop("/metadata/labels"), json!({"region": "eu"}));
    assert_eq!(shop("/spec/selector/matchLabels"), json!({"app": "shop"}));
    // It is not pruned, and drift of it is put right.
    assert_eq!(shop("/metadata/annotations/trimtab.io~1prune"), "keep");
    let service = |pointer| field(&evaluation, "charts/web", "Service store-eu", pointer);
    assert_eq!(service("/spec/ports/0/port"), 5445);
    assert_eq!(service("/metadata/labels/tier"), "front");

    let kit = |path: &str| {
        let mut all = evaluation.verdicts.iter().map(|it| &it.kit);
        all.find(|it| it.path.as_str() == path).expect("a kit")
    };
    let guestbook = kit("manifests/guestbook");
    assert!(guestbook.grants.create_namespace);
    assert!(!kit("charts/web").grants.create_namespace);
    let drift = |path| format!("{:?}", kit(path).policy.drift);
    assert_eq!(drift("manifests/guestbook"), "Report");
    assert_eq!(drift("kits/shop"), "Correct");
    let ignored = &guestbook.policy.ignore[0];
    assert_eq!(ignored.kind.as_deref(), Some("Deployment.apps"));
    let fields = ["/spec/replicas", "/spec/template/spec/containers/*/image"];
    assert_eq!(ignored.fields, fields);
}

#[test]
fn a_set_of_directories_is_one_pattern_and_a_new_directory_is_a_kit() {
    let clone = repository();
    let imported = clone.import(import, &["root.yaml"]);
    clone.write("tenants/green/a.yaml", &config("new"));
    let objects = objects(&clone.evaluate(&imported));
    assert_eq!(objects["tenants/green"], ["ConfigMap tenant-green/new"]);
    let patterns: Vec<String> = imported
        .rules()
        .into_iter()
        .filter(|it| it.contains("tenants/"))
        .collect();
    let [pattern] = &patterns[..] else {
        panic!("{patterns:?}");
    };
    assert!(pattern.contains("\"path\":\"tenants/{name}\""), "{pattern}");
}

#[test]
fn exceptions_of_a_set_are_directories_one_by_one_and_new_ones_are_told_of() {
    let clone = repository();
    let set = SET.replace(
        "[{path: tenants/*}]",
        "[{path: tenants/*}, {path: tenants/blue, exclude: true}]",
    );
    clone.write("apps/set.yaml", &set);
    let imported = clone.import(import, &["root.yaml"]);
    let objects = objects(&clone.evaluate(&imported));
    assert!(objects.contains_key("tenants/acme") && !objects.contains_key("tenants/blue"));
    let field = "ApplicationSet argocd/tenants /spec/generators".to_owned();
    assert!(imported.fields().contains(&field), "{:?}", imported.left);
}

#[test]
fn what_is_not_carried_over_is_told() {
    let clone = repository();
    let imported = clone.import(import, &["root.yaml"]);
    let mut fields = imported.fields();
    fields.sort();
    assert_eq!(
        fields,
        [
            "Application argocd/elsewhere /spec/destination/server",
            "Application argocd/guestbook /spec/syncPolicy/syncOptions/2",
            "Application argocd/remote /spec/source/chart",
            "ApplicationSet argocd/files /spec/generators/0",
            "Deployment shop /metadata/annotations/argocd.argoproj.io~1sync-wave",
        ]
    );
}

#[test]
fn images_are_read_as_kustomize_edit_reads_them() {
    for (text, expected) in [
        ("shop:2", json!({"name": "shop", "newTag": "2"})),
        (
            "shop=registry.example.org:5000/shop",
            json!({"name": "shop", "newName": "registry.example.org:5000/shop"}),
        ),
        (
            "shop=other:2@sha256:ab",
            json!({"name": "shop", "newName": "other", "newTag": "2", "digest": "sha256:ab"}),
        ),
    ] {
        assert_eq!(image(text), expected, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_field_says_only_kits_files_in_the_clone_are_written(
        choice in any::<usize>(), value in odd()
    ) {
        let clone = repository();
        for path in ["apps/apps.yaml", "apps/set.yaml", "root.yaml"] {
            hostile(&clone, import, path, choice, &value);
        }
    }
}
