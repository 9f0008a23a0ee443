// Flux's substitution, as a process that answers questions: a line of JSON each.
//
// With "text", what envsubst makes of it; with "object", what kustomize-controller makes of an
// object: YAML, variables, YAML read again (SubstituteVariables in github.com/fluxcd/pkg/kustomize).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"

	"github.com/fluxcd/pkg/envsubst"
	"sigs.k8s.io/yaml"
)

type question struct {
	Text   *string           `json:"text"`
	Object json.RawMessage   `json:"object"`
	Vars   map[string]string `json:"vars"`
	Strict bool              `json:"strict"`
}

type answer struct {
	Text   string          `json:"text"`
	Object json.RawMessage `json:"object,omitempty"`
	Error  string          `json:"error"`
	// It is no UTF-8: a character was cut in two.
	Broken bool `json:"broken"`
}

func (q question) evaluated(text string) (string, error) {
	return envsubst.Eval(text, func(name string) (string, bool) {
		value, set := q.Vars[name]
		return value, set || !q.Strict
	})
}

func (q question) answered() (a answer, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	if q.Text != nil {
		a.Text, err = q.evaluated(*q.Text)
		a.Broken = !utf8.ValidString(a.Text)
		return a, err
	}
	text, err := yaml.JSONToYAML(q.Object)
	if err != nil {
		return a, err
	}
	made, err := q.evaluated(string(text))
	if err != nil {
		return a, err
	}
	a.Object, err = yaml.YAMLToJSON([]byte(made))
	return a, err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		err := json.Unmarshal(lines.Bytes(), &q)
		var a answer
		if err == nil {
			a, err = q.answered()
		}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			panic(err)
		}
	}
}
