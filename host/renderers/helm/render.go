// The renderer of charts: Helm's own loader and engine over the repository's tree, and the steps of `helm template`
// that live in its command. README.md, a folder above, has the interface.
package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"trimtab.io/renderers/guest"

	// Zones of dates are read from files elsewhere.
	_ "time/tzdata"
)

// Request is what the host asks for.
type Request struct {
	Chart        string       `json:"chart"`
	Release      string       `json:"release"`
	Namespace    string       `json:"namespace"`
	Values       []Values     `json:"values"`
	Set          []string     `json:"set"`
	Capabilities Capabilities `json:"capabilities"`

	IncludeCRDs          bool `json:"includeCRDs"`
	IsUpgrade            bool `json:"isUpgrade"`
	SkipSchemaValidation bool `json:"skipSchemaValidation"`
}

// Values is a file of the repository, or a text.
type Values struct {
	Path string `json:"path"`
	YAML string `json:"yaml"`
	Name string `json:"name"`
}

// Capabilities is what the platform says of its clusters.
type Capabilities struct {
	KubeVersion string   `json:"kubeVersion"`
	APIVersions []string `json:"apiVersions"`
}

// Rendered is the answer, in the order in which `helm template` prints.
type Rendered struct {
	Manifests  []Manifest `json:"manifests"`
	Notes      string     `json:"notes"`
	Deprecated bool       `json:"deprecated"`
}

// Manifest is one document.
type Manifest struct {
	Source string `json:"source"`
	YAML   string `json:"yaml"`
	Kind   string `json:"kind"`
	Hook   *Hook  `json:"hook,omitempty"`
}

// Hook is what annotations say of a manifest.
type Hook struct {
	Name           string   `json:"name"`
	Events         []string `json:"events"`
	Weight         int      `json:"weight"`
	DeletePolicies []string `json:"deletePolicies"`
}

// prepare makes what the first template makes: functions, and the patterns of regular expressions.
func prepare() {
	files := map[string]string{
		"Chart.yaml":       "apiVersion: v2\nname: a\nversion: 1.0.0\n",
		"templates/a.yaml": "a: {{ .Values.a | default dict | toYaml | nindent 2 }}\n",
	}
	loaded, err := inMemory(files)
	if err == nil {
		render := &rendering{request: Request{Release: "a", Namespace: "a"}}
		_, err = render.chart(loaded, map[string]any{})
	}
	if err != nil {
		panic(err)
	}
}

func render(text []byte) any {
	var request Request
	if fault := guest.Read(text, &request); fault != nil {
		return fault
	}
	render := &rendering{request: request, tree: guest.NewTree()}
	rendered, err := render.run()
	if err != nil {
		return render.fault(err)
	}
	return rendered
}

type rendering struct {
	request Request
	tree    *guest.Tree
	// reached is the first function that a template called and that is none of its input alone.
	reached string
}

func (render *rendering) run() (*Rendered, error) {
	values, err := render.values()
	if err != nil {
		return nil, err
	}
	loaded, err := load(render.tree, path.Join(guest.Mount, render.request.Chart))
	if err != nil {
		return nil, err
	}
	return render.chart(loaded, values)
}

// chart does what `helm template` does, in its order: so that of two faults the same is told.
func (render *rendering) chart(loaded *chart.Chart, values map[string]any) (*Rendered, error) {
	request := render.request
	capabilities, err := request.Capabilities.merged()
	if err != nil {
		return nil, err
	}
	if err := installable(loaded); err != nil {
		return nil, err
	}
	if err := chartutil.ValidateReleaseName(request.Release); err != nil {
		return nil, fmt.Errorf("release name %q: %w", request.Release, err)
	}
	if err := chartutil.ProcessDependencies(loaded, values); err != nil {
		return nil, fmt.Errorf("the chart's dependencies: %w", err)
	}
	options := common.ReleaseOptions{
		Name:      request.Release,
		Namespace: request.Namespace,
		Revision:  1,
		IsInstall: !request.IsUpgrade,
		IsUpgrade: request.IsUpgrade,
	}
	top, err := util.ToRenderValuesWithSchemaValidation(loaded, values, options, capabilities, request.SkipSchemaValidation)
	if err != nil {
		return nil, err
	}
	wanted, there := loaded.Metadata.KubeVersion, capabilities.KubeVersion
	if wanted != "" && !chartutil.IsCompatibleRange(wanted, there.String()) {
		return nil, fmt.Errorf("the chart wants Kubernetes %s, and the platform's is %s", wanted, there.Version)
	}
	engine := engine.Engine{CustomTemplateFuncs: render.functions()}
	files, err := engine.RenderWithContext(context.Background(), loaded, top)
	if err != nil {
		return nil, err
	}
	return sorted(loaded, files, request.IncludeCRDs)
}

func (capabilities Capabilities) merged() (*common.Capabilities, error) {
	merged := common.DefaultCapabilities.Copy()
	if capabilities.KubeVersion != "" {
		version, err := common.ParseKubeVersion(capabilities.KubeVersion)
		if err != nil {
			return nil, fmt.Errorf("capabilities.kubeVersion %q: %w", capabilities.KubeVersion, err)
		}
		merged.KubeVersion = *version
	}
	merged.APIVersions = append(merged.APIVersions[:len(merged.APIVersions):len(merged.APIVersions)], capabilities.APIVersions...)
	return merged, nil
}

// installable checks the chart's type, and that what it depends on is there.
func installable(loaded *chart.Chart) error {
	if kind := loaded.Metadata.Type; kind != "" && kind != "application" {
		return fmt.Errorf("a chart of the type %s gives no manifests by itself", kind)
	}
	there := map[string]bool{}
	for _, dependency := range loaded.Dependencies() {
		there[dependency.Name()] = true
	}
	var missing []string
	for _, dependency := range loaded.Metadata.Dependencies {
		if !there[dependency.Name] {
			missing = append(missing, dependency.Name)
		}
	}
	if len(missing) > 0 {
		return &missingCharts{missing}
	}
	return nil
}

// missingCharts are dependencies that are not in charts/.
type missingCharts struct{ names []string }

func (missing *missingCharts) Error() string {
	return "Chart.yaml names dependencies that are not in charts/: " + strings.Join(missing.names, ", ")
}

func sorted(loaded *chart.Chart, files map[string]string, includeCRDs bool) (*Rendered, error) {
	rendered := &Rendered{Manifests: []Manifest{}, Deprecated: loaded.Metadata.Deprecated}
	for name, text := range files {
		if !strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		if name == path.Join(loaded.Name(), "templates", "NOTES.txt") {
			rendered.Notes = text
		}
		delete(files, name)
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	if includeCRDs {
		for _, crd := range loaded.CRDObjects() {
			rendered.add(Manifest{Source: crd.Filename, YAML: string(crd.File.Data), Kind: "crd"})
		}
	}
	for _, manifest := range manifests {
		rendered.add(Manifest{Source: manifest.Name, YAML: manifest.Content, Kind: "manifest"})
	}
	for _, hook := range hooks {
		about := &Hook{Name: hook.Name, Events: []string{}, Weight: hook.Weight, DeletePolicies: []string{}}
		for _, event := range hook.Events {
			about.Events = append(about.Events, event.String())
		}
		for _, policy := range hook.DeletePolicies {
			about.DeletePolicies = append(about.DeletePolicies, string(policy))
		}
		rendered.add(Manifest{Source: hook.Path, YAML: hook.Manifest, Kind: "hook", Hook: about})
	}
	for _, manifest := range rendered.Manifests {
		// JSON cannot carry it, and neither can the API server read it.
		if !utf8.ValidString(manifest.YAML) {
			return nil, fmt.Errorf("%s is not in UTF-8", manifest.Source)
		}
	}
	return rendered, nil
}

func (rendered *Rendered) add(manifest Manifest) {
	rendered.Manifests = append(rendered.Manifests, manifest)
}
