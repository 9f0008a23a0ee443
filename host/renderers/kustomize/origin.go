package main

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	"trimtab.io/renderers/guest"
)

// Origin is where an object comes from: a document of a file, or the entry of a generator.
type Origin struct {
	Path string `json:"path"`
	// Line is that of its first key.
	Line int `json:"line"`
}

// Kustomize's own annotations of origins cost as much as the rest of a build, and patches would see them. A comment
// above an object's first key is kept by all that does not write the object anew, and nothing looks at it.
const originMark = "# trimtab-origin:"

// isResource tells whether the file that is read is read for the objects in it, which the interface of file systems
// does not say: what a generator reads must be the bytes of the file.
func isResource() bool {
	var callers [8]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "resmap.(*Factory).FromFile") {
			return true
		}
		if !more {
			return false
		}
	}
}

// resources is a file with objects in it, as it was read.
type resources struct {
	path    string
	content []byte
}

// marked is the file with a comment above the first key of each document, which says where that is.
func (files *files) marked(name string, content []byte) []byte {
	if entry, err := files.tree.Find(name); err == nil {
		name = entry.Path
	}
	file := strconv.Itoa(len(files.resources))
	files.resources = append(files.resources, resources{strings.TrimPrefix(name, guest.Mount+"/"), content})
	marked := bytes.NewBuffer(make([]byte, 0, len(content)+len(content)/8+64))
	line, begun := 0, false
	for text := range bytes.Lines(content) {
		line++
		bare := bytes.TrimSpace(text)
		switch {
		case bytes.HasPrefix(text, []byte("---")):
			// What stands on the same line has no line of its own to be marked in.
			begun = len(bare) > 3 && bare[3] != ' ' && bare[3] != '#'
		case begun || len(bare) == 0 || bare[0] == '#' || bare[0] == '%':
		default:
			begun = true
			// A byte order mark must stay in front.
			if !bytes.HasPrefix(bare, []byte("\ufeff")) {
				marked.WriteString(originMark + file + ":" + strconv.Itoa(line) + "\n")
			}
		}
		marked.Write(text)
	}
	return marked.Bytes()
}

// origins are those of the objects, in their order; nil where nothing is known.
func (files *files) origins(built resmap.ResMap) []*Origin {
	objects := built.Resources()
	origins := make([]*Origin, len(objects))
	taken := map[Origin]bool{}
	missing := 0
	for at, object := range objects {
		if origins[at] = files.kept(object); origins[at] != nil {
			taken[*origins[at]] = true
		} else {
			missing++
		}
	}
	if missing == 0 {
		return origins
	}
	written := files.written()
	for at, object := range objects {
		if origins[at] == nil {
			origin := written.of(object, taken)
			// It may be a chart's, whose templates' names are not known.
			if origin != nil && (len(files.known) == 0 || !taken[*origin]) {
				origins[at] = origin
			}
		}
	}
	return origins
}

// kept reads the comment of an object that was not written anew.
func (files *files) kept(object *resource.Resource) *Origin {
	node := object.YNode()
	comments := node.HeadComment
	if len(node.Content) > 0 {
		comments += "\n" + node.Content[0].HeadComment
	}
	// The last is ours, whatever the file has.
	at := strings.LastIndex(comments, originMark)
	if at < 0 {
		return nil
	}
	mark, _, _ := strings.Cut(comments[at+len(originMark):], "\n")
	file, line, _ := strings.Cut(mark, ":")
	number, err := strconv.Atoi(file)
	if err != nil || number < 0 || number >= len(files.resources) {
		return nil
	}
	begin, err := strconv.Atoi(line)
	if err != nil || begin < 0 {
		return nil
	}
	return &Origin{files.resources[number].path, begin}
}

// entry is what an object may have been made of.
type entry struct {
	kind, name string
	origin     Origin
}

type entries []entry

// written are all objects of the files and all entries of the kustomizations' generators.
func (files *files) written() entries {
	var all entries
	for _, file := range files.resources {
		line := 1
		for _, document := range bytes.Split(file.content, []byte("\n---")) {
			all = all.with(document, file.path, line)
			line += bytes.Count(document, []byte("\n")) + 1
		}
	}
	for _, kustomization := range files.kustomizations {
		path := strings.TrimPrefix(kustomization.path, guest.Mount+"/")
		root, err := yaml.Parse(string(kustomization.content))
		if err != nil {
			continue
		}
		for _, kind := range []string{"ConfigMap", "Secret"} {
			field := strings.ToLower(kind[:1]) + kind[1:] + "Generator"
			for _, element := range items(root, field) {
				if name := element.Field("name"); name != nil {
					origin := Origin{path, element.YNode().Line}
					all = append(all, entry{kind, yaml.GetValue(name.Value), origin})
				}
			}
		}
	}
	return all
}

func items(node *yaml.RNode, field string) []*yaml.RNode {
	list, err := node.Pipe(yaml.Lookup(field))
	if err != nil || list == nil {
		return nil
	}
	elements, _ := list.Elements()
	return elements
}

// with adds the object of a document, or those of a list.
func (all entries) with(document []byte, path string, line int) entries {
	// What stood before the cut was a line's beginning.
	node, err := yaml.Parse(string(document))
	if err != nil || node.YNode().Kind != yaml.MappingNode {
		return all
	}
	objects := []*yaml.RNode{node}
	if strings.HasSuffix(node.GetKind(), "List") {
		objects = items(node, "items")
	}
	for _, object := range objects {
		all = append(all, entry{object.GetKind(), object.GetName(), Origin{path, line + object.YNode().Line - 1}})
	}
	return all
}

// of is the one entry that the object can have been made of: prefixes, suffixes and a digest are put around a name. One
// that no other object was made of is the likelier.
func (all entries) of(object *resource.Resource, taken map[Origin]bool) *Origin {
	var found *entry
	unique := false
	better := func(a, b *entry) (is, same bool) {
		if len(a.name) != len(b.name) {
			return len(a.name) > len(b.name), false
		}
		return !taken[a.origin] && taken[b.origin], taken[a.origin] == taken[b.origin]
	}
	for at := range all {
		it := &all[at]
		if it.kind != object.GetKind() || it.name == "" || !strings.Contains(object.GetName(), it.name) {
			continue
		}
		if found == nil {
			found, unique = it, true
			continue
		}
		if is, same := better(it, found); is {
			found, unique = it, true
		} else if same && it.origin != found.origin {
			unique = false
		}
	}
	if !unique {
		return nil
	}
	return &found.origin
}
