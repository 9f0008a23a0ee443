package guest

import (
	"errors"
	"io/fs"
	"path"
)

// What is of another place is asked for by a path that begins with a NUL, which no path of a repository has. The host
// fetches nothing for it: it has it already, or says why not.

// Repository gives the directory with the files of another repository. ref is a branch, a tag or a commit; written is
// the entry that names it.
func (tree *Tree) Repository(url, ref, written string) (string, error) {
	if ref == "" {
		ref = "HEAD"
	}
	kind, bytes := look("\x00git\x00" + url + "\x00" + ref + "\x00" + written)
	if kind == Link {
		tree.Absent = ""
		return path.Join(Mount, string(bytes)), nil
	}
	return "", tree.absent(written, kind, bytes)
}

// Remote gives a file that is at a URL; the error is fs.ErrNotExist's where none is pinned, for the URL may be a
// repository's as well.
func (tree *Tree) Remote(url string) ([]byte, error) {
	kind, bytes := look("\x00file\x00" + url)
	if kind == File {
		tree.Absent = ""
		return bytes, nil
	}
	return nil, tree.absent(url, kind, bytes)
}

func (tree *Tree) absent(what string, kind Kind, reason []byte) error {
	if kind == Refused && len(reason) > 0 {
		tree.Absent = string(reason)
		return errors.New(tree.Absent)
	}
	tree.Absent = what + " is not in the repository"
	return fs.ErrNotExist
}
