package http

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"time"
)

// Transport has the settings that are made elsewhere.
type Transport struct {
	Proxy               func(*Request) (*url.URL, error)
	Dial                func(network, address string) (net.Conn, error)
	DialContext         func(ctx context.Context, network, address string) (net.Conn, error)
	TLSClientConfig     *tls.Config
	TLSHandshakeTimeout time.Duration
	IdleConnTimeout     time.Duration
}

// RoundTrip reaches nothing.
func (*Transport) RoundTrip(*Request) (*Response, error) {
	return nil, errors.New("there is no network")
}

// CloseIdleConnections closes none.
func (*Transport) CloseIdleConnections() {}

// ProxyFromEnvironment gives none.
func ProxyFromEnvironment(*Request) (*url.URL, error) { return nil, nil }

// Methods and codes (RFC 9110) that errors are told apart by.
const (
	MethodGet  = "GET"
	MethodPost = "POST"

	StatusOK                    = 200
	StatusBadRequest            = 400
	StatusUnauthorized          = 401
	StatusForbidden             = 403
	StatusNotFound              = 404
	StatusMethodNotAllowed      = 405
	StatusNotAcceptable         = 406
	StatusConflict              = 409
	StatusGone                  = 410
	StatusRequestEntityTooLarge = 413
	StatusUnsupportedMediaType  = 415
	StatusUnprocessableEntity   = 422
	StatusTooManyRequests       = 429
	StatusInternalServerError   = 500
	StatusServiceUnavailable    = 503
	StatusGatewayTimeout        = 504
)

// StatusText gives no text: there is no answer that it could be of.
func StatusText(int) string { return "" }
