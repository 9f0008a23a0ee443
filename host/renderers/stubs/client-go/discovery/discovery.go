// Package discovery has the client that asks what a cluster serves.
package discovery

import (
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Client is never made.
type Client struct{}

// NewDiscoveryClientForConfig makes none.
func NewDiscoveryClientForConfig(*rest.Config) (*Client, error) {
	return nil, errors.New("there is no cluster to ask")
}

// ServerResourcesForGroupVersion gives nothing.
func (*Client) ServerResourcesForGroupVersion(string) (*metav1.APIResourceList, error) {
	return nil, errors.New("there is no cluster to ask")
}
