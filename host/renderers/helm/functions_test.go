package main

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// Helm takes these out.
var environment = []string{"env", "expandenv"}

// Sprig calls these impure because they may read the clock or the local zone. With a time they do not, and the zone
// is UTC.
var pureWithATime = []string{"date_modify", "dateModify"}

func TestEveryImpureFunctionIsReplaced(t *testing.T) {
	replaced := (&rendering{}).functions()
	hermetic := sprig.HermeticTxtFuncMap()
	for _, name := range slices.Sorted(maps.Keys(sprig.GenericFuncMap())) {
		if _, is := hermetic[name]; is || slices.Contains(environment, name) || slices.Contains(pureWithATime, name) {
			continue
		}
		if _, is := replaced[name]; !is {
			t.Errorf("%s is not replaced", name)
		}
	}
}

func TestEveryReplacedFunctionIsOneOfHelms(t *testing.T) {
	usual := sprig.GenericFuncMap()
	for name := range (&rendering{}).functions() {
		if _, is := usual[name]; !is {
			t.Errorf("%s is no function", name)
		}
	}
}

func TestDatesWithATimeArePure(t *testing.T) {
	then := time.Unix(1_700_000_000, 0).UTC()
	for name, arguments := range map[string][]any{
		"date":           {"2006-01-02", then},
		"dateInZone":     {"2006-01-02", then, "UTC"},
		"date_in_zone":   {"2006-01-02", then, "UTC"},
		"htmlDate":       {then},
		"htmlDateInZone": {then, "UTC"},
	} {
		render := &rendering{}
		function := render.functions()[name].(func(...any) (any, error))
		got, err := function(arguments...)
		if err != nil || got != "2023-11-14" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		arguments[dates[name]] = "no time"
		if _, err := function(arguments...); err == nil || render.reached != name {
			t.Errorf("%s of no time is the clock's", name)
		}
	}
}
