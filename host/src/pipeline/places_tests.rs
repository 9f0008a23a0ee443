//! Where a finding about what Kustomize or Helm made points.

use super::*;
use crate::manifest::{Finding, Manifest};

/// `path:line` of each field of an object.
fn places(evaluation: &Evaluation, kind: &str, pointers: &[&str]) -> Vec<String> {
    let manifests = &evaluation.verdicts[0].rendered.manifests;
    let of_kind = |it: &&Manifest| &*it.key().group_kind.kind == kind;
    let found = manifests.iter().find(of_kind);
    let manifest = found.unwrap_or_else(|| panic!("{:?}", told(evaluation)));
    let place = |pointer: &&str| {
        let finding = gate::at(manifest, pointer, Finding::host_error("kustomize", ""));
        finding.origin.expect("a place").to_string()
    };
    pointers.iter().map(place).collect()
}

#[test]
fn what_kustomize_built_is_found_in_the_base_and_what_it_changed_where_it_says_so() {
    let service = "# Shared.\n\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels:\n    tier: front\nspec:\n  type: ClusterIP\n  ports:\n  - name: http\n    port: 80\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - name: web\n        image: web\n        env:\n        - name: A\n          value: b\n";
    let overlay = "namespace: acme
namePrefix: shop-
resources:
- ../../base
images:
- name: web
  newName: example.org/web
  newTag: v2
replicas:
- name: web
  count: 3
labels:
- pairs:
    team: front
patches:
- path: port.yaml
- target: {kind: Deployment}
  patch: |
    - op: replace
      path: /spec/template/spec/containers/0/env/0/value
      value: other
";
    let port = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n  type: NodePort\n";
    let platform = Platform::new(
        KITS,
        &[
            ("kits/shop/kustomization.yaml", overlay),
            ("kits/shop/port.yaml", port),
            (
                "base/kustomization.yaml",
                "resources: [all.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [a=b]\n",
            ),
            ("base/all.yaml", &format!("{service}---\n{deployment}")),
        ],
    );
    let evaluation = platform.fresh();
    let own = |line: u32| format!("kits/shop/kustomization.yaml:{line}");
    let base = |line: u32| format!("base/all.yaml:{line}");
    let service = [
        ("/kind", base(4)),
        ("/metadata/name", own(2)),
        ("/metadata/namespace", own(1)),
        ("/metadata/labels/tier", base(8)),
        ("/metadata/labels/team", own(14)),
        ("/spec/ports/0/port", base(13)),
        ("/spec/ports/0/targetPort", "kits/shop/port.yaml:8".into()),
        ("/spec/type", "kits/shop/port.yaml:9".into()),
    ];
    let deployment = [
        ("/spec/replicas", own(11)),
        ("/spec/template/spec/containers/0/name", base(28)),
        ("/spec/template/spec/containers/0/image", own(8)),
        ("/spec/template/spec/containers/0/env/0/name", base(31)),
        ("/spec/template/spec/containers/0/env/0/value", own(18)),
    ];
    let generated = [("/data/a", "base/kustomization.yaml:3".to_owned())];
    for (kind, expected) in [
        ("Service", &service[..]),
        ("Deployment", &deployment[..]),
        ("ConfigMap", &generated[..]),
    ] {
        let pointers: Vec<&str> = expected.iter().map(|it| it.0).collect();
        for (found, (pointer, place)) in places(&evaluation, kind, &pointers).iter().zip(expected) {
            assert_eq!(found, place, "{kind} {pointer}");
        }
    }
}

#[test]
fn what_helm_made_is_found_in_the_template_and_what_values_made_in_the_values() {
    let template = "{{- if .Values.enabled }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-web
  labels:
    {{- include \"web.labels\" . | nindent 4 }}
spec:
  type: {{ .Values.service.type | quote }}
  ports:
  {{- range .Values.ports }}
  - name: p{{ . }}
    port: {{ . }}
  {{- end }}
  - name: admin
    port: {{ .Values.admin }}
    targetPort: 9000
{{- end }}
";
    let helpers = "{{- define \"web.labels\" -}}\napp: web\ntier: front\n{{- end }}\n";
    let kit = "apiVersion: trimtab.io/v1alpha1
kind: Kit
metadata: {name: shop}
spec:
  helm:
    chart: /charts/web
    valuesFiles: [values.yaml]
    values:
      admin: 9443
";
    let platform = Platform::new(
        KITS,
        &[
            ("kits/shop/kit.yaml", kit),
            ("kits/shop/values.yaml", "service:\n  type: NodePort\n"),
            (
                "charts/web/Chart.yaml",
                "apiVersion: v2\nname: web\nversion: 1.0.0\n",
            ),
            (
                "charts/web/values.yaml",
                "enabled: true\nadmin: 1\nservice: {type: ClusterIP}\nports: [80, 81]\n",
            ),
            ("charts/web/templates/service.yaml", template),
            ("charts/web/templates/_helpers.tpl", helpers),
            (
                "charts/web/charts/sub/Chart.yaml",
                "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
            ),
            ("charts/web/charts/sub/values.yaml", "key: of-sub\n"),
            (
                "charts/web/charts/sub/templates/map.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\ndata:\n  a: {{ .Values.key }}\n",
            ),
        ],
    );
    let evaluation = platform.fresh();
    let of = |line: u32| format!("charts/web/templates/service.yaml:{line}");
    let service = [
        ("/kind", of(3)),
        ("/metadata/name", of(5)),
        ("/metadata/labels/tier", of(6)),
        ("/spec/type", "kits/shop/values.yaml:2".into()),
        ("/spec/ports/0/port", of(13)),
        ("/spec/ports/1/name", of(12)),
        ("/spec/ports/2/port", "kits/shop/kit.yaml:9".into()),
        ("/spec/ports/2/targetPort", of(17)),
    ];
    let map = [("/data/a", "charts/web/charts/sub/values.yaml:1".to_owned())];
    for (kind, expected) in [("Service", &service[..]), ("ConfigMap", &map[..])] {
        let pointers: Vec<&str> = expected.iter().map(|it| it.0).collect();
        for (found, (pointer, place)) in places(&evaluation, kind, &pointers).iter().zip(expected) {
            assert_eq!(found, place, "{kind} {pointer}");
        }
    }
}
