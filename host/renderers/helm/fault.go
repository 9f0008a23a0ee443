package main

import (
	"errors"
	"strings"

	"trimtab.io/renderers/guest"
)

// fault sorts an error by what can be done about it.
func (render *rendering) fault(err error) *guest.Fault {
	text := err.Error()
	if missing := (*missingCharts)(nil); errors.As(err, &missing) {
		return &guest.Fault{
			Kind:    guest.Remote,
			Message: text,
			Hint:    "nothing is fetched while rendering: commit them below charts/, as `helm dependency build` puts them there",
		}
	}
	switch {
	case render.reached == "getHostByName":
		return &guest.Fault{Kind: guest.Impure, Message: text, Hint: "give the address in the values"}
	case render.reached != "":
		return &guest.Fault{
			Kind:    guest.Impure,
			Message: text,
			Hint: "give what it would make in the values, or keep it in a Secret that the platform's team or a" +
				" controller makes; most charts take the name of an existing one",
		}
	case render.tree.Refusal != "":
		return &guest.Fault{Kind: guest.OutOfReach, Message: text, Hint: render.tree.Refusal}
	case strings.Contains(text, "HTTP request failed for"):
		return &guest.Fault{
			Kind:    guest.Remote,
			Message: text,
			Hint:    "nothing is fetched while rendering: write the schema that is referred to into values.schema.json",
		}
	}
	return &guest.Fault{Kind: guest.Input, Message: text}
}
