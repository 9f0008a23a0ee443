package main

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
	"trimtab.io/renderers/guest"
)

// files is Kustomize's file system over the repository's tree.
type files struct {
	tree *guest.Tree
	// schemaIsPrepared: kustomizations that name a schema must not be built.
	schemaIsPrepared bool
	// namesSchema: there was one.
	namesSchema bool
	// kustomizations that were read, in this order: for errors.
	kustomizations []kustomization
	// known is what became of charts that were asked for, and wanted are those that it is to be asked for.
	known  []Charted
	wanted []Chart
	// marks: objects are to be known again when they are built.
	marks bool
	// resources are the files that were read for the objects in them.
	resources []resources
}

type kustomization struct {
	path    string
	content []byte
}

var (
	errReadOnly    = errors.New("the repository cannot be written to")
	errNamesSchema = errors.New("a kustomization names a schema")
)

// CleanedAbs resolves links, as the interface wants.
func (files *files) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	entry, err := files.tree.Find(name)
	if err != nil {
		return "", "", &evaluation{name, err}
	}
	if entry.Kind == guest.Directory {
		return filesys.ConfirmedDir(entry.Path), "", nil
	}
	directory, file := path.Split(entry.Path)
	return filesys.ConfirmedDir(path.Clean(directory)), file, nil
}

// evaluation reads as the error of Kustomize's file system on a disk.
type evaluation struct {
	name string
	err  error
}

func (evaluation *evaluation) Error() string {
	return "evalsymlink failure on '" + evaluation.name + "' : " + evaluation.err.Error()
}

func (evaluation *evaluation) Unwrap() error { return evaluation.err }

func (files *files) ReadFile(name string) ([]byte, error) {
	content, err := files.tree.ReadFile(name)
	if err != nil {
		return content, err
	}
	if !slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name)) {
		if files.marks && isResource() {
			content = files.marked(name, content)
		}
		return content, nil
	}
	if files.schemaIsPrepared && namesSchema(content) {
		files.namesSchema = true
		return nil, errNamesSchema
	}
	files.kustomizations = append(files.kustomizations, kustomization{name, content})
	return content, nil
}

func namesSchema(content []byte) bool {
	var fields map[string]any
	// What is no YAML is an error that Kustomize words better.
	if err := yaml.Unmarshal(content, &fields); err != nil {
		return false
	}
	for field := range fields {
		// Kustomize reads its fields as encoding/json does, which does not tell cases apart.
		if strings.EqualFold(field, "openapi") {
			return true
		}
	}
	return false
}

func (files *files) Exists(name string) bool {
	_, err := files.tree.Find(name)
	return err == nil
}

func (files *files) IsDir(name string) bool {
	entry, err := files.tree.Find(name)
	return err == nil && entry.Kind == guest.Directory
}

func (files *files) ReadDir(name string) ([]string, error) {
	entries, err := files.tree.Names(name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name)
	}
	return names, nil
}

// Kustomize's build calls none of these.

func (files *files) Glob(string) ([]string, error)         { return nil, fs.ErrInvalid }
func (files *files) Walk(string, filepath.WalkFunc) error  { return fs.ErrInvalid }
func (files *files) Open(string) (filesys.File, error)     { return nil, fs.ErrInvalid }
func (files *files) Create(string) (filesys.File, error)   { return nil, errReadOnly }
func (files *files) Mkdir(string) error                    { return errReadOnly }
func (files *files) MkdirAll(string) error                 { return errReadOnly }
func (files *files) RemoveAll(string) error                { return errReadOnly }
func (files *files) WriteFile(name string, _ []byte) error { return errReadOnly }
