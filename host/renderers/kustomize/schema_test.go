package main

import (
	"testing"

	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// What prepare parses must not change what Kustomize knows of the built-in kinds' scopes: a new process answers from a
// table for as long as nothing is parsed.
func TestPreparedScopesAreThoseOfANewProcess(t *testing.T) {
	prepare()
	prepared := map[yaml.TypeMeta][2]bool{}
	for _, definition := range openapi.Schema().Definitions {
		kinds, _ := definition.Extensions["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			names := kind.(map[string]any)
			group, _ := names["group"].(string)
			version := names["version"].(string)
			if group != "" {
				version = group + "/" + version
			}
			meta := yaml.TypeMeta{APIVersion: version, Kind: names["kind"].(string)}
			namespaced, known := openapi.IsNamespaceScoped(meta)
			prepared[meta] = [2]bool{namespaced, known}
		}
	}
	if len(prepared) < 100 {
		t.Fatalf("only %d kinds", len(prepared))
	}
	for meta, scope := range prepared {
		openapi.ResetOpenAPI()
		namespaced, known := openapi.IsNamespaceScoped(meta)
		if scope != [2]bool{namespaced, known} {
			t.Errorf("%v: %v prepared, %v in a new process", meta, scope, [2]bool{namespaced, known})
		}
	}
}
