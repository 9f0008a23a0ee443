//! A repository of Flux's usual layout.

use super::super::trial::Checkout;

const GOTK: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: flux-system
  labels: {app.kubernetes.io/part-of: flux}
";
pub(super) const SYNC: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 1m0s
  url: ssh://git@git.example.org/platform.git
  ref: {branch: main}
  secretRef: {name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./clusters/production
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
";
const INFRASTRUCTURE: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: controllers, namespace: flux-system}
spec:
  interval: 1h
  dependsOn: [{name: flux-system}]
  path: ./infrastructure/controllers
  prune: true
  wait: true
  sourceRef: {kind: GitRepository, name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: configs, namespace: flux-system}
spec:
  interval: 1h
  dependsOn: [{name: controllers}]
  path: ./infrastructure/configs
  prune: false
  sourceRef: {kind: GitRepository, name: flux-system}
";
const APPS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  interval: 10m0s
  timeout: 3m0s
  dependsOn: [{name: configs}, {name: releases}]
  path: ./apps/production
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  images: [{name: podinfo, newTag: 2.0.0}]
  commonMetadata:
    labels: {stage: production}
  patches:
  - patch: |
      - op: add
        path: /spec/paused
        value: true
    target: {kind: Deployment}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: releases, namespace: flux-system}
spec:
  interval: 10m0s
  dependsOn: [{name: controllers}]
  path: ./releases
  prune: true
  wait: true
  sourceRef: {kind: GitRepository, name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: demo, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./apps/demo
  prune: true
  targetNamespace: demo
  sourceRef: {kind: GitRepository, name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: preview, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./apps/demo
  prune: true
  targetNamespace: preview
  namePrefix: next-
  sourceRef: {kind: GitRepository, name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: team, namespace: team}
spec:
  interval: 10m0s
  path: ./tenants/team
  prune: true
  targetNamespace: team
  serviceAccountName: deployer
  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: secrets, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./secrets
  prune: true
  decryption: {provider: sops}
  sourceRef: {kind: GitRepository, name: flux-system}
";
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: podinfo}
spec:
  replicas: 1
  selector: {matchLabels: {app: podinfo}}
  template:
    metadata: {labels: {app: podinfo}}
    spec: {containers: [{name: podinfo, image: 'podinfo:1.0.0'}]}
";
const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: web}
spec:
  interval: 10m
  chart:
    spec:
      chart: ./charts/web
      reconcileStrategy: Revision
      sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}
      valuesFiles: [./charts/web/values.yaml, ./charts/web/production.yaml]
  install: {createNamespace: true}
  driftDetection:
    mode: enabled
    ignore: [{paths: [/spec/ports], target: {kind: Service}}]
  values: {port: 5445}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: remote, namespace: web}
spec:
  interval: 10m
  chart:
    spec:
      chart: remote
      sourceRef: {kind: HelmRepository, name: charts}
";
const SERVICE: &str = "apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-{{ .Values.name }}
spec:
  ports: [{port: {{ .Values.port }}}]
";

pub(super) fn config(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: infrastructure}}\n"
    )
}

pub(super) fn repository() -> Checkout {
    let clone = Checkout::of(&[
        ("clusters/production/flux-system/gotk-components.yaml", GOTK),
        ("clusters/production/flux-system/gotk-sync.yaml", SYNC),
        (
            "clusters/production/flux-system/kustomization.yaml",
            "resources: [gotk-components.yaml, gotk-sync.yaml]\n",
        ),
        ("clusters/production/infrastructure.yaml", INFRASTRUCTURE),
        ("clusters/production/apps.yaml", APPS),
        ("apps/base/podinfo/deployment.yaml", DEPLOYMENT),
        (
            "apps/base/podinfo/kustomization.yaml",
            "namespace: podinfo\nresources: [deployment.yaml]\n",
        ),
        (
            "apps/production/kustomization.yaml",
            "resources: [../base/podinfo]\npatches: [{path: replicas.yaml}]\n",
        ),
        (
            "apps/production/replicas.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: podinfo}\nspec: {replicas: 3}\n",
        ),
        ("releases/web.yaml", RELEASE),
        (
            "charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("charts/web/values.yaml", "name: web\nport: 80\n"),
        ("charts/web/production.yaml", "name: production\n"),
        ("charts/web/templates/service.yaml", SERVICE),
        (
            "secrets/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n",
        ),
    ]);
    clone.write("infrastructure/controllers/a.yaml", &config("controller"));
    clone.write("infrastructure/configs/a.yaml", &config("config"));
    clone.write("infrastructure/configs/more/b.yaml", &config("more"));
    let plain = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: demo}\n";
    clone.write("apps/demo/a.yaml", plain);
    clone.write("apps/demo/kustomization.yaml", "resources: [a.yaml]\n");
    clone.write("tenants/team/a.yaml", plain);
    clone.write("tenants/team/kustomization.yaml", "resources: [a.yaml]\n");
    clone
}
