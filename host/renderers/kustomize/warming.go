package main

// warming is what the snapshot has built before it is taken: something of all that kustomizations have most.
var warming = map[string]string{
	"base/kustomization.yaml": `
resources: [deployment.yaml, service.yaml]
configMapGenerator:
- name: settings
  literals: [mode=quick]
secretGenerator:
- name: keys
  literals: [key=none]
generatorOptions:
  labels: {made: by}
`,
	"base/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: example.org/web:1
        ports:
        - containerPort: 8080
        envFrom:
        - configMapRef: {name: settings}
        - secretRef: {name: keys}
        resources:
          requests: {cpu: 100m, memory: 64Mi}
`,
	"base/service.yaml": `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - port: 80
    targetPort: 8080
`,
	"component/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- target: {kind: Service}
  patch: |-
    - op: replace
      path: /spec/ports/0/port
      value: 81
`,
	"overlay/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../base]
components: [../component]
namespace: shop
namePrefix: a-
nameSuffix: -z
commonAnnotations: {team: front}
labels:
- pairs: {tier: front}
  includeSelectors: true
images:
- name: example.org/web
  newTag: "2"
replicas:
- name: web
  count: 2
patches:
- path: patch.yaml
replacements:
- source: {kind: Service, name: web, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: [spec.template.metadata.annotations.service]
    options: {create: true}
`,
	"overlay/patch.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        env:
        - name: MODE
          value: quick
`,
}
