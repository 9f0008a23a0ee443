//go:build !wasip1

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A native build of this renderer, which answers as the guest does.
func rendered(t *testing.T, files map[string]string, directory string) Rendered {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "program")
	if text, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	root := filepath.Join(folder, "root")
	for name, content := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(program, root)
	command.Stdin = strings.NewReader(`{"path": "` + directory + `"}`)
	text, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var rendered Rendered
	if err := json.Unmarshal(text, &rendered); err != nil || rendered.YAML == "" {
		t.Fatalf("%v: %s", err, text)
	}
	return rendered
}

func TestObjectsAreKnownAgainWhateverIsDoneWithThem(t *testing.T) {
	all := "# Copyright\n\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 1}]}\n" +
		"---\n# A map.\n\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {x: y}\n" +
		"--- # and\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: c\nspec: {replicas: 2}\n"
	built := rendered(t, map[string]string{
		"base/all.yaml":           all,
		"base/kustomization.yaml": "resources: [all.yaml]\nconfigMapGenerator:\n- name: made\n  files: [all.yaml]\n",
		"kit/list.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n" +
			"  metadata: {name: other}\n",
		"kit/kustomization.yaml": `
namePrefix: p-
resources: [../base, list.yaml]
patches:
- patch: '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "c"}, "spec": {"replicas": 4}}'
- target: {kind: ConfigMap, name: b}
  patch: '[{"op": "add", "path": "/data/z", "value": "q"}]'
`,
	}, "kit")
	var found []string
	for _, origin := range built.Origins {
		if origin == nil {
			found = append(found, "nothing")
			continue
		}
		text, _ := json.Marshal(origin)
		found = append(found, string(text))
	}
	wanted := []string{
		`{"path":"base/all.yaml","line":10}`,          // ConfigMap p-b
		`{"path":"base/kustomization.yaml","line":3}`, // ConfigMap p-made-…
		`{"path":"base/all.yaml","line":3}`,           // Service p-a
		`{"path":"kit/list.yaml","line":4}`,           // Service p-other
		`{"path":"base/all.yaml","line":15}`,          // Deployment p-c
	}
	names := strings.Count(built.YAML, "\nkind: ")
	if names != len(wanted) || strings.Join(found, "\n") != strings.Join(wanted, "\n") {
		t.Errorf("%d objects of\n%s\nin\n%s", names, strings.Join(found, "\n"), built.YAML)
	}
	if !strings.Contains(built.YAML, "# A map.") || strings.Contains(built.YAML, originMark) {
		t.Errorf("what a generator reads is not the file:\n%s", built.YAML)
	}
}
