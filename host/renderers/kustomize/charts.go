package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	_ "unsafe" // For go:linkname.

	"sigs.k8s.io/kustomize/api/builtins"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	"sigs.k8s.io/yaml"
	"trimtab.io/renderers/guest"
)

// Chart is what `helm template` is to be asked for: the other renderer does it, for the host.
type Chart struct {
	Path        string   `json:"path"`
	Release     string   `json:"release"`
	Namespace   string   `json:"namespace"`
	Values      []string `json:"values"`
	KubeVersion string   `json:"kubeVersion"`
	APIVersions []string `json:"apiVersions"`
	IncludeCRDs bool     `json:"includeCRDs"`
	SkipHooks   bool     `json:"skipHooks"`
	SkipTests   bool     `json:"skipTests"`
}

// Charted is what became of it: what `helm template` prints.
type Charted struct {
	Chart Chart  `json:"chart"`
	YAML  string `json:"yaml"`
}

// Kustomize runs helm, the program. Its table of generators is the one place where another can be put, and it is not
// exported: its keys are numbers, and the one that counts is found by its type.
//
//go:linkname generatorFactories sigs.k8s.io/kustomize/api/internal/plugins/builtinhelpers.GeneratorFactories
var generatorFactories map[int]func() resmap.GeneratorPlugin

// useCharts has the charts of kustomizations looked up in what was rendered.
func useCharts(files *files) {
	for kind, factory := range generatorFactories {
		switch factory().(type) {
		case *builtins.HelmChartInflationGeneratorPlugin, *chartGenerator:
			generatorFactories[kind] = func() resmap.GeneratorPlugin { return &chartGenerator{files: files} }
		}
	}
}

// chartGenerator is Kustomize's HelmChartInflationGenerator without files of its own and without a program.
type chartGenerator struct {
	files *files
	h     *resmap.PluginHelpers
	types.HelmGlobals
	types.HelmChart
}

const (
	noChart   = "there is no chart at "
	noRelease = "a chart without releaseName gets another name each time"
)

func (p *chartGenerator) Config(h *resmap.PluginHelpers, config []byte) error {
	p.h = h
	if err := yaml.Unmarshal(config, p); err != nil {
		return err
	}
	if p.Name == "" {
		return errors.New("chart name cannot be empty")
	}
	for field, value := range map[string]string{"releaseName": p.ReleaseName, "chart name": p.Name} {
		if strings.HasPrefix(value, "-") {
			return fmt.Errorf("%s must not start with '-', got %q", field, value)
		}
	}
	if p.ChartHome == "" {
		p.ChartHome = types.HelmDefaultHome
	}
	if p.ValuesFile == "" {
		p.ValuesFile = path.Join(p.home(), p.Name, "values.yaml")
	}
	for _, file := range p.AdditionalValuesFiles {
		if _, err := p.h.Loader().Load(file); err != nil {
			return fmt.Errorf("could not load additionalValuesFile: %w", err)
		}
	}
	if p.ValuesMerge == "" {
		p.ValuesMerge = "override"
	}
	if merges := []string{"merge", "override", "replace"}; !slices.Contains(merges, p.ValuesMerge) {
		return fmt.Errorf("valuesMerge must be one of %v", merges)
	}
	return nil
}

func (p *chartGenerator) home() string {
	home := p.ChartHome
	if !path.IsAbs(home) {
		home = path.Join(p.h.Loader().Root(), home)
	}
	if p.Version != "" && p.Repo != "" {
		return path.Join(home, p.Name+"-"+p.Version)
	}
	return home
}

func (p *chartGenerator) Generate() (resmap.ResMap, error) {
	directory := path.Join(p.home(), p.Name)
	if !p.files.IsDir(directory) {
		if p.Repo == "" {
			return nil, fmt.Errorf("no repo specified for pull, no chart found at '%s'", directory)
		}
		return nil, fmt.Errorf("%s%s: %s of %s", noChart, directory, p.Name, p.Repo)
	}
	if p.ReleaseName == "" || p.NameTemplate != "" {
		return nil, errors.New(noRelease)
	}
	values, err := p.values()
	if err != nil {
		return nil, err
	}
	entry, err := p.files.tree.Find(directory)
	if err != nil {
		return nil, err
	}
	chart := Chart{
		Path:        strings.TrimPrefix(entry.Path, guest.Mount+"/"),
		Release:     p.ReleaseName,
		Namespace:   p.Namespace,
		Values:      values,
		KubeVersion: p.KubeVersion,
		APIVersions: p.ApiVersions,
		IncludeCRDs: p.IncludeCRDs,
		SkipHooks:   p.SkipHooks,
		SkipTests:   p.SkipTests,
	}
	text, known := p.files.charted(chart)
	if !known {
		return resmap.New(), nil
	}
	return p.objects(p.files.markedChart(chart, text))
}

// values are the texts of the files that helm would be given.
func (p *chartGenerator) values() ([]string, error) {
	content, err := p.h.Loader().Load(p.ValuesFile)
	if len(p.ValuesInline) > 0 && p.ValuesMerge == "replace" {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	if len(p.ValuesInline) > 0 {
		if content, err = p.merged(content); err != nil {
			return nil, err
		}
	}
	values := []string{string(content)}
	for _, file := range p.AdditionalValuesFiles {
		content, err := p.h.Loader().Load(file)
		if err != nil {
			return nil, err
		}
		values = append(values, string(content))
	}
	return values, nil
}

func (p *chartGenerator) merged(content []byte) ([]byte, error) {
	if p.ValuesMerge == "replace" {
		return yaml.Marshal(p.ValuesInline)
	}
	given, err := kyaml.Parse(string(content))
	if err != nil {
		return nil, fmt.Errorf("could not parse values file into rnode: %w", err)
	}
	inline, err := kyaml.FromMap(p.ValuesInline)
	if err != nil {
		return nil, fmt.Errorf("could not parse values inline into rnode: %w", err)
	}
	from, into := inline, given
	if p.ValuesMerge == "merge" {
		from, into = given, inline
	}
	merged, err := merge2.Merge(from, into.Copy(), kyaml.MergeOptions{})
	if err != nil {
		return nil, fmt.Errorf("could not merge values: %w", err)
	}
	fields, err := merged.Map()
	if err != nil {
		return nil, fmt.Errorf("could not parse merged values into map: %w", err)
	}
	return yaml.Marshal(fields)
}

func (p *chartGenerator) objects(text []byte) (resmap.ResMap, error) {
	built, err := p.h.ResmapFactory().NewResMapFromBytes(text)
	if err != nil {
		reader := &kio.ByteReader{Reader: bytes.NewBuffer(text), OmitReaderAnnotations: true}
		nodes, errRead := reader.Read()
		if errRead != nil {
			return nil, fmt.Errorf("error reading helm output: %w", errRead)
		}
		if len(nodes) == 0 {
			return nil, fmt.Errorf("could not parse bytes into resource map: %w", err)
		}
		if built, err = p.h.ResmapFactory().NewResMapFromRNodeSlice(nodes); err != nil {
			return nil, fmt.Errorf("could not parse rnode slice into resource map: %w", err)
		}
	}
	// For the transformer of namespaces, which leaves what Helm was told alone.
	for _, object := range built.Resources() {
		if err := object.RNode.PipeE(kyaml.SetAnnotation(konfig.HelmGeneratedAnnotation, "true")); err != nil {
			return nil, fmt.Errorf("failed to set helm annotation: %w", err)
		}
	}
	return built, nil
}

// charted is what a chart became; if that is not known, it is asked for.
func (files *files) charted(chart Chart) (string, bool) {
	same := func(other Chart) bool {
		one, _ := json.Marshal(chart)
		two, _ := json.Marshal(other)
		return bytes.Equal(one, two)
	}
	for _, charted := range files.known {
		if same(charted.Chart) {
			return charted.YAML, true
		}
	}
	if !slices.ContainsFunc(files.wanted, same) {
		files.wanted = append(files.wanted, chart)
	}
	return "", false
}

// markedChart has a mark behind each line of Helm's that names a template.
func (files *files) markedChart(chart Chart, text string) []byte {
	const source = "# Source: "
	var marked bytes.Buffer
	begins := false
	for line := range strings.Lines(text) {
		marked.WriteString(line)
		template, found := strings.CutPrefix(line, source)
		found = found && begins && files.marks
		begins = line == "---\n"
		if !found {
			continue
		}
		_, below, _ := strings.Cut(strings.TrimSpace(template), "/")
		marked.WriteString(originMark + strconv.Itoa(len(files.resources)) + ":0\n")
		files.resources = append(files.resources, resources{path: path.Join(chart.Path, below)})
	}
	return marked.Bytes()
}
