// Package guest is what the renderers are made of: the calls to the host, the repository's tree behind them, requests
// and answers.
package guest

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Mount is where the repository's root is for the libraries: below the file system's root, so that a path that climbs
// out of the repository is seen to do so.
const Mount = "/repository"

// Kind is what there is at a path.
type Kind int

// The numbers are those of the answers of `look`.
const (
	Nothing Kind = iota
	File
	Directory
	Link
	Refused
)

type found struct {
	kind  Kind
	bytes []byte
}

// Tree is the repository's tree for one render. It remembers what the host said.
type Tree struct {
	seen map[string]found
	// closed: the host is not asked.
	closed bool
	// Refusal is the first path that the host refused or that is out of the repository, with the reason.
	Refusal string
	// Absent is what of another place was asked for last, in vain, with the reason.
	Absent string
}

// NewTree gives the tree of the repository.
func NewTree() *Tree { return &Tree{seen: map[string]found{}} }

// NewTreeOf gives a tree of these files alone.
func NewTreeOf(files map[string]string) *Tree {
	tree := &Tree{seen: map[string]found{}, closed: true}
	names := map[string]map[string]bool{}
	for name, content := range files {
		tree.seen[name] = found{File, []byte(content)}
		for directory, entry := path.Dir(name), path.Base(name); ; {
			if names[directory] == nil {
				names[directory] = map[string]bool{}
			}
			names[directory][entry] = true
			if directory == "." {
				break
			}
			directory, entry = path.Dir(directory), path.Base(directory)+"/"
		}
	}
	for directory, entries := range names {
		sorted := slices.Sorted(maps.Keys(entries))
		tree.seen[directory] = found{Directory, nil}
		tree.seen[directory+"/"] = found{Directory, []byte(strings.Join(sorted, "\x00"))}
	}
	return tree
}

// Entry is what a path leads to.
type Entry struct {
	// Path is absolute and has no links in it.
	Path  string
	Kind  Kind
	bytes []byte
}

// Find follows links. The error is fs.ErrNotExist's, or a refusal.
func (tree *Tree) Find(absolute string) (Entry, error) {
	absolute = path.Clean(absolute)
	asked := absolute
	// The host resolves all links of a path at once, so that one step is the rule.
	for range 8 {
		inside, err := tree.inside(asked)
		if err != nil {
			return Entry{}, err
		}
		there := tree.look(inside)
		switch there.kind {
		case Nothing:
			return Entry{}, &fs.PathError{Op: "lstat", Path: absolute, Err: fs.ErrNotExist}
		case Refused:
			reason := string(there.bytes)
			if reason == "" {
				reason = inside + " is out of the repository, or too large"
			}
			return Entry{}, tree.refuse(reason)
		case Link:
			asked = path.Join(Mount, string(there.bytes))
		default:
			return Entry{Path: asked, Kind: there.kind, bytes: there.bytes}, nil
		}
	}
	return Entry{}, tree.refuse(absolute + " is a chain of too many links")
}

// look asks the host what is at a path, once.
func (tree *Tree) look(inside string) found {
	there, known := tree.seen[inside]
	if !known && !tree.closed {
		there.kind, there.bytes = look(inside)
		tree.seen[inside] = there
	}
	return there
}

// ReadFile gives a file's bytes, which the caller may change.
func (tree *Tree) ReadFile(absolute string) ([]byte, error) {
	entry, err := tree.Find(absolute)
	if err != nil {
		return nil, err
	}
	if entry.Kind == Directory {
		return nil, &fs.PathError{Op: "read", Path: absolute, Err: fmt.Errorf("is a directory")}
	}
	return slices.Clone(entry.bytes), nil
}

// Name is an entry of a directory.
type Name struct {
	Name        string
	IsDirectory bool
}

// Names gives a directory's entries in the order of their names.
func (tree *Tree) Names(absolute string) ([]Name, error) {
	entry, err := tree.Find(absolute)
	if err != nil {
		return nil, err
	}
	if entry.Kind != Directory {
		return nil, &fs.PathError{Op: "readdirent", Path: absolute, Err: fmt.Errorf("not a directory")}
	}
	inside, err := tree.inside(entry.Path)
	if err != nil {
		return nil, err
	}
	// Only who asks for the names depends on them.
	there := tree.look(inside + "/")
	if there.kind != Directory {
		return nil, tree.refuse(inside + " cannot be listed: " + string(there.bytes))
	}
	var names []Name
	for name := range strings.SplitSeq(strings.TrimSuffix(string(there.bytes), "\x00"), "\x00") {
		if name != "" {
			bare, isDirectory := strings.CutSuffix(name, "/")
			names = append(names, Name{bare, isDirectory})
		}
	}
	slices.SortFunc(names, func(a, b Name) int { return strings.Compare(a.Name, b.Name) })
	return names, nil
}

func (tree *Tree) inside(absolute string) (string, error) {
	if absolute == Mount {
		return ".", nil
	}
	inside, is := strings.CutPrefix(absolute, Mount+"/")
	if !is {
		return "", tree.refuse(absolute + " is out of the repository")
	}
	return inside, nil
}

func (tree *Tree) refuse(reason string) error {
	if tree.Refusal == "" {
		tree.Refusal = reason
	}
	return fmt.Errorf("refused: %s", reason)
}
