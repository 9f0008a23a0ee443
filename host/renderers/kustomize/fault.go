package main

import (
	"strings"

	"trimtab.io/renderers/guest"
)

// fault sorts an error by what can be done about it. Kustomize's own errors say it in their text alone.
func fault(err error, files *files) *guest.Fault {
	text := err.Error()
	says := func(words string) bool { return strings.Contains(text, words) }
	switch {
	case files.tree.Absent != "":
		return &guest.Fault{
			Kind:    guest.Remote,
			Message: files.tree.Absent,
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
