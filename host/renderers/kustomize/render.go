// The renderer of kustomizations: Kustomize's own library over the repository's tree. README.md, a folder above, has
// the interface.
package main

import (
	"net/http"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/trimtab"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"trimtab.io/renderers/guest"
)

// Request is what the host asks for.
type Request struct {
	Path             string `json:"path"`
	LoadRestrictions string `json:"loadRestrictions"`
	// Charted is what was asked for by earlier answers.
	Charted []Charted `json:"charted"`
}

// Wanted is the answer where charts must be rendered first.
type Wanted struct {
	Charts []Chart `json:"charts"`
}

// Rendered is the answer.
type Rendered struct {
	YAML string `json:"yaml"`
	// Origins are those of the objects, in their order.
	Origins []*Origin `json:"origins"`
	// Kustomizations are the files that were read, in this order.
	Kustomizations []string `json:"kustomizations"`
}

// prepare parses the schema of the built-in kinds, which takes longer than most kustomizations, and builds one: what
// Kustomize makes only once, such as its tables of fields, is in the snapshot then. It leaves nothing that a later
// build could tell; the schema, which it would, is that of a new process.
func prepare() {
	openapi.Schema()
	files := &files{tree: guest.NewTreeOf(warming), schemaIsPrepared: true, marks: true}
	useCharts(files)
	rendered, err := files.build(options(), "overlay")
	if err == nil {
		guest.Answer(nil, func([]byte) any { return rendered })
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
	restrictions, known := map[string]types.LoadRestrictions{
		"":         types.LoadRestrictionsRootOnly,
		"rootOnly": types.LoadRestrictionsRootOnly,
		"none":     types.LoadRestrictionsNone,
	}[request.LoadRestrictions]
	if !known {
		return &guest.Fault{Kind: guest.BadRequest, Message: "loadRestrictions: neither rootOnly nor none"}
	}
	options := options()
	options.LoadRestrictions = restrictions

	files := &files{tree: guest.NewTree(), schemaIsPrepared: true, marks: true, known: request.Charted}
	useCharts(files)
	rendered, err := files.build(options, request.Path)
	if files.namesSchema {
		// Kustomize adds schemas to what it has parsed before, and what it then merges by depends on when it was
		// parsed. So such a kustomization finds what a new process finds: nothing.
		rendered, err = files.again(options, request.Path)
	}
	if len(files.wanted) > 0 {
		// Whatever is wrong, it may be for want of them.
		return Wanted{files.wanted}
	}
	if err != nil && strings.Contains(err.Error(), "line ") {
		// A line that a library tells is the file's own only without the marks.
		files.marks = false
		rendered, err = files.again(options, request.Path)
	}
	if err != nil {
		return fault(err, files)
	}
	return rendered
}

func options() *krusty.Options {
	options := krusty.MakeDefaultOptions()
	// What `kustomize build` has where no flag is given.
	options.Reorder = krusty.ReorderOptionUnspecified
	return options
}

func (files *files) again(options *krusty.Options, directory string) (Rendered, error) {
	if files.namesSchema {
		openapi.ResetOpenAPI()
		files.schemaIsPrepared = false
	}
	files.kustomizations, files.resources, files.wanted = nil, nil, nil
	return files.build(options, directory)
}

func (files *files) build(options *krusty.Options, directory string) (Rendered, error) {
	http.DefaultTransport = answers{files.tree}
	built, err := trimtab.Build(options, files, path.Join(guest.Mount, directory), files.clone)
	if err != nil {
		return Rendered{}, err
	}
	text, err := built.AsYaml()
	if err != nil {
		return Rendered{}, err
	}
	kustomizations := []string{}
	for _, kustomization := range files.kustomizations {
		kustomizations = append(kustomizations, strings.TrimPrefix(kustomization.path, guest.Mount+"/"))
	}
	return Rendered{string(text), files.origins(built), kustomizations}, nil
}
