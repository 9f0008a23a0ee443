// Package http2 has what Kubernetes' libraries configure their clients with.
package http2

import (
	"errors"
	"net/http"
	"time"
)

// NextProtoTLS is the protocol's name.
const NextProtoTLS = "h2"

// Transport is never made.
type Transport struct {
	ReadIdleTimeout, PingTimeout time.Duration
}

// ConfigureTransports makes none.
func ConfigureTransports(*http.Transport) (*Transport, error) {
	return nil, errors.New("there is no network")
}
