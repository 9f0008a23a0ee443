// Package v1beta1 registers a version of the API of custom resources.
package v1beta1

import "k8s.io/apimachinery/pkg/runtime/schema"

// AddToScheme adds the version.
func AddToScheme(scheme interface {
	Register(schema.GroupVersion) error
}) error {
	return scheme.Register(schema.GroupVersion{Group: "apiextensions.k8s.io", Version: "v1beta1"})
}
