// Judges Pods by the Pod Security Standards as the API server's own admission does. Its arguments
// are versions of the standards. A request is a line of standard input with a Pod in JSON; the
// answer is a line of JSON: for each level and version the ids of the checks that forbid the Pod,
// or why the API server would not read it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	strict "sigs.k8s.io/json"
)

type answer struct {
	// By level, then in the order of the versions that were asked for.
	Forbidden map[api.Level][][]string `json:"forbidden,omitempty"`
	Error     string                   `json:"error,omitempty"`
}

// A result does not say which check it is of; its reason does here.
func named(checks []policy.Check) []policy.Check {
	for _, check := range checks {
		for index, version := range check.Versions {
			check.Versions[index].CheckPod = func(metadata *metav1.ObjectMeta, spec *corev1.PodSpec) policy.CheckResult {
				result := version.CheckPod(metadata, spec)
				result.ForbiddenReason = string(check.ID)
				return result
			}
		}
	}
	return checks
}

func judge(evaluator policy.Evaluator, versions []api.Version, pod *corev1.Pod) map[api.Level][][]string {
	forbidden := map[api.Level][][]string{}
	for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
		for _, version := range versions {
			of := api.LevelVersion{Level: level, Version: version}
			checks := []string{}
			for _, result := range evaluator.EvaluatePod(of, &pod.ObjectMeta, &pod.Spec) {
				if !result.Allowed {
					checks = append(checks, result.ForbiddenReason)
				}
			}
			forbidden[level] = append(forbidden[level], checks)
		}
	}
	return forbidden
}

func read(text []byte) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	unknown, err := strict.UnmarshalStrict(text, pod)
	if err == nil && len(unknown) > 0 {
		err = unknown[0]
	}
	return pod, err
}

func run() error {
	var versions []api.Version
	for _, argument := range os.Args[1:] {
		version, err := api.ParseVersion(argument)
		if err != nil {
			return fmt.Errorf("%s: %w", argument, err)
		}
		versions = append(versions, version)
	}
	evaluator, err := policy.NewEvaluator(named(policy.DefaultChecks()), nil)
	if err != nil {
		return err
	}
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 1<<20), 64<<20)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		result := answer{}
		if pod, err := read(input.Bytes()); err != nil {
			result.Error = err.Error()
		} else {
			// The API server fills them in before admission: hostPorts of host networks, say.
			defaults.SetObjectDefaults_Pod(pod)
			result.Forbidden = judge(evaluator, versions, pod)
		}
		if err := output.Encode(result); err != nil {
			return err
		}
	}
	return input.Err()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pod-security-oracle:", err)
		os.Exit(1)
	}
}
