//go:build !wasip1

package guest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func repository(t *testing.T) *Tree {
	t.Helper()
	folder := t.TempDir()
	resolved, err := filepath.EvalSymlinks(folder)
	if err != nil {
		t.Fatal(err)
	}
	root = resolved
	for _, act := range []error{
		os.MkdirAll(filepath.Join(root, "a/b"), 0o755),
		os.WriteFile(filepath.Join(root, "a/b/file"), []byte("text"), 0o644),
		os.WriteFile(filepath.Join(root, "a/b.txt"), nil, 0o644),
		os.Symlink("b", filepath.Join(root, "a/link")),
		os.Symlink("../..", filepath.Join(root, "a/out")),
	} {
		if act != nil {
			t.Fatal(act)
		}
	}
	return NewTree()
}

func TestLinksAreFollowed(t *testing.T) {
	tree := repository(t)
	entry, err := tree.Find(Mount + "/a/link/file")
	if err != nil || entry.Path != Mount+"/a/b/file" || entry.Kind != File {
		t.Errorf("%v, %v", entry, err)
	}
	content, err := tree.ReadFile(Mount + "/a/link/file")
	if err != nil || string(content) != "text" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestNamesTellFolders(t *testing.T) {
	names, err := repository(t).Names(Mount + "/a")
	wanted := []Name{{"b", true}, {"b.txt", false}, {"link", true}, {"out", true}}
	if err != nil || len(names) != len(wanted) {
		t.Fatalf("%v, %v", names, err)
	}
	for position := range names {
		if names[position] != wanted[position] {
			t.Errorf("%v, not %v", names[position], wanted[position])
		}
	}
}

func TestWhatIsOutOfTheRepositoryIsRefused(t *testing.T) {
	for _, path := range []string{Mount + "/../etc/passwd", Mount + "/a/out", "/", Mount + "x"} {
		tree := repository(t)
		if _, err := tree.Find(path); err == nil || errors.Is(err, fs.ErrNotExist) || tree.Refusal == "" {
			t.Errorf("%s: %v, %q", path, err, tree.Refusal)
		}
	}
}

func TestWhatIsNotThereIsToldSo(t *testing.T) {
	tree := repository(t)
	if _, err := tree.Find(Mount + "/a/none"); !errors.Is(err, fs.ErrNotExist) || tree.Refusal != "" {
		t.Errorf("%v, %q", err, tree.Refusal)
	}
}
