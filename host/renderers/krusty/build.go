// Package trimtab builds a kustomization as krusty does, with a cloner of one's own for what is in other repositories:
// krusty's runs git. The module lies below Kustomize's API by its name, because the loader is internal to that.
package trimtab

import (
	"fmt"
	"reflect"

	"sigs.k8s.io/kustomize/api/ifc"
	"sigs.k8s.io/kustomize/api/internal/builtins"
	"sigs.k8s.io/kustomize/api/internal/git"
	"sigs.k8s.io/kustomize/api/internal/loader"
	plugins "sigs.k8s.io/kustomize/api/internal/plugins/loader"
	"sigs.k8s.io/kustomize/api/internal/target"
	"sigs.k8s.io/kustomize/api/internal/utils"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provenance"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/errors"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// Repository is what a kustomization says of another repository.
type Repository struct {
	// URL is what `git clone` would be given.
	URL string
	// Ref is empty where none is named.
	Ref string
	// Written is the entry of the kustomization.
	Written string
}

// Clone gives the directory that has a repository's files.
type Clone func(Repository) (string, error)

// Build does what (*krusty.Kustomizer).Run of v0.21.2 does, in its order.
func Build(options *krusty.Options, files filesys.FileSystem, path string, clone Clone) (resmap.ResMap, error) {
	dependencies := provider.NewDepProvider()
	factory := resmap.NewFactory(dependencies.GetResourceFactory())
	restriction := loader.RestrictionNone
	if options.LoadRestrictions == types.LoadRestrictionsRootOnly {
		restriction = loader.RestrictionRootOnly
	}
	root, err := loader.NewLoader(restriction, path, files)
	if err != nil {
		return nil, err
	}
	defer root.Cleanup()
	if err := setCloner(root, clone); err != nil {
		return nil, err
	}
	kustomization := target.NewKustTarget(root, dependencies.GetFieldValidator(), factory,
		plugins.NewLoader(options.PluginConfig, factory, filesys.MakeFsOnDisk()))
	if err := kustomization.Load(); err != nil {
		return nil, err
	}
	said := kustomization.Kustomization()
	var schema []byte
	if schemaPath, exists := said.OpenAPI["path"]; exists {
		if schema, err = root.Load(schemaPath); err != nil {
			return nil, err
		}
	}
	if err := openapi.SetSchema(said.OpenAPI, schema, true); err != nil {
		return nil, err
	}
	made, err := kustomization.MakeCustomizedResMap()
	if err != nil {
		return nil, err
	}
	if err := sort(options, &said, made); err != nil {
		return nil, err
	}
	has := func(option string) bool { return utils.StringSliceContains(said.BuildMetadata, option) }
	if options.AddManagedbyLabel || has(types.ManagedByLabelOption) {
		labels := builtins.LabelTransformerPlugin{
			Labels: map[string]string{
				konfig.ManagedbyLabelKey: fmt.Sprintf("kustomize-%s", provenance.GetProvenance().Semver()),
			},
			FieldSpecs: []types.FieldSpec{{Path: "metadata/labels", CreateIfNotPresent: true}},
		}
		if err := labels.Transform(made); err != nil {
			return nil, err
		}
	}
	made.RemoveBuildAnnotations()
	if !has(types.OriginAnnotations) {
		if err := made.RemoveOriginAnnotations(); err != nil {
			return nil, errors.WrapPrefixf(err, "failed to clean up origin tracking annotations")
		}
	}
	if !has(types.TransformerAnnotations) {
		if err := made.RemoveTransformerAnnotations(); err != nil {
			return nil, errors.WrapPrefixf(err, "failed to clean up transformer annotations")
		}
	}
	return made, nil
}

func sort(options *krusty.Options, said *types.Kustomization, made resmap.ResMap) error {
	order := said.SortOptions
	if order == nil {
		if options.Reorder != krusty.ReorderOptionLegacy && options.Reorder != krusty.ReorderOptionUnspecified {
			return nil
		}
		order = &types.SortOptions{Order: types.LegacySortOrder}
	}
	return errors.Wrap((&builtins.SortOrderTransformerPlugin{SortOptions: order}).Transform(made))
}

// setCloner exchanges the root loader's cloner, which it hands on to those below it. There is no other way to it.
func setCloner(root ifc.Loader, clone Clone) error {
	var cloner git.Cloner = func(spec *git.RepoSpec) error {
		directory, err := clone(Repository{URL: spec.CloneSpec(), Ref: spec.Ref, Written: spec.Raw()})
		if err != nil {
			return err
		}
		spec.Dir = filesys.ConfirmedDir(directory)
		return nil
	}
	file, is := root.(*loader.FileLoader)
	if !is {
		return errors.Errorf("the loader is another one: %T", root)
	}
	field := reflect.ValueOf(file).Elem().FieldByName("cloner")
	if !field.IsValid() || field.Type() != reflect.TypeOf(cloner) {
		return errors.Errorf("the loader has no cloner")
	}
	reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem().Set(reflect.ValueOf(cloner))
	return nil
}
