// Judges objects by ConstraintTemplates and constraints as Gatekeeper's webhook does, with the
// client of its constraint framework, its own target and matching, and OPA. A request is a line of
// standard input; the answer is a line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/drivers/rego"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/reviews"
	"github.com/open-policy-agent/frameworks/constraint/pkg/types"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator/reader"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator/test"
	mutation "github.com/open-policy-agent/gatekeeper/v3/pkg/mutation/types"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/target"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/util"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

type request struct {
	// Templates before their constraints.
	Policies []*unstructured.Unstructured `json:"policies"`
	Objects  []*unstructured.Unstructured `json:"objects"`
	// That are no objects.
	Namespaces []*unstructured.Unstructured `json:"namespaces"`
	// Whether the command line's own verdict is asked for.
	Gator bool `json:"gator"`
}

type answer struct {
	// Why each policy is refused; empty for those that are taken.
	Refused []string `json:"refused"`
	// Of each object.
	Results [][]result `json:"results"`
	Gator   []result   `json:"gator"`
	Error   string     `json:"error,omitempty"`
}

type result struct {
	Constraint string   `json:"constraint"`
	Message    string   `json:"message"`
	Actions    []string `json:"actions"`
	// Null if nothing was evaluated.
	Details any `json:"details"`
	// For the command line's, which tells of all objects together.
	Object string `json:"object,omitempty"`
}

func told(of *types.Result) result {
	actions := of.ScopedEnforcementActions
	if len(actions) == 0 {
		actions = []string{of.EnforcementAction}
	}
	sort.Strings(actions)
	constraint := of.Constraint.GetKind() + "/" + of.Constraint.GetName()
	return result{Constraint: constraint, Message: of.Msg, Actions: actions, Details: of.Metadata["details"]}
}

func newClient() (*client.Client, error) {
	driver, err := rego.New(rego.Externs("inventory"))
	if err != nil {
		return nil, err
	}
	points := []string{util.WebhookEnforcementPoint, util.GatorEnforcementPoint}
	return client.NewClient(
		client.Targets(&target.K8sValidationTarget{}),
		client.Driver(driver),
		client.EnforcementPoints(points...),
	)
}

// As the webhook that looks at policies, and then the controller.
func add(ctx context.Context, scheme *runtime.Scheme, to *client.Client, policy *unstructured.Unstructured) error {
	if reader.IsTemplate(policy) {
		template, err := reader.ToTemplate(scheme, policy)
		if err != nil {
			return err
		}
		_, err = to.AddTemplate(ctx, template)
		return err
	}
	action, err := util.GetEnforcementAction(policy.Object)
	if err != nil {
		return err
	}
	if err := util.ValidateEnforcementAction(action, policy.Object); err != nil {
		return err
	}
	_, err = to.AddConstraint(ctx, policy)
	return err
}

// With the label that the API server gives it.
func namespaces(of request) map[string]*unstructured.Unstructured {
	known := map[string]*unstructured.Unstructured{}
	for _, object := range append(of.Namespaces, of.Objects...) {
		if object.GetKind() == "Namespace" && object.GetAPIVersion() == "v1" {
			namespace := object.DeepCopy()
			labels := namespace.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			labels[corev1.LabelMetadataName] = namespace.GetName()
			namespace.SetLabels(labels)
			known[namespace.GetName()] = namespace
		}
	}
	return known
}

func judge(scheme *runtime.Scheme, of request) (*answer, error) {
	ctx := context.Background()
	to, err := newClient()
	if err != nil {
		return nil, err
	}
	answer := &answer{}
	for _, policy := range of.Policies {
		refused := ""
		if err := add(ctx, scheme, to, policy.DeepCopy()); err != nil {
			refused = err.Error()
		}
		answer.Refused = append(answer.Refused, refused)
	}
	for _, object := range of.Objects {
		if _, err := to.AddData(ctx, object); err != nil {
			return nil, err
		}
	}
	known := namespaces(of)
	for _, object := range of.Objects {
		review := target.AugmentedUnstructured{
			Object:    *object,
			Operation: admissionv1.Create,
			Source:    mutation.SourceTypeOriginal,
		}
		var options []reviews.ReviewOpt
		if namespace, found := known[object.GetNamespace()]; found {
			options = append(options, reviews.Namespace(namespace.Object))
			review.Namespace = &corev1.Namespace{}
			convert := runtime.DefaultUnstructuredConverter.FromUnstructured
			if err := convert(namespace.Object, review.Namespace); err != nil {
				return nil, err
			}
		}
		responses, err := to.Review(ctx, review, options...)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", object.GetKind(), object.GetName(), err)
		}
		results := []result{}
		for _, found := range responses.Results() {
			results = append(results, told(found))
		}
		answer.Results = append(answer.Results, results)
	}
	if of.Gator {
		responses, err := test.Test(append(of.Policies, of.Objects...))
		if err != nil {
			return nil, err
		}
		for _, found := range responses.Results() {
			result := told(&found.Result)
			object := found.ViolatingObject
			result.Object = fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
			answer.Gator = append(answer.Gator, result)
		}
	}
	return answer, nil
}

func run() error {
	scheme := runtime.NewScheme()
	if err := apis.AddToScheme(scheme); err != nil {
		return err
	}
	input := bufio.NewReader(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			return err
		}
		judged, err := judge(scheme, asked)
		if err != nil {
			judged = &answer{Error: err.Error()}
		}
		if err := output.Encode(judged); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
