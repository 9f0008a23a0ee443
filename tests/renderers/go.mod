module trimtab.io/tests/renderers

go 1.26.0

// What the renderers are compared with.
tool (
	helm.sh/helm/v4/cmd/helm
	sigs.k8s.io/kustomize/kustomize/v5
)

require (
	helm.sh/helm/v4 v4.3.1
	sigs.k8s.io/kustomize/kustomize/v5 v5.8.2
)
