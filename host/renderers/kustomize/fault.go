package main

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
	"trimtab.io/renderers/guest"
)

// fault sorts an error by what can be done about it. Kustomize's own errors say it in their text alone.
func fault(err error, files *files) *guest.Fault {
	text := err.Error()
	says := func(words string) bool { return strings.Contains(text, words) }
	switch {
	case says(noGit) || says(noNetwork):
		what, where := files.remote()
		return &guest.Fault{
			Kind:    guest.Remote,
			Message: fmt.Sprintf("%s: %s is not in the repository", where, what),
			Hint:    "nothing is fetched while rendering: commit a copy of what it is at a pinned revision, and name that",
		}
	case files.tree.Refusal != "":
		return &guest.Fault{Kind: guest.OutOfReach, Message: text, Hint: files.tree.Refusal}
	case says(noChart):
		return &guest.Fault{
			Kind:    guest.Remote,
			Message: text,
			Hint:    "nothing is fetched while rendering: commit it there, as `helm pull --untar` puts it",
		}
	case says(noRelease):
		return &guest.Fault{
			Kind:    guest.Impure,
			Message: text,
			Hint:    "give it a releaseName, and no nameTemplate",
		}
	case says("external plugins disabled"):
		return &guest.Fault{
			Kind:    guest.Program,
			Message: text,
			Hint:    "no program or container is run while rendering: use a built-in generator or transformer, or a plugin of the kit",
		}
	}
	return &guest.Fault{Kind: guest.Input, Message: text}
}

const (
	// What Kustomize says before it would run git.
	noGit = "no 'git' program on path"
	// What the client of HTTP says here.
	noNetwork = "there is no network"
)

// remote finds the entry that asked for something from another place, in the kustomization that was read last: errors
// of Kustomize leave it out.
func (files *files) remote() (what, where string) {
	for number := len(files.kustomizations) - 1; number >= 0; number-- {
		kustomization := files.kustomizations[number]
		var fields map[string]any
		if yaml.Unmarshal(kustomization.content, &fields) != nil {
			continue
		}
		if what := firstRemote(fields); what != "" {
			return what, kustomization.path
		}
	}
	return "something of another place", guest.Mount
}

func firstRemote(value any) string {
	switch value := value.(type) {
	case string:
		for _, mark := range []string{"://", "git@", "git::", "gh:", "github.com", ".git", "_git/", "?ref="} {
			if !strings.Contains(value, "\n") && strings.Contains(value, mark) {
				return value
			}
		}
	case []any:
		for _, item := range value {
			if what := firstRemote(item); what != "" {
				return what
			}
		}
	case map[string]any:
		// The fields that lead to files, in the order in which Kustomize reads them.
		for _, field := range []string{
			"resources", "bases", "components", "crds", "path", "configurations", "generators", "transformers",
			"validators", "patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "configMapGenerator",
			"secretGenerator", "files", "envs", "env", "openapi",
		} {
			if what := firstRemote(value[field]); what != "" {
				return what
			}
		}
	}
	return ""
}
