// The renderer of kustomizations: Kustomize's own library over the repository's tree. README.md, a folder above, has
// the interface.
package main

import (
	"path"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"trimtab.io/renderers/guest"
)

// Request is what the host asks for.
type Request struct {
	Path             string `json:"path"`
	LoadRestrictions string `json:"loadRestrictions"`
}

// Rendered is the answer.
type Rendered struct {
	YAML string `json:"yaml"`
}

// prepare parses the schema of the built-in kinds, which takes longer than most kustomizations.
func prepare() {
	openapi.Schema()
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
	options := krusty.MakeDefaultOptions()
	// What `kustomize build` has where no flag is given.
	options.Reorder = krusty.ReorderOptionUnspecified
	options.LoadRestrictions = restrictions

	files := &files{tree: guest.NewTree(), schemaIsPrepared: true}
	rendered, err := build(files, options, request.Path)
	if files.namesSchema {
		// Kustomize adds schemas to what it has parsed before, and what it then merges by depends on when it was
		// parsed. So such a kustomization finds what a new process finds: nothing.
		openapi.ResetOpenAPI()
		files.schemaIsPrepared = false
		files.kustomizations = nil
		rendered, err = build(files, options, request.Path)
	}
	if err != nil {
		return fault(err, files)
	}
	return Rendered{YAML: string(rendered)}
}

func build(files *files, options *krusty.Options, directory string) ([]byte, error) {
	resources, err := krusty.MakeKustomizer(options).Run(files, path.Join(guest.Mount, directory))
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}
