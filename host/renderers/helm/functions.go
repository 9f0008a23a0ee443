package main

import (
	"fmt"
	"maps"
	"slices"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// Functions whose result is another one each time. Given a fixed seed, they would make secrets that anybody can
// foresee; given a free one, the same commit would not render to the same objects.
var random = []string{
	"bcrypt", "encryptAES", "genCA", "genCAWithKey", "genPrivateKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
	"genSignedCert", "genSignedCertWithKey", "htpasswd", "randAlpha", "randAlphaNum", "randAscii", "randBytes",
	"randInt", "randNumeric", "shuffle", "uuidv4",
}

// Functions of the time at which they are called.
var clock = []string{"ago", "now"}

// Functions that read the clock unless they are given a time, and where that stands among their arguments.
var dates = map[string]int{
	"date": 1, "dateInZone": 1, "date_in_zone": 1, "htmlDate": 0, "htmlDateInZone": 0,
}

// functions takes the place of those of Helm's that are not functions of what the template has.
func (render *rendering) functions() template.FuncMap {
	functions := template.FuncMap{"keys": keys, "values": values}
	for _, name := range slices.Concat(random, clock, []string{"getHostByName"}) {
		functions[name] = func(...any) (any, error) { return nil, render.reach(name) }
	}
	usual := sprig.GenericFuncMap()
	for name, position := range dates {
		function := usual[name]
		functions[name] = func(arguments ...any) (any, error) {
			if position < len(arguments) && !isTime(arguments[position]) {
				return nil, render.reach(name)
			}
			return call(name, function, arguments)
		}
	}
	functions["durationRound"] = func(given any) (any, error) {
		if _, since := given.(time.Time); since {
			return nil, render.reach("durationRound")
		}
		return call("durationRound", usual["durationRound"], []any{given})
	}
	return functions
}

func (render *rendering) reach(name string) error {
	if render.reached == "" {
		render.reached = name
	}
	// Between these marks Helm looks for what a chart's author has to say, and leaves the trace out.
	return fmt.Errorf("HELM_ERR_START%s gives another result each time, which no commit says%s", name, "HELM_ERR_END")
}

func isTime(given any) bool {
	switch given.(type) {
	case time.Time, *time.Time, int64, int, int32:
		return true
	}
	return false
}

// call calls one of Helm's functions, whose arguments and results are of many types.
func call(name string, function any, arguments []any) (any, error) {
	switch function := function.(type) {
	case func(any) string:
		if len(arguments) == 1 {
			return function(arguments[0]), nil
		}
	case func(string, any) string:
		if first, is := text(arguments, 2, 0); is {
			return function(first, arguments[1]), nil
		}
	case func(any, string) string:
		if last, is := text(arguments, 2, 1); is {
			return function(arguments[0], last), nil
		}
	case func(string, any, string) string:
		first, is := text(arguments, 3, 0)
		last, too := text(arguments, 3, 2)
		if is && too {
			return function(first, arguments[1], last), nil
		}
	default:
		return nil, fmt.Errorf("%s has another type in this version of Helm", name)
	}
	return nil, fmt.Errorf("wrong arguments for %s", name)
}

func text(arguments []any, count, position int) (string, bool) {
	if len(arguments) != count {
		return "", false
	}
	given, is := arguments[position].(string)
	return given, is
}

// keys is Helm's but for the order, which there is another one each time.
func keys(tables ...map[string]any) []string {
	all := []string{}
	for _, table := range tables {
		all = append(all, slices.Sorted(maps.Keys(table))...)
	}
	return all
}

// values is in the order of keys.
func values(table map[string]any) []any {
	all := []any{}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		all = append(all, table[key])
	}
	return all
}
