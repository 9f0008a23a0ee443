package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"
	"trimtab.io/renderers/guest"
)

// A byte order mark, which Helm drops at the beginning of each file.
var mark = []byte{0xEF, 0xBB, 0xBF}

// load loads a chart from a directory or an archive.
func load(tree *guest.Tree, place string) (*chart.Chart, error) {
	there, err := tree.Find(place)
	if err != nil {
		return nil, fmt.Errorf("the chart %s: %w", place, err)
	}
	var files []*archive.BufferedFile
	if there.Kind == guest.Directory {
		files, err = directory(tree, place)
	} else {
		files, err = unpacked(tree, place)
	}
	if err != nil {
		return nil, err
	}
	if err := readable(place, files); err != nil {
		return nil, err
	}
	return loader.LoadFiles(files)
}

// readable tells whether the chart's API is one that `helm template` takes.
func readable(place string, files []*archive.BufferedFile) error {
	at := slices.IndexFunc(files, func(file *archive.BufferedFile) bool { return file.Name == "Chart.yaml" })
	if at < 0 {
		return fmt.Errorf("%s is no chart: it has no Chart.yaml", place)
	}
	var about struct {
		APIVersion string `json:"apiVersion"`
	}
	if err := yaml.Unmarshal(files[at].Data, &about); err != nil {
		return fmt.Errorf("cannot load Chart.yaml: %w", err)
	}
	switch about.APIVersion {
	case "", chart.APIVersionV1, chart.APIVersionV2:
		return nil
	}
	return fmt.Errorf("%s: charts of the API version %q are not rendered", place, about.APIVersion)
}

func unpacked(tree *guest.Tree, place string) ([]*archive.BufferedFile, error) {
	content, err := tree.ReadFile(place)
	if err != nil {
		return nil, err
	}
	files, err := archive.LoadArchiveFiles(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be unpacked: %w", place, err)
	}
	return files, nil
}

// walk collects a chart's files.
type walk struct {
	tree    *guest.Tree
	top     string
	ignored *ignore.Rules
	left    int64
	files   []*archive.BufferedFile
}

func directory(tree *guest.Tree, top string) ([]*archive.BufferedFile, error) {
	ignored := ignore.Empty()
	rules, err := tree.ReadFile(path.Join(top, ignore.HelmIgnore))
	switch {
	case err == nil:
		if ignored, err = ignore.Parse(bytes.NewReader(rules)); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Join(top, ignore.HelmIgnore), err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	ignored.AddDefaults()
	walk := &walk{tree: tree, top: top, ignored: ignored, left: archive.MaxDecompressedChartSize}
	if err := walk.enter("", nil); err != nil {
		return nil, err
	}
	return walk.files, nil
}

// enter takes the files below a folder, in the order of their names. above has the folders that it is in, without
// links.
func (walk *walk) enter(inside string, above []string) error {
	folder, err := walk.tree.Find(path.Join(walk.top, inside))
	if err != nil {
		return err
	}
	if slices.Contains(above, folder.Path) {
		return fmt.Errorf("%s is a link to a folder that it is in", path.Join(walk.top, inside))
	}
	above = append(slices.Clip(above), folder.Path)
	names, err := walk.tree.Names(folder.Path)
	if err != nil {
		return err
	}
	for _, entry := range names {
		name := path.Join(inside, entry.Name)
		if walk.ignored.Ignore(name, about{entry}) {
			continue
		}
		if entry.IsDirectory {
			err = walk.enter(name, above)
		} else {
			err = walk.read(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (walk *walk) read(name string) error {
	content, err := walk.tree.ReadFile(path.Join(walk.top, name))
	if err != nil {
		return fmt.Errorf("error reading %s: %w", name, err)
	}
	walk.left -= int64(len(content))
	if walk.left < 0 {
		return fmt.Errorf("the chart %s is larger than %d bytes", walk.top, archive.MaxDecompressedChartSize)
	}
	walk.files = append(walk.files, &archive.BufferedFile{Name: name, Data: bytes.TrimPrefix(content, mark)})
	return nil
}

// about is what the rules of .helmignore ask.
type about struct{ entry guest.Name }

func (about about) Name() string       { return about.entry.Name }
func (about about) IsDir() bool        { return about.entry.IsDirectory }
func (about about) Size() int64        { return 0 }
func (about about) Mode() fs.FileMode  { return 0 }
func (about about) ModTime() time.Time { return time.Time{} }
func (about about) Sys() any           { return nil }

func inMemory(texts map[string]string) (*chart.Chart, error) {
	var files []*archive.BufferedFile
	for name, text := range texts {
		files = append(files, &archive.BufferedFile{Name: name, Data: []byte(text)})
	}
	return loader.LoadFiles(files)
}

// values merges the values that are given beside the chart's own.
func (render *rendering) values() (map[string]any, error) {
	merged := map[string]any{}
	for number, given := range render.request.Values {
		content, name := []byte(given.YAML), given.Name
		if given.Path != "" {
			name = path.Join(guest.Mount, given.Path)
			var err error
			if content, err = render.tree.ReadFile(name); err != nil {
				return nil, fmt.Errorf("values %s: %w", name, err)
			}
		}
		if name == "" {
			name = fmt.Sprintf("number %d", number)
		}
		values, err := loader.LoadValues(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("values %s: %w", name, err)
		}
		merged = loader.MergeMaps(merged, values)
	}
	for _, set := range render.request.Set {
		if err := strvals.ParseInto(set, merged); err != nil {
			return nil, fmt.Errorf("set %s: %w", strings.TrimSpace(set), err)
		}
	}
	return merged, nil
}
