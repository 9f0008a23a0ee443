// Package dynamic has the client that `lookup` asks where there is a cluster.
package dynamic

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Object is what a client gives.
type Object struct{}

// UnstructuredContent gives nothing.
func (*Object) UnstructuredContent() map[string]any { return nil }

// ResourceInterface reads objects.
type ResourceInterface interface {
	Get(context.Context, string, metav1.GetOptions, ...string) (*Object, error)
	List(context.Context, metav1.ListOptions) (*Object, error)
}

// NamespaceableResourceInterface reads objects of all namespaces or of one.
type NamespaceableResourceInterface interface {
	ResourceInterface
	Namespace(string) ResourceInterface
}

// Interface reads objects of all kinds.
type Interface interface {
	Resource(schema.GroupVersionResource) NamespaceableResourceInterface
}

// NewForConfig makes none.
func NewForConfig(*rest.Config) (Interface, error) {
	return nil, errors.New("there is no cluster to ask")
}
