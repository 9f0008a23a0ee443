// Package guest is what the renderers are made of: the calls to the host, the repository's tree behind them, requests
// and answers.
package guest

import (
	"fmt"
	"io/fs"
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
	// Refusal is the first path that the host refused or that is out of the repository, with the reason.
	Refusal string
	// Absent is what of another place was asked for last, in vain, with the reason.
	Absent string
}

// NewTree gives the tree of the repository.
func NewTree() *Tree { return &Tree{seen: map[string]found{}} }

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
		there, known := tree.seen[inside]
		if !known {
			there.kind, there.bytes = look(inside)
			tree.seen[inside] = there
		}
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
	var names []Name
	for name := range strings.SplitSeq(strings.TrimSuffix(string(entry.bytes), "\x00"), "\x00") {
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
